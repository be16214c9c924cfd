"""Whether a server is asked at all: one that failed three times in a row is left alone for a second at a time. Pure.

While the circuit is open nobody waits for a timeout. After the second one question is let through, and the next a
second later: the first answer closes it.
"""

FAILURES = 3
PAUSE_S = 1.0  # what `Retry-After` says, too


class Circuit:
    """One server's. Times are of any clock that only goes on."""

    def __init__(self) -> None:
        self._failures = 0
        self._failed_at = float("-inf")
        self._shut_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether questions are refused, but for a probe now and then."""
        return self._shut_until is not None

    def admits(self, now: float) -> bool:
        """Whether to ask now. A probe begins another pause, so one that nobody waits for any more blocks nothing."""
        if self._shut_until is None:
            return True
        if now < self._shut_until:
            return False
        self._shut_until = now + PAUSE_S
        return True

    def answered(self) -> None:
        """The server is there."""
        self._failures, self._shut_until = 0, None

    def failed(self, asked_at: float, now: float) -> None:
        """It was silent or away. Questions that were on their way together fail together, and count once."""
        if asked_at < self._failed_at:
            return
        self._failed_at = now
        self._failures += 1
        if self._failures >= FAILURES:
            self._shut_until = now + PAUSE_S
