"""How many requests one turn of the event loop may begin: an adaptive limit, as in Gradient2, led by the loop's delay.

Gradient2 compares a request's latency with what it is without load. Here nearly all of a latency is waiting for Kafka,
which costs us nothing and must not make us shed; what a request takes from the others is the loop's time. So the
latency is that of a turn, and without load it is at most `TARGET_S`: a longer one lowers the limit by the ratio, a
shorter one raises it. A burst passes, a standing queue does not.
"""

TARGET_S = 0.005  # the queue an overloaded worker keeps: a shed request is answered within two or three of them
PATIENCE_S = 0.2  # a queue stands when no turn was short for so long; before that it is a burst
LEAST, MOST = 32.0, 2048.0  # requests: what a few servers' SDKs send in turn is no overload; a full backlog at once
GROWTH = 1.02  # per short turn, of which there are hundreds a second
STEEPEST = 0.1  # two or three long turns are enough to find the limit
LONGEST_S = 0.2  # so long after a turn's start it begins nothing more, whatever the limit
LONGEST_LIMITED_S = 4 * TARGET_S  # while it is limited: `LEAST` batches of a hundred events still find room


def after(limit: float, begun: int, turn_s: float, standing_s: float) -> float:
    """The next turn's limit, after one that began so many requests.

    `standing_s`: since when, before this turn, none was short and the loop had no rest.
    """
    if turn_s <= TARGET_S:
        return min(MOST, limit * GROWTH)
    if standing_s < PATIENCE_S:
        return limit
    return max(LEAST, min(limit, begun) * max(STEEPEST, TARGET_S / turn_s))


def longest_s(limit: float) -> float:
    """How long after its start a turn may still begin a request: large batches are few, and long."""
    return LONGEST_S if limit == MOST else LONGEST_LIMITED_S
