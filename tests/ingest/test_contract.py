"""What the document says of the collector is what the collector does."""

import gzip
from typing import Any

import msgspec
import pytest

from ingest import contract
from ingest.batch import PATHS
from schemas.problems import PROBLEMS
from tests.ingest.bad_inputs import CASES
from tests.ingest.world import World

KEY = {"x-write-key": "local-write-key"}
EXAMPLES = [
    (path, name, found["value"])
    for path, operation in contract.paths().items()
    for name, found in operation["requestBody"]["content"]["application/json"]["examples"].items()
]


def test_every_path_of_the_collector_is_described() -> None:
    assert contract.paths().keys() == PATHS


@pytest.mark.parametrize(("path", "name", "example"), EXAMPLES, ids=lambda part: part if isinstance(part, str) else "")
async def test_every_example_is_accepted_as_it_stands(
    world: World, path: str, name: str, example: dict[str, Any]
) -> None:
    sent = msgspec.json.encode(example)
    beacon = name == "beacon"
    headers = {"content-type": "text/plain"} if beacon else {**KEY, "content-type": "application/json"}

    plain = await world.http.post(path, content=sent, headers=headers)
    packed = await world.http.post(
        path, content=gzip.compress(sent), headers={**headers, "content-encoding": "gzip"}, params={"results": "all"}
    )

    assert (plain.status_code, plain.json()) == (200, {"success": True, "results": []})
    assert {result["result"] for result in packed.json()["results"]} == {"accepted"}


def test_a_refusal_s_codes_have_its_status() -> None:
    for status, (_, codes, _) in contract.REFUSALS.items():
        for code in codes:
            assert (code, PROBLEMS[code][0]) == (code, status) or (code, status) == ("invalid_key", 403)


async def test_every_bad_input_s_answer_is_described(world: World) -> None:
    described = contract.paths()["/v1/batch"]["responses"]
    for case, make in CASES.items():
        made = make()
        sent, headers = (made, {}) if isinstance(made, bytes) else (made.body, made.headers)
        given = {"content-type": "application/json", **KEY, **headers}
        answer = await world.http.post(
            "/v1/batch", content=sent, headers={name: value for name, value in given.items() if value}
        )

        found = described[str(answer.status_code)]["content"]
        assert answer.status_code == 200 or answer.json()["code"] in found["application/problem+json"]["examples"], case


def test_references_lead_somewhere() -> None:
    text = msgspec.json.encode(contract.paths()).decode()
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert named == {"Event", "Batch", "BatchAnswer", "Problem"} == contract.schemas().keys()
