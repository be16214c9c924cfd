"""What the OpenAPI documents allow, and what they do not, on the running stack: never a 5xx, never a hang."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
import pytest
import requests
import schemathesis.openapi
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode

from local.people import Phone
from local.stack import Stack

HANGS_S = 20.0
COMMIT_EACH, NIGHTLY_EACH = 2, 150  # cases of an operation and a mode; at night at least 10,000 together
PROMISED_503 = {"overloaded", "unavailable", "rebuilding"}
ROOMS = ("ingest", "api")


@dataclass
class Run:
    """One room's document against the room. `strange`: taken though not described, or described and not taken."""

    base_url: str
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    strange: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    slowest_s: float = 0.0

    def asked(self, mode: GenerationMode, token: str, case: Case[Any]) -> None:
        """Sends one case; fails on what no answer may be."""
        headers = {"Authorization": f"Bearer {token}", "X-Write-Key": "local-write-key"}
        with suppress(requests.exceptions.InvalidHeader, requests.exceptions.InvalidURL):
            answer = case.call(base_url=self.base_url, headers=headers, timeout=HANGS_S)
            self.statuses[mode.value, answer.status_code] += 1
            if answer.status_code in ((200, 201, 204) if mode is GenerationMode.NEGATIVE else (400, 422)):
                self.strange[case.operation.label, mode.value, answer.status_code] += 1
            self.slowest_s = max(self.slowest_s, answer.elapsed)
            judge(case, answer.status_code, answer.content, answer.headers)

    @property
    def count(self) -> int:
        """Of cases."""
        return self.statuses.total()


def judge(case: Case[Any], status: int, body: bytes, headers: Any) -> None:
    """No 5xx but a promised 503; every error is a problem with its own status."""
    told = f"{case.as_curl_command()} heard {status} {body[:300]!r}"
    if status >= 400 and case.method != "HEAD":
        found = msgspec.json.decode(body)
        assert found["status"] == status, told
        assert status < 500 or (status == 503 and found["code"] in PROMISED_503), told


def fuzzed(stack: Stack, room: str, each: int, *, derandomize: bool) -> Run:
    """So many cases of every operation, as it is described and as it is not."""
    host, port = stack.addresses()[room]
    run = Run(f"http://{host}:{port}")
    for operation in operations(schemathesis.openapi.from_url(f"{run.base_url}/openapi.json")):
        with closing(Phone.register(stack.settings.public_url, "fuzz")) as phone:  # it may sign itself out
            for mode in GenerationMode:
                cases = operation.as_strategy(generation_mode=mode)
                with suppress(Unsatisfiable):  # there is nothing that the document does not allow
                    draw(cases, each, partial(run.asked, mode, phone.token), derandomize=derandomize)
    print(f"\n{room}: {run.count} cases, slowest {run.slowest_s:.2f} s, {dict(sorted(run.statuses.items()))}")
    print(f"{room}: strange: {dict(run.strange)}")
    return run


def operations(schema: Any) -> Iterator[Any]:
    """Every one that is described; one that the document describes wrongly fails here."""
    for found in schema.get_all_operations():
        yield found.ok()


def draw(cases: Any, count: int, judged: Callable[[Case[Any]], None], *, derandomize: bool) -> None:
    """Hypothesis draws so many, and makes the one that fails small."""

    def test(case: Case[Any]) -> None:
        judged(case)

    how = settings(
        max_examples=count, derandomize=derandomize, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    given(case=cases)(how(test))()


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_document_says_can_be_asked(stack: Stack, room: str) -> None:
    assert fuzzed(stack, room, COMMIT_EACH, derandomize=True).count > 20


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("room", ROOMS)
def test_a_great_deal_of_it_can_be_asked(stack: Stack, room: str) -> None:
    assert fuzzed(stack, room, NIGHTLY_EACH, derandomize=False).count > 3_000
