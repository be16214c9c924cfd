"""The collector over ASGI, with the real broker behind."""

import gzip
from base64 import b64encode
from typing import Any
from uuid import uuid4

import cramjam
import httpx
import msgspec
import pytest

from ingest.batch import given_key
from ingest.front import by_name
from local.stack import Stack
from schemas import events
from schemas.settings import Settings
from schemas.topics import EVENTS
from tests import log
from tests.builders import a_track
from tests.ingest.world import World

WRITE_KEY = "local-write-key"
BASIC = {"authorization": "Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode()}


def a_trace() -> str:
    """Finds one request's records in a log that other runs wrote to."""
    return f"test-{uuid4()}"


async def posted(world: World, body: bytes, path: str = "/v1/batch", **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", **BASIC, **{name.replace("_", "-"): v for name, v in headers.items()}}
    return await world.http.post(path, content=body, headers=given)


def a_batch(*sent: Any, **members: Any) -> bytes:
    return msgspec.json.encode({"batch": sent or [a_track()], **members})


def stored(settings: Settings, trace: str) -> list[events.EventsRecord]:
    """The records of one request, found by its trace."""
    found = [record for record in log.records(settings, EVENTS) if record.headers["trace"] == trace.encode()]
    return [events.decode(record.value) for record in found]


async def test_an_accepted_batch_is_in_the_log_one_record_per_person(world: World, parts: Stack) -> None:
    body = a_batch(*(a_track(f"E{n}", userId=user) for n, user in enumerate("abab")))

    answer = await posted(world, body, x_request_id=(trace := a_trace()))

    assert (answer.status_code, answer.json()) == (200, {"success": True, "results": []})
    assert sorted((r.key, r.indexes) for r in stored(parts.settings, trace)) == [("a", (0, 2)), ("b", (1, 3))]


async def test_results_name_what_was_not_simply_accepted_or_everything_when_asked(world: World) -> None:
    body = a_batch(a_track("A"), 7, a_track("B", timestamp="x"), a_track("A"))

    short, long = await posted(world, body), await posted(world, body, path="/v1/batch?results=all")

    assert short.json()["results"] == [
        {"index": 1, "result": "rejected", "code": "not_an_object"},
        {"index": 2, "result": "adjusted", "id": "m-B", "code": "bad_timestamp"},
        {"index": 3, "result": "duplicate", "id": "m-A"},
    ]
    assert [result["result"] for result in long.json()["results"]] == ["accepted", "rejected", "adjusted", "duplicate"]


async def test_a_batch_of_which_nothing_is_acceptable_stores_nothing(world: World, parts: Stack) -> None:
    answer = await posted(world, a_batch(*[{"type": "track"}] * 500), x_request_id=(trace := a_trace()))

    problem = answer.json()
    assert (answer.status_code, problem["code"], len(problem["errors"])) == (422, "type_error", 20)
    assert stored(parts.settings, trace) == []


@pytest.mark.parametrize(
    ("where", "headers", "members"),
    [
        ("/v1/batch", BASIC, {}),
        ("/v1/batch", {"x-write-key": WRITE_KEY}, {}),
        ("/v1/batch", {}, {"writeKey": WRITE_KEY}),
        (f"/v1/batch?writeKey={WRITE_KEY}", {"content-type": "text/plain"}, {}),
        ("/v1/batch", {**BASIC, "x-write-key": "ignored"}, {"writeKey": "ignored"}),
    ],
)
async def test_the_write_key_may_come_in_four_ways(
    world: World, where: str, headers: dict[str, str], members: dict[str, str]
) -> None:
    answer = await world.http.post(
        where, content=a_batch(**members), headers={"content-type": "application/json", **headers}
    )

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "members"),
    [
        ({}, {}),
        ({"x-write-key": "wrong"}, {"writeKey": WRITE_KEY}),
        ({}, {"writeKey": "wrong"}),
        ({}, {"writeKey": 7}),
        ({"authorization": "Basic !!"}, {}),
        ({"authorization": "Basic /w=="}, {}),
        ({"authorization": "Bearer abc"}, {}),
    ],
)
async def test_without_a_good_write_key_the_answer_is_401(
    world: World, headers: dict[str, str], members: dict[str, Any]
) -> None:
    answer = await world.http.post(
        "/v1/batch", content=a_batch(**members), headers={"content-type": "application/json", **headers}
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")


@pytest.mark.parametrize("kind", ["track", "identify", "page", "screen", "group", "alias"])
async def test_a_single_call_is_stored_as_its_path_says(world: World, parts: Stack, kind: str) -> None:
    answer = await posted(world, b'{"userId":"ana","event":"E"}', path=f"/v1/{kind}", x_request_id=(trace := a_trace()))

    assert answer.status_code == 200
    [record] = stored(parts.settings, trace)
    assert [event.type for _, event in events.indexed(record)] == [kind]


@pytest.mark.parametrize("coding", [gzip, cramjam.zstd], ids=["gzip", "zstd"])
async def test_a_packed_body_is_taken_and_a_bomb_is_not(world: World, coding: Any) -> None:
    name = "gzip" if coding is gzip else "zstd"
    good = await posted(world, bytes(coding.compress(a_batch())), content_encoding=name)
    bomb = await posted(world, bytes(coding.compress(b"0" * 100_000_000)), content_encoding=name)
    thrice = await posted(world, b"", content_encoding=f"{name}, gzip")

    assert good.status_code == 200
    assert (bomb.status_code, bomb.json()["code"]) == (413, "decompressed_too_large")
    assert (thrice.status_code, thrice.json()["code"]) == (415, "unsupported_encoding")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b" ", 400, "empty_body"), (b'{"batch":{}}', 400, "not_an_array"), (b'{"batch":[]}', 400, "empty_batch"),
        (b"x" * 5_000_001, 413, "payload_too_large"), (b'{"batch":[{"v":NaN}]}', 400, "not_finite"),
        (a_batch(a_track(properties={"s": "x" * 65_000})), 422, "string_too_long"),
        (a_batch(a_track(properties={"s": "x" * 1_000_000})), 413, "event_too_large"),
        (a_batch(a_track(properties={"v": 2**53})), 400, "number_out_of_range"),
        (a_batch({"type": "no_such_type"}), 422, "unknown_event"),
    ],
    ids=lambda part: str(part[:30]) if isinstance(part, bytes) else None,
)  # fmt: skip
async def test_a_bad_body_is_a_problem_with_its_code(world: World, body: bytes, status: int, code: str) -> None:
    answer = await posted(world, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_was_received_is_stored_or_rejected(world: World) -> None:
    await posted(world, a_batch(a_track("A"), a_track("A"), 7, a_track("B", timestamp="x")))

    counted = (await world.http.get("/metrics")).text
    assert 'events_received_total{app="darkroom-local"} 4.0' in counted
    assert 'events_stored_total{app="darkroom-local"} 2.0' in counted
    assert 'events_rejected_total{app="darkroom-local",code="duplicate"} 1.0' in counted
    assert 'events_rejected_total{app="darkroom-local",code="not_an_object"} 1.0' in counted


def test_two_authorization_headers_are_none() -> None:
    assert by_name([(b"authorization", b"Basic YTo=")] * 2 + [(b"accept", b"*/*")]) == {b"accept": b"*/*"}
    assert given_key({b"authorization": b"Basic YTo="}, {}) == "a"
