"""What one client may not do too often: fail to sign in from one address, comment or write messages as one person.

Beyond a burst there is a wait until another is earned. Counted by each worker for itself, like the quotas of write
keys: Redis being away must not open these doors.
"""

import time
from collections.abc import Callable

import structlog

from ingest.rules import quotas
from ingest.rules.quotas import Quota
from schemas.problems import refusal

EARNED_S = 30  # per try
COMMENT_EARNED_S = 10  # 8,640 a day: more than anybody types
MESSAGE_EARNED_S = 1  # a chat is quicker
MOST = 100_000  # about 15 MB

_tell = structlog.get_logger("ingest")


class Throttle:
    """`tries`: how many sign-ins may fail at once; `most`: addresses that are remembered, the latest to fail."""

    def __init__(self, tries: int, time: Callable[[], float] = time.monotonic, most: int = MOST) -> None:
        self._most = most
        self._quota = Quota(1 / EARNED_S, tries)
        self._time = time
        self._due: dict[str, float] = {}  # of every address that failed, the latest last

    def expect_left(self, client: str) -> None:
        """Refuses before a password is looked at: also the right one, or guessing would go on."""
        now = self._time()
        if wait_s := quotas.wait_s(self._quota, self._after_another(client, now), now):
            _tell.warning("too many sign-ins failed at one address", seclog=True)
            raise refusal("too_many_attempts", "too many sign-ins failed here", retry_after_s=int(wait_s) + 1)

    def failed(self, client: str) -> None:
        """One more try has been used up."""
        after = self._after_another(client, self._time())
        self._due.pop(client, None)
        self._due[client] = after
        if len(self._due) > self._most:
            del self._due[next(iter(self._due))]

    def _after_another(self, client: str, now: float) -> float:
        return quotas.taken(self._quota, self._due.get(client, 0.0), now, 1)


class Pace:
    """`burst`: how many a person may post at once; `most`: people that are remembered, the latest to post."""

    def __init__(
        self,
        burst: int,
        time: Callable[[], float] = time.monotonic,
        most: int = MOST,
        *,
        earned_s: float = COMMENT_EARNED_S,
    ) -> None:
        self._most = most
        self._quota = Quota(1 / earned_s, burst)
        self._time = time
        self._due: dict[str, float] = {}  # of everybody who posted, the latest last

    def take(self, who: str) -> None:
        """One of theirs; refused when none is left."""
        now, due = self._time(), self._due.pop(who, 0.0)
        after = quotas.taken(self._quota, due, now, 1)
        wait_s = quotas.wait_s(self._quota, after, now)
        self._due[who] = due if wait_s else after
        if len(self._due) > self._most:
            del self._due[next(iter(self._due))]
        if wait_s:
            raise refusal("rate_limited", "too much was written by you", retry_after_s=int(wait_s) + 1)
