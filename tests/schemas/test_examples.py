import json
from pathlib import Path

import msgspec
import pytest

from schemas import events, facts, secrets

EXAMPLES = Path("schemas/examples")


@pytest.mark.parametrize("kind", facts.FACT_TYPES, ids=lambda kind: kind.__name__)
def test_every_fact_type_has_an_example_that_survives_a_round_trip(kind: type[facts.Fact]) -> None:
    example = (EXAMPLES / f"{kind.__name__}.json").read_bytes()

    fact = facts.decode(example)

    assert type(fact) is kind
    assert msgspec.json.decode(facts.encode(fact)) == json.loads(example)


def test_no_example_stands_for_a_fact_that_is_gone() -> None:
    named = {path.stem for path in EXAMPLES.glob("[A-Z]*.json")}

    assert named == {kind.__name__ for kind in facts.FACT_TYPES}


def test_an_events_record_keeps_the_bytes_of_its_events() -> None:
    example = (EXAMPLES / "events-record.json").read_bytes()

    record = events.decode(example)

    assert [msgspec.json.decode(raw) for raw in record.events] == json.loads(example)["events"]
    assert msgspec.json.decode(events.encode(record)) == json.loads(example)


def test_an_event_keeps_its_index_of_the_client_s_batch_and_the_id_made_for_it() -> None:
    record = events.decode((EXAMPLES / "events-record.json").read_bytes())

    found = [(index, events.event_id(record, index, event)) for index, event in events.indexed(record)]

    assert found == [(0, "m-1"), (3, "0f0cbf5c-6f3e-5d1c-9d2b-0a4a6d1f3c77")]


@pytest.mark.parametrize("name", ["password", "session"])
def test_a_secret_survives_a_round_trip_under_its_key(name: str) -> None:
    secret = secrets.decode(b"unused", (EXAMPLES / f"{name}.json").read_bytes())

    assert not isinstance(secret, secrets.Ended)
    assert secrets.decode(secrets.key(secret).encode(), secrets.encode(secret)) == secret
    assert secrets.key(secret).startswith(f"{name}:")


def test_a_tombstone_ends_the_secret_of_its_key() -> None:
    assert secrets.decode(b"session:9f86", None) == secrets.Ended(key="session:9f86")


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{}", b'{"type":"NoSuchFact"}', b"[1]", b'{"type":"UserFollowed","id":"x"}'],
    ids=["tombstone", "empty", "untagged", "unknown", "array", "bad id"],
)
def test_what_is_not_a_fact_is_refused_by_name(value: bytes | None) -> None:
    with pytest.raises(msgspec.DecodeError):
        facts.decode(value)
