"""How many events a write key may post: a leaky bucket as one number per key (GCRA, ITU-T I.371).

`due` is when what was taken so far will have been earned; it lies at most a burst ahead of now. A batch is taken whole
while anything is left, so that a burst smaller than a batch does not refuse it for ever: the debt is earned first.
"""

import math

import msgspec

Headers = tuple[tuple[str, str], ...]


class Quota(msgspec.Struct, frozen=True):
    """Events per second in the long run, and how many may come at once."""

    per_s: float
    burst: int

    @property
    def ahead_s(self) -> float:
        """How far `due` may lie ahead."""
        return self.burst / self.per_s


def wait_s(quota: Quota, due: float, now: float) -> float:
    """Seconds until something is left again; 0 when it is."""
    return max(0.0, due - now - quota.ahead_s)


def taken(quota: Quota, due: float, now: float, events: int) -> float:
    """The next `due`, after so many events."""
    return max(due, now) + events / quota.per_s


def low(quota: Quota, due: float, now: float) -> bool:
    """Less than half of a burst is left."""
    return (due - now) * quota.per_s * 2 > quota.burst


def headers(quota: Quota, due: float, now: float) -> Headers:
    """`RateLimit-*` as draft-ietf-httpapi-ratelimit-headers-06 has them, in events; Reset: seconds to a full burst."""
    left = (now + quota.ahead_s - max(due, now)) * quota.per_s
    return (
        ("ratelimit-limit", str(quota.burst)),
        ("ratelimit-remaining", str(max(0, int(left)))),
        ("ratelimit-reset", str(max(0, math.ceil(due - now)))),
    )
