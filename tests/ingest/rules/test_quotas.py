from hypothesis import given
from hypothesis import strategies as st

from ingest.rules.quotas import Quota, headers, low, taken, wait_s

TEN_A_SECOND = Quota(per_s=10, burst=50)


def test_a_burst_may_come_at_once_and_then_what_is_earned() -> None:
    due = taken(TEN_A_SECOND, 0.0, now=100.0, events=50)

    assert wait_s(TEN_A_SECOND, due, now=100.0) == 0.0
    due = taken(TEN_A_SECOND, due, now=100.0, events=10)
    assert wait_s(TEN_A_SECOND, due, now=100.0) == 1.0
    assert wait_s(TEN_A_SECOND, due, now=101.0) == 0.0


def test_a_batch_larger_than_the_burst_is_taken_and_paid_for_afterwards() -> None:
    due = taken(TEN_A_SECOND, 0.0, now=0.0, events=500)

    assert wait_s(TEN_A_SECOND, due, now=0.0) == 45.0


def test_who_was_silent_has_no_more_than_a_burst() -> None:
    due = taken(TEN_A_SECOND, 0.0, now=1_000_000.0, events=51)

    assert wait_s(TEN_A_SECOND, due, now=1_000_000.0) > 0


def test_the_headers_count_in_events_and_seconds() -> None:
    due = taken(TEN_A_SECOND, 0.0, now=0.0, events=15)

    assert dict(headers(TEN_A_SECOND, due, now=0.0)) == {
        "ratelimit-limit": "50", "ratelimit-remaining": "35", "ratelimit-reset": "2",
    }  # fmt: skip
    assert dict(headers(TEN_A_SECOND, taken(TEN_A_SECOND, due, 0.0, 90), now=0.0))["ratelimit-remaining"] == "0"


def test_a_quota_is_low_when_half_of_the_burst_is_gone() -> None:
    assert not low(TEN_A_SECOND, taken(TEN_A_SECOND, 0.0, 7.0, 25), now=7.0)
    assert low(TEN_A_SECOND, taken(TEN_A_SECOND, 0.0, 7.0, 26), now=7.0)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 500)), min_size=1, max_size=60))
def test_in_the_long_run_nobody_posts_more_than_agreed(tries: list[tuple[float, int]]) -> None:
    now = due = 0.0
    accepted = largest = 0
    for after_s, events in tries:
        now += after_s
        if not wait_s(TEN_A_SECOND, due, now):
            due = taken(TEN_A_SECOND, due, now, events)
            accepted, largest = accepted + events, max(largest, events)

    assert accepted <= TEN_A_SECOND.burst + TEN_A_SECOND.per_s * now + largest + 1
