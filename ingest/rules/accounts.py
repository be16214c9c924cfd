"""Who may register, and with what."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from ingest.rules import reveal, words
from schemas.facts import AccountText, PhotoDeleted, UserErased, UserRegistered
from schemas.ids import FactId, PhotoId, RollId, UserId, derived_fact_id
from schemas.problems import Refused

PASSWORD_CHARS = (8, 1_000)

# The most frequent passwords of 8 characters and more in public leaks; the list of 3,000 comes with throttling.
FREQUENT = frozenset(
    """12345678 123456789 1234567890 password password1 password12 password123 passw0rd qwertyuiop qwerty123 qwerty12
    1q2w3e4r 1q2w3e4r5t iloveyou sunshine princess football baseball superman trustno1 11111111 00000000 88888888
    12341234 87654321 abcd1234 abc12345 asdfghjkl michelle jennifer computer internet whatever starwars liverpool
    letmein1 welcome1 darkroom darkroom1""".split()  # noqa: SIM905 - a list of 40 quoted words reads worse
)


class Register(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/accounts`. `tz` is an IANA zone: photos without a roll are revealed at 09:00 there."""

    username: str
    password: str
    tz: str
    email: str | None = None
    display_name: str | None = None


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/sessions`."""

    username: str
    password: str


class Erase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`DELETE /v1/me`: a token that was left lying about is not enough."""

    password: str


def decide_registration(command: Register, *, id: FactId, user: UserId, at: datetime) -> UserRegistered | Refused:
    """The account, unless a member is wrong. That the name is free is a reservation's affair, not a rule's."""
    if refused := registration_fault(command):
        return refused
    text = AccountText(
        username=command.username, display_name=words.canonical(command.display_name), email=command.email
    )
    return UserRegistered(id=id, at=at, by=user, tz=command.tz, personal=text)


def deletions(erased: UserErased, standing: Mapping[PhotoId, RollId | None]) -> list[PhotoDeleted]:
    """That all photos which stand are taken back; the same facts however often they are made."""
    return [
        PhotoDeleted(
            id=derived_fact_id(erased.id, f"PhotoDeleted {photo}"), at=erased.at, by=erased.by, photo=photo, roll=roll
        )
        for photo, roll in standing.items()
    ]


def registration_fault(command: Register) -> Refused | None:
    """What is wrong with the command as such; asked before a name is reserved for it."""
    return (
        words.username_fault(command.username)
        or _password_fault(command)
        or (None if reveal.zone(command.tz) else words.wrong("bad_timezone", "/tz", "tz is no IANA time zone"))
        or words.email_fault(command.email)
        or words.name_fault(command.display_name, "/display_name")
    )


def _password_fault(command: Register) -> Refused | None:
    """Length and frequency; no rules of composition. The password is taken as it comes, never cut or normalised."""
    least, most = PASSWORD_CHARS
    if len(command.password) > most:
        return words.wrong("string_too_long", "/password", f"a password has at most {most} characters")
    folded = command.password.casefold()
    if len(folded) < least or folded in FREQUENT or folded == command.username.casefold():
        return words.wrong("weak_password", "/password", f"a password has {least} characters or more and is not common")
    return None
