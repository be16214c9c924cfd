"""What the OpenAPI documents allow, and what they do not, on the running stack: never a 5xx, a hang, or a leak."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import msgspec
import psutil
import pytest
import requests
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from local import supervision
from local.people import Phone
from local.stack import Stack
from tests.journey.test_people_journey import a_revealed_photo, a_roll

HANGS_S = 20.0
COMMIT_EACH, NIGHTLY_EACH = 2, 30  # cases of an operation and a mode in one round; fewer where there are no more
LEAST = {"ingest": 4_500, "api": 2_000, "public": 3_800}  # at night, by rounds: more than 10,000 together
AS_DRAWN = 10  # one case in so many; the others are made to come through to what the operation does
GROWTH_BYTES = 60_000_000  # of a room; arenas of the allocator and full caches included
PROMISED_503 = {"overloaded", "unavailable", "rebuilding"}
ROOMS = ("ingest", "api")


@dataclass
class Run:
    """One room's document against the room. `strange`: taken though not described, or described and not taken."""

    base_url: str
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    strange: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def asked(
        self, mode: GenerationMode, caller: Phone, known: Mapping[str, str], case: Case[Any], as_drawn: bool
    ) -> None:
        """Sends one case; fails on what no answer may be."""
        if not as_drawn:
            come_through(caller, known, case)
        headers = {"Authorization": f"Bearer {caller.token}", "X-Write-Key": "local-write-key"}
        with suppress(requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
            answer = case.call(base_url=self.base_url, headers=headers, timeout=HANGS_S)
            self._count(mode, case.operation.label, answer.status_code, answer.elapsed)
            judge(case, answer.status_code, answer.content, answer.headers)

    def _count(self, mode: GenerationMode, label: str, status: int, seconds: float) -> None:
        self.statuses[mode.value, status] += 1
        if status in ((200, 201, 204) if mode is GenerationMode.NEGATIVE else (400, 422)):
            self.strange[label, mode.value, status] += 1
        self.slowest_s = max(self.slowest_s, seconds)

    @property
    def count(self) -> int:
        """Of cases."""
        return self.statuses.total()


def come_through(caller: Phone, known: Mapping[str, str], case: Case[Any]) -> None:
    """Names what there is; and neither waits for a position that never comes, nor is late."""
    for noun, place in pairwise(case.operation.path.split("/")):
        if place.startswith("{") and noun in known:
            case.path_parameters[place[1:-1]] = known[noun]
    passed = {"X-Read-After": caller.last_position, "X-Request-Deadline": "2100-01-01T00:00:00Z"}
    case.headers.update({name: value for name, value in passed.items() if name in case.headers})


def a_host(stack: Stack) -> tuple[Phone, dict[str, str]]:
    """Somebody with a photo that everybody may see; what stands in a path behind these nouns."""
    host = Phone.register(stack.settings.public_url, "host")
    photo = a_revealed_photo(host, a_roll(host, visibility="public"))
    comment = host.post(f"/v1/photos/{photo}/comments", text="Look!")["comment"]["id"]
    people = dict.fromkeys(("users", "followers", "follow-requests", "members"), host.user)
    return host, {**people, "photos": photo, "comments": comment, "trace": host.last_position}


def a_caller(stack: Stack, path: str) -> tuple[Phone, dict[str, str]]:
    """Somebody new for each operation: it may be the one that signs out. What is theirs, where the path asks for it."""
    phone = Phone.register(stack.settings.public_url, "fuzz")
    if "/conversations/{" in path:
        with closing(Phone.register(stack.settings.public_url, "other")) as other:
            talk = phone.post("/v1/conversations", recipients=[other.user])["conversation"]["id"]
        return phone, {"conversations": talk}
    if "/rolls/{" not in path and "/invites/{" not in path:
        return phone, {}
    roll = a_roll(phone)
    return phone, {"rolls": roll, "invites": phone.post(f"/v1/rolls/{roll}/invites")["token"]}


def judge(case: Case[Any], status: int, body: bytes, headers: Any) -> None:
    """No 5xx but a promised 503; every error is a problem with its own status."""
    told = f"{case.as_curl_command()} heard {status} {body[:300]!r}"
    if status >= 400 and case.method != "HEAD":
        found = msgspec.json.decode(body)
        assert found["status"] == status, told
        assert status < 500 or (status == 503 and found["code"] in PROMISED_503), told


def fuzzed(stack: Stack, run: Run, each: int, *, known: Mapping[str, str], derandomize: bool) -> None:
    """So many cases of every operation, as it is described and as it is not."""
    for operation in operations(schemathesis.openapi.from_url(f"{run.base_url}/openapi.json")):
        fuzzed_one(stack, run, each, operation, known, derandomize=derandomize)
    print(f"\n{run.base_url}: {run.count} cases, slowest {run.slowest_s:.2f} s, {dict(sorted(run.statuses.items()))}")
    print(f"strange: {dict(run.strange)}", flush=True)


def fuzzed_one(
    stack: Stack, run: Run, each: int, operation: Any, known: Mapping[str, str], *, derandomize: bool
) -> None:
    """One operation, by somebody of its own."""
    caller, own = a_caller(stack, operation.path)
    with closing(caller):
        for mode in GenerationMode:
            cases = operation.as_strategy(generation_mode=mode)
            asked = partial(run.asked, mode, caller, {**known, **own})
            with suppress(Unsatisfiable):  # there is nothing that the document does not allow
                draw(cases, each, asked, derandomize=derandomize)


def a_run(stack: Stack, room: str) -> Run:
    """Against the room, where it listens."""
    host, port = stack.addresses()[room]
    return Run(f"http://{host}:{port}")


def held(stack: Stack) -> dict[str, int]:
    """Bytes that the processes of each room have in memory."""
    found = ((room, psutil.Process(supervision.pid(stack, room))) for room in LEAST)
    return {room: sum(one.memory_info().rss for one in (process, *process.children(True))) for room, process in found}


def operations(schema: Any) -> Iterator[Any]:
    """Every one that is described; one that the document describes wrongly fails here."""
    for found in schema.get_all_operations():
        yield found.ok()


def draw(cases: Any, count: int, judged: Callable[..., None], *, derandomize: bool) -> None:
    """Hypothesis draws so many, and makes the one that fails small."""

    def test(case: Case[Any], chance: int) -> None:
        judged(case, as_drawn=chance == 0)

    how = settings(
        max_examples=count, derandomize=derandomize, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    given(case=cases, chance=st.integers(0, AS_DRAWN - 1))(how(test))()


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_document_says_can_be_asked(stack: Stack, room: str) -> None:
    run = a_run(stack, room)

    fuzzed(stack, run, COMMIT_EACH, known={}, derandomize=True)

    assert run.count > 20


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("room", LEAST)
def test_a_great_deal_of_it_can_be_asked(stack: Stack, room: str) -> None:
    run, began = a_run(stack, room), time.monotonic()
    host, known = a_host(stack)
    fuzzed(stack, run, NIGHTLY_EACH // 3, known=known, derandomize=False)  # what is allocated once
    before = held(stack)

    while run.count < LEAST[room]:
        fuzzed(stack, run, NIGHTLY_EACH, known=known, derandomize=False)
    host.close()

    grown = {name: now - before[name] for name, now in held(stack).items()}
    print(f"{room}: {run.count} cases in {time.monotonic() - began:.0f} s; bytes grown by {grown}")
    assert run.count >= LEAST[room]
    assert max(grown.values()) < GROWTH_BYTES
