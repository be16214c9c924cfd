"""The write keys in force: the setting's, and those of a file that is read again within half a second of a change."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import structlog

from ingest.rules import keys as rules
from ingest.rules import quotas
from ingest.rules.keys import KeysFile, WriteKey
from ingest.rules.quotas import Headers, Quota
from ingest.telemetry import Telemetry
from schemas.problems import refusal
from schemas.settings import Settings, SettingsError
from schemas.telemetry import KEYS_BROKEN, RATE_LIMITED

LOOK_S = 0.5  # a revoked key is refused within a second

_tell = structlog.get_logger("ingest")
Stamp = tuple[int, int, int]


@dataclass(slots=True)
class Holder:
    """Who a good key lets in: an app, what it may post, and when what it has posted will be earned (`rules/quotas`)."""

    app: str
    quota: Quota | None
    due: float = 0.0


class Keys:
    """Looks a key up by its SHA-256, so that the time it takes tells nothing of a key.

    Another file stands at once for all its keys; one that cannot be read is told, and changes nothing. At the start it
    raises `SettingsError`.
    """

    def __init__(self, settings: Settings, telemetry: Telemetry, time: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._time = time
        self._file = Path(settings.write_keys_file) if settings.write_keys_file else None
        self._serves = frozenset(filter(None, (app.strip() for app in settings.ingest_apps.split(","))))
        self._look_at = 0.0
        self._holders: dict[bytes, Holder] = {}
        self._stamp = _stamp(self._file) if self._file else None
        self._stand(listed(settings))

    def holder(self, key: str) -> Holder:
        """Whose key this is; refuses an unknown or revoked one (401), another app's (403), and one beyond its limit."""
        if self._file and (now := self._time()) >= self._look_at:
            self._look_at = now + LOOK_S
            self._look(self._file)
        holder = self._holders.get(sha256(key.encode()).digest())
        if holder is None:
            raise refusal("invalid_key", "the write key is missing or unknown")
        if self._serves and holder.app not in self._serves:
            raise refusal("invalid_key", "the write key is of an app that is not served here", other_status=403)
        if holder.quota:
            self._begin(holder, holder.quota)
        return holder

    def take(self, holder: Holder, events: int) -> None:
        """So many more events have come, good or bad; `holder` has counted one, since unreadable batches cost, too."""
        if holder.quota:
            holder.due = quotas.taken(holder.quota, holder.due, self._time(), events)

    def headers(self, holder: Holder) -> Headers:
        """`RateLimit-*` when less than half of a burst is left; before that they would be bytes that nobody reads."""
        if holder.quota is None:
            return ()
        now = self._time()
        return quotas.headers(holder.quota, holder.due, now) if quotas.low(holder.quota, holder.due, now) else ()

    def _begin(self, holder: Holder, quota: Quota) -> None:
        now = self._time()
        if wait_s := quotas.wait_s(quota, holder.due, now):
            self._telemetry.count(RATE_LIMITED, app=holder.app)
            said = "more events came with this write key than were agreed"
            told = quotas.headers(quota, holder.due, now)
            raise refusal("rate_limited", said, retry_after_s=int(wait_s) + 1, headers=told)
        holder.due = quotas.taken(quota, holder.due, now, 1)

    def _look(self, file: Path) -> None:
        try:
            if (stamp := _stamp(file)) == self._stamp:
                return
            self._stamp = stamp
            self._stand(_read(file))
        except (OSError, ValueError) as error:
            self._stamp = None
            self._telemetry.level(KEYS_BROKEN, 1, room="ingest")
            _tell.error("the keys file is broken; the keys before it hold", file=str(file), error=str(error))
        else:
            _tell.info("the keys file has been read", file=str(file), keys=len(self._holders))

    def _stand(self, file: KeysFile) -> None:
        """From now on these hold; what a key has used up stays used up."""
        before, self._holders = self._holders, {}
        for key in rules.valid(rules.of_setting(self._settings.write_keys), file.keys):
            digest = bytes.fromhex(key.sha256)
            due = before[digest].due if digest in before else 0.0
            self._holders[digest] = Holder(key.app, self._quota(key), due)
        self._telemetry.level(KEYS_BROKEN, 0, room="ingest")

    def _quota(self, key: WriteKey) -> Quota | None:
        return rules.quota(key, self._settings.write_key_events_per_s, self._settings.ingest_workers)


def listed(settings: Settings) -> KeysFile:
    """What stands in the keys file; `SettingsError` when it cannot be read."""
    try:
        return _read(Path(settings.write_keys_file)) if settings.write_keys_file else KeysFile()
    except (OSError, ValueError) as error:
        raise SettingsError(f"WRITE_KEYS_FILE is {settings.write_keys_file!r}; {error}") from error


def _read(file: Path) -> KeysFile:
    return rules.decode(file.read_bytes())


def _stamp(file: Path) -> Stamp | None:
    """Differs when the file was written or replaced; None: there is none."""
    if not file.exists():
        return None
    found = file.stat()
    return found.st_mtime_ns, found.st_ino, found.st_size
