"""Write keys: who may post analytics batches, and how many events. A key itself is nowhere kept, only its SHA-256."""

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta

from ingest.rules.quotas import Quota

BURST_S = 10  # without a word on it, a burst is what ten seconds bring: a phone's whole queue after a flight


class WriteKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One key of the keys file. `events_per_s` None: the setting's; 0: as many as come. `revoked_at` ends it."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    app: Annotated[str, Meta(min_length=1, max_length=100)]
    name: Annotated[str, Meta(max_length=100)] = ""
    events_per_s: Annotated[float, Meta(ge=0)] | None = None
    burst: Annotated[int, Meta(ge=1)] | None = None
    revoked_at: datetime | None = None


class KeysFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in it: every key once, also the revoked ones."""

    keys: tuple[WriteKey, ...] = ()


def decode(raw: bytes) -> KeysFile:
    """The file; `ValueError` says what is wrong with it, without naming a key."""
    found = msgspec.json.decode(raw, type=KeysFile)
    if len({key.sha256 for key in found.keys}) < len(found.keys):
        raise ValueError("it holds one key twice")
    return found


def encode(file: KeysFile) -> bytes:
    """For people to read: one member per line."""
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def of_setting(write_keys: str) -> tuple[WriteKey, ...]:
    """The keys in a setting `key=app,key=app`; the app is the key's own name when it is left out."""
    pairs = (pair.strip().partition("=") for pair in write_keys.split(",") if pair.strip())
    return tuple(WriteKey(sha256=fingerprint(key), app=app or key) for key, _, app in pairs)


def fingerprint(key: str) -> str:
    """What is kept of a key; keys that we make have 256 bits, so nothing slower is needed."""
    return sha256(key.encode()).hexdigest()


def valid(given: Iterable[WriteKey], listed: Iterable[WriteKey]) -> tuple[WriteKey, ...]:
    """The keys of the setting and of the file that are good now; of a key that stands in both the file decides."""
    found = {key.sha256: key for key in (*given, *listed)}
    return tuple(key for key in found.values() if key.revoked_at is None)


def quota(key: WriteKey, default_per_s: float, workers: int) -> Quota | None:
    """What one of the workers lets the key post: its share in the long run, but the whole burst; None: no limit."""
    per_s = default_per_s if key.events_per_s is None else key.events_per_s
    if per_s == 0:
        return None
    return Quota(per_s / workers, key.burst or max(1, round(per_s * BURST_S)))


def added(file: KeysFile, key: WriteKey) -> KeysFile:
    """The file with one key more."""
    return KeysFile((*file.keys, key))


def revoked(file: KeysFile, start: str, at: datetime) -> KeysFile:
    """The file with the one key revoked whose SHA-256 begins so; `ValueError` when it is not exactly one."""
    meant = [key for key in file.keys if key.sha256.startswith(start)]
    if len(meant) != 1:
        raise ValueError(f"{len(meant)} keys have a SHA-256 that begins with {start!r}; expected one")
    ended = msgspec.structs.replace(meant[0], revoked_at=meant[0].revoked_at or at)
    return KeysFile(tuple(ended if key is meant[0] else key for key in file.keys))
