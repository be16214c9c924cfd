"""Valid batches with a few bytes changed, before or after packing: never a 5xx, a hang, or memory that stays."""

import gzip
from collections.abc import Callable
from typing import NamedTuple

import cramjam
import msgspec
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import a_track
from tests.faults.collecting import Collector
from tests.fuzz.mutations import Edit, edits, mutated
from tests.fuzz.phone import Phone

COMMIT, NIGHTLY = 1_000, 20_000
GROWTH_BYTES = 40_000_000  # arenas of the allocator included; a leak of 2 kB a request would be as much at night
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gzip": lambda body: gzip.compress(body, 1, mtime=0),
    "zstd": lambda body: bytes(cramjam.zstd.compress(body, 1)),
}
BATCHES = tuple(
    msgspec.json.encode({"batch": events, "sentAt": "2026-11-21T12:00:00Z", "context": {"library": {"name": "x"}}})
    for events in (
        [a_track("One")],
        [
            a_track(f"E{n}", properties={"n": n, "text": "ünï \U0001f600", "deep": [[{"a": [1.5, None]}]]})
            for n in range(20)
        ],
        [{"type": "identify", "userId": "u", "traits": {"email": "a@example.com"}, "messageId": "m" * 100}],
        [{"type": "alias", "userId": "u", "previousId": "p"}, {"type": "group", "groupId": "g", "anonymousId": "a"}],
        [a_track("Big", properties={f"p{n}": "x" * 200 for n in range(100)})],
    )
)


class Plan(NamedTuple):
    """What is posted."""

    batch: bytes
    coding: str
    edits: list[Edit]
    is_packed_first: bool


PLANS = st.builds(
    Plan, st.sampled_from(BATCHES), st.sampled_from(sorted(PACKERS)), edits(), st.sampled_from([True, False, False])
)


def post(phone: Phone, plan: Plan) -> None:
    pack = PACKERS[plan.coding]
    body = mutated(pack(plan.batch), plan.edits) if plan.is_packed_first else pack(mutated(plan.batch, plan.edits))
    headers = {"content-type": "application/json", "x-write-key": "local-write-key"}
    phone.post("/v1/batch", body, {**headers, "content-encoding": plan.coding} if plan.coding else headers)


def fuzzed(collector: Collector, examples: int, *, derandomize: bool) -> Phone:
    """Posts so many mutated batches; the collector is as large as before."""
    phone = Phone(int(collector.url.rpartition(":")[2]))

    def run(count: int) -> None:
        given(PLANS)(
            settings(
                max_examples=count, derandomize=derandomize, deadline=None, database=None,
                suppress_health_check=list(HealthCheck),
            )(lambda plan: post(phone, plan))
        )()  # fmt: skip

    run(200)  # what is allocated once
    before = psutil.Process(collector.pid).memory_info().rss
    run(examples)
    grown = psutil.Process(collector.pid).memory_info().rss - before
    phone.close()
    print(f"\n{phone.statuses}, slowest {phone.slowest_s:.2f} s, shed {phone.shed}, grown by {grown / 1e6:.1f} MB")
    assert grown < GROWTH_BYTES
    assert phone.statuses[200] > examples / 50, "some are still valid"
    return phone


def test_a_mutated_batch_is_answered(collector: Collector) -> None:
    fuzzed(collector, COMMIT, derandomize=True)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
def test_many_mutated_batches_are_answered(collector: Collector) -> None:
    fuzzed(collector, NIGHTLY, derandomize=False)
