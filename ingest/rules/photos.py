"""What may be uploaded, and what becomes of it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from ingest.rules import reveal, words
from ingest.rules.rolls import ROLL_IS_CLOSED, KnownRoll, may_see
from schemas.facts import PhotoCaptured, PhotoDeleted, PhotoText
from schemas.hashes import Card
from schemas.ids import FactId, PhotoId, RollId, UploadId, UserId
from schemas.objects import FILMS, MAX_UPLOAD_BYTES, UPLOAD_TYPES, original
from schemas.problems import Refused
from schemas.visibility import Admission, Tie, sight

NO_PHOTO = Refused("not_found", "there is no such photo")
YEARS = range(1970, 2101)  # of a camera's clock; further out is no clock, and overflows when converted


class AskUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/uploads`: what the phone is going to put; `sha256` (hex) pins the bytes."""

    content_type: str
    bytes: int
    sha256: str | None = None


class TakePhoto(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /v1/photos`. Without a roll the photo is public and develops at 09:00 in `tz` (left out: the author's)."""

    upload_id: UploadId
    roll: RollId | None = None
    caption: str | None = None
    taken_at: datetime | None = None
    tz: str | None = None


class Original(msgspec.Struct, frozen=True):
    """What lies in the bucket under an upload's key."""

    etag: str
    bytes: int
    content_type: str


class Plan(msgspec.Struct, frozen=True):
    """What is settled about a photo before it gets its id, which carries the reveal."""

    reveal_at: datetime
    film: str
    private: bool
    tz: ZoneInfo  # in which its develop time is counted


class KnownPhoto(msgspec.Struct, frozen=True):
    """A photo, and how the person who commands stands to its roll and to its author."""

    card: Card
    admitted: Admission
    tied: Tie


def is_revealed_to(known: KnownPhoto | None, photo: PhotoId, by: UserId, at: datetime) -> bool:
    """Whether `by` sees the photo itself at `at`: not its sealed card, which is the author's alone."""
    return known is not None and sight(photo, known.card, by, at, known.admitted, known.tied) == "revealed"


def upload_fault(command: AskUpload) -> Refused | None:
    """Why no ticket is given for such an upload; None when one is."""
    if command.content_type not in UPLOAD_TYPES:
        return words.wrong("unsupported_image", "/content_type", f"content_type is none of {', '.join(UPLOAD_TYPES)}")
    if not 1 <= command.bytes <= MAX_UPLOAD_BYTES:
        refused = words.wrong("bad_size", "/bytes", f"bytes is out of 1..{MAX_UPLOAD_BYTES}")
        return replace(refused, other_status=413) if command.bytes > 1 else refused
    if command.sha256 is not None and not is_sha256(command.sha256):
        return words.wrong("bad_value", "/sha256", "sha256 is not 64 lower-case hex digits")
    return None


def is_sha256(text: str) -> bool:
    """True for 64 lower-case hex digits."""
    return len(text) == 64 and all(char in "0123456789abcdef" for char in text)


def missing() -> Refused:
    """The answer for a ticket that was never used; another person's looks the same."""
    return words.wrong("upload_missing", "/upload_id", "nothing was uploaded under this ticket, or not by you")


def original_fault(found: Original) -> Refused | None:
    """Why what lies in the bucket cannot become a photo; None when it can."""
    if not 1 <= found.bytes <= MAX_UPLOAD_BYTES:
        return words.wrong("bad_size", "/upload_id", f"the upload has {found.bytes} bytes; at most {MAX_UPLOAD_BYTES}")
    if found.content_type not in UPLOAD_TYPES:
        return words.wrong("unsupported_image", "/upload_id", f"the upload is none of {', '.join(UPLOAD_TYPES)}")
    return None


def plan(command: TakePhoto, known: KnownRoll | None, *, home_tz: str, at: datetime) -> Plan | Refused:
    """Film, reveal and visibility: the roll's when there is one. `known` is None when the roll is not there."""
    if refused := words.caption_fault(command.caption) or _time_fault(command):
        return refused
    if command.roll is None:
        return _alone(reveal.zone(command.tz or home_tz) or ZoneInfo("UTC"), at)
    if known is None or not may_see(known):
        return Refused("not_found", "there is no such roll")
    if not known.member:
        return Refused("forbidden", "only members take photos into a roll")
    if known.roll.closed_at:
        return ROLL_IS_CLOSED
    roll, tz = known.roll, ZoneInfo(known.roll.tz)
    reveal_at = reveal.reveal_at(roll.develop, tz, at, opened_at=roll.opened_at)
    return Plan(reveal_at, roll.film, roll.visibility == "private", tz)


def _time_fault(command: TakePhoto) -> Refused | None:
    if command.tz is not None and reveal.zone(command.tz) is None:
        return words.wrong("bad_timezone", "/tz", "tz is no IANA time zone")
    taken = command.taken_at
    if taken is not None and (taken.tzinfo is None or taken.year not in YEARS):
        return words.wrong("bad_value", "/taken_at", "taken_at has no offset from UTC, or no sensible year")
    return None


def _alone(tz: ZoneInfo, at: datetime) -> Plan:
    reveal_at = reveal.reveal_at(reveal.DEFAULT_DEVELOP, tz, at, opened_at=at)
    return Plan(reveal_at, FILMS[0], private=False, tz=tz)


def taken_on(taken_at: datetime | None, tz: ZoneInfo, at: datetime) -> date:
    """The day a date back shows: the phone's own when `taken_at` tells its offset, else the day in `tz`.

    Most clients send UTC, which says nothing of where they are; without `taken_at` the moment of the command counts.
    """
    taken = taken_at or at
    return taken.date() if taken.utcoffset() else taken.astimezone(tz).date()


def decide_capture(
    command: TakePhoto, found: Plan, etag: str, *, photo: PhotoId, secret: str, id: FactId, by: UserId, at: datetime
) -> PhotoCaptured:
    """The photo as it will stand for ever."""
    return PhotoCaptured(
        id=id, at=at, by=by, photo=photo, upload=command.upload_id, original=original(by, command.upload_id),
        etag=etag, secret=secret, reveal_at=found.reveal_at, film=found.film, roll=command.roll,
        taken_at=command.taken_at and command.taken_at.astimezone(UTC),
        taken_on=taken_on(command.taken_at, found.tz, at),
        visibility="private" if found.private else "public",
        personal=PhotoText(caption=words.canonical(command.caption)),
    )  # fmt: skip


def decide_deletion(
    card: Card | None, *, photo: PhotoId, id: FactId, by: UserId, at: datetime
) -> PhotoDeleted | Refused | None:
    """The author takes it back; None when they did already. To anyone else there is nothing to delete."""
    if card is None or card.author != by:
        return Refused("not_found", "there is no such photo of yours")
    return None if card.deleted_at else PhotoDeleted(id=id, at=at, by=by, photo=photo, roll=card.roll)
