"""Who somebody is: register, sign in, sign out."""

from datetime import timedelta
from hashlib import sha256
from secrets import randbelow, token_urlsafe
from typing import Any

import structlog

from ingest.command import Call, Command, Done, accepted, bearer
from ingest.doors import Doors
from ingest.leases import Taken
from ingest.rules.accounts import Register, SignIn, decide_registration, registration_fault
from schemas import ids, secrets
from schemas.ids import FactId, UserId
from schemas.problems import Refusal, refusal
from schemas.secrets import Password, Session
from schemas.topics import Origin

# A day, until tokens can be refreshed: then 15 minutes. Shorter now would sign people out in the middle of a roll.
ACCESS_LASTS = timedelta(hours=24)

_tell = structlog.get_logger("ingest")


async def register(doors: Doors, call: Call) -> Done:
    """The password's record first, then the fact: a user who stands in the log can sign in."""
    command: Register = call.body
    id = _registration_id(call, command)
    if refused := registration_fault(command):
        raise Refusal(refused)
    if user := await doors.projections.user_named(command.username):
        return await _registered_before(doors, call, user, id)
    user = await _reserved(doors, call, command, id)
    fact = accepted(decide_registration(command, id=id, user=user, at=call.at))
    hash = await doors.passwords.hash(command.password)
    secret = await doors.log.secret(Password(user=user, hash=hash), call.trace)
    origin = await doors.log.fact(fact, call.trace)
    return await _signed_in(doors, call, user, (origin, secret))


def _registration_id(call: Call, command: Register) -> FactId:
    """Scoped by the name: nobody is signed in yet, and another's key must not answer with this account."""
    if (key := call.idempotency_key) is None:
        return call.fresh_fact_id()
    return ids.command_fact_id(command.username.casefold(), "POST /v1/accounts", key, "UserRegistered")


async def _registered_before(doors: Doors, call: Call, user: UserId, id: FactId) -> Done:
    """The name is taken. By this very command, retried by whoever knows its password: then they get their tokens."""
    ours = call.idempotency_key is not None and await doors.projections.entity(id) == user
    if ours and await doors.passwords.matches(call.body.password, await doors.projections.password(user)):
        return await _signed_in(doors, call, user, ())
    raise _name_is_taken()


async def _reserved(doors: Doors, call: Call, command: Register, id: FactId) -> UserId:
    """The new user's id; the one drawn before when this command is being retried."""
    bucket = randbelow(ids.BUCKETS)
    drawn = UserId(ids.compose(call.at, bucket, await doors.leases.sequence(bucket, call.at)))
    taken = await doors.leases.take_username(command.username, Taken(id, drawn))
    if taken.fact != id:
        raise _name_is_taken()
    return taken.user


def _name_is_taken() -> Exception:
    return refusal("conflict", "the user name is taken")


async def sign_in(doors: Doors, call: Call) -> Done:
    """A session. An unknown user costs as much time as a wrong password, and is answered alike."""
    command: SignIn = call.body
    user = await doors.projections.user_named(command.username)
    return await _signed_in(doors, call, await proven(doors, call, user, command.password), ())


async def proven(doors: Doors, call: Call, user: UserId | None, password: str) -> UserId:
    """The user, whose password this is; `invalid_credentials` when it is not, or when there is no such user."""
    client = call.client(doors.proxies)
    doors.throttle.expect_left(client)
    hash = await doors.projections.password(user) if user else None
    if not await doors.passwords.matches(password, hash) or user is None:
        doors.throttle.failed(client)
        _tell.warning("a sign-in failed", seclog=True, request_id=call.trace)
        raise refusal("invalid_credentials", "user name or password is wrong")
    return user


async def _signed_in(doors: Doors, call: Call, user: UserId, before: tuple[Origin, ...]) -> Done:
    """201 with a fresh token; the log gets its SHA-256 only."""
    token, expires_at = token_urlsafe(32), call.at + ACCESS_LASTS
    session = Session(token_sha256=sha256(token.encode()).hexdigest(), user=user, expires_at=expires_at)
    origin = await doors.log.secret(session, call.trace)
    told: dict[str, Any] = {"user": {"id": user}, "access_token": token, "expires_at": expires_at}
    return Done(201, told, (*before, origin))


async def sign_out(doors: Doors, call: Call) -> Done:
    """The session this command came with is gone."""
    return Done(204, None, (await doors.log.end_secret(secrets.session_key(token_of(call)), call.trace),))


def token_of(call: Call) -> str:
    """SHA-256 of the token that the command came with."""
    return sha256((bearer(call.request) or "").encode()).hexdigest()


_SIGNED_IN = {"user": {"id": "934671189654798336"}, "access_token": "…", "expires_at": "2026-11-22T18:30:00Z"}

COMMANDS = (
    Command(
        "POST", "/v1/accounts", register, "anyone", "Register: a new account, signed in",
        takes=Register, status=201, gives=_SIGNED_IN,
    ),
    Command(
        "POST", "/v1/sessions", sign_in, "anyone", "Sign in: a token for user name and password",
        takes=SignIn, status=201, gives=_SIGNED_IN,
    ),
    Command(
        "DELETE", "/v1/sessions/current", sign_out, "signed in", "Sign out: this token is good no more", status=204,
        is_for_barred=True,
    ),
)  # fmt: skip
