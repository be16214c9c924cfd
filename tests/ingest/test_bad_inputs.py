"""Sections A12-A17 and B of the bad inputs: exact status and code, nothing written of what was refused."""

import asyncio
import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from local.stack import Stack
from schemas.topics import EVENTS
from tests import log
from tests.ingest.bad_inputs import CASES, EVENT, Sent, batch, with_properties
from tests.ingest.test_batch import posted
from tests.ingest.world import World

# Not cases of one body: what the keys file says (21.3, 21.4, 29.1: test_keys.py), a million property names are many
# requests (28.1, below), Kafka and the disk are both away (30.1: test_outage.py).
ELSEWHERE = {"in-B21.3", "in-B21.4", "in-B28.1", "in-B29.1", "in-B30.1"}
A = "accepted"
OUTCOMES = {
    "in-B2.3": ["rejected", A],
    "in-B15.1": [A] * 10,
    "in-B15.2": ["rejected", *[A] * 8, "rejected"],
    "in-B16.1": [A, "duplicate"],
    "in-B17.2": [A, "rejected"],
    **{f"in-B23.{n}": ["adjusted"] for n in range(1, 6)},
}
LIMITS = {"in-B13.1": 800_000, "in-B14.1": 800_000, "in-B14.2": 5_000_000, "in-A12.1": 5_000_000}


class Case(NamedTuple):
    """One row of the table; alternatives stand between bars."""

    id: str
    input: str
    status: str
    code: str
    notes: str

    def allows(self, status: int, code: str | None) -> bool:
        statuses, codes = self.status.split("|"), self.code.split("|")
        if status == 200:
            return "2xx" in statuses
        return str(status) in statuses and code in codes


def cases() -> list[Case]:
    with Path(__file__).with_name("bad_inputs_b.csv").open(newline="") as table:
        return [Case(**row) for row in csv.DictReader(table)]


def test_every_case_has_a_body() -> None:
    assert {case.id for case in cases()} == CASES.keys() | ELSEWHERE


@pytest.mark.parametrize("case", [case for case in cases() if case.id in CASES], ids=lambda case: case.id)
async def test_a_bad_input_has_its_exact_answer(world: World, parts: Stack, case: Case) -> None:
    made = CASES[case.id]()
    sent = made if isinstance(made, Sent) else Sent(made)
    headers = {"content-type": "application/json", "x-write-key": "local-write-key", **sent.headers}
    if None in sent.headers.values():
        headers = {k: v for k, v in headers.items() if k in sent.headers or k == "content-type"}
    given = {name: value for name, value in headers.items() if value is not None}
    before = log.ends(parts.settings, EVENTS)

    answer = await world.http.post("/v1/batch?results=all", content=sent.body, headers=given)

    found = answer.json()
    assert case.allows(answer.status_code, found.get("code")), (answer.status_code, found)
    assert (log.ends(parts.settings, EVENTS) != before) == (answer.status_code == 200)
    if answer.status_code == 200:
        assert [result["result"] for result in found["results"]] == OUTCOMES.get(case.id, [A])
        given_code = case.code if "|" not in case.status else ""  # the code of the alternative that we do not give
        assert not given_code or given_code in {result.get("code") for result in found["results"]}
    assert found.get("limit") == found.get("max_bytes") == LIMITS.get(case.id)
    assert (await posted(world, batch(EVENT))).status_code == 200


async def test_two_bad_events_have_each_their_own_code(world: World) -> None:
    made = CASES["in-B15.2"]()
    assert isinstance(made, bytes)

    answer = await posted(world, made)

    assert [(r["index"], r["code"]) for r in answer.json()["results"]] == [
        (0, "unknown_event"), (9, "number_out_of_range"),
    ]  # fmt: skip


async def test_one_body_on_many_connections_is_taken_each_time_for_the_warehouse_to_count_once(world: World) -> None:
    answers = await asyncio.gather(*(posted(world, batch(EVENT)) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}


async def test_a_great_many_property_names_leave_no_trace_in_the_metrics(world: World) -> None:
    before = len((await world.http.get("/metrics")).text.splitlines())
    for request in range(20):
        events = (f'{{"n{request}_{e}_{k}":1}}'.encode() for e in range(1) for k in range(500))
        properties = b"{" + b",".join(name[1:-1] for name in events) + b"}"
        assert (await posted(world, with_properties(properties))).status_code == 200

    after = (await world.http.get("/metrics")).text
    assert "n19_0_499" not in after
    assert len(after.splitlines()) < before + 100
