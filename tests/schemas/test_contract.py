"""The shape of what stands in the log, as JSON Schema: a changed contract shows in review as a diff of one file."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from schemas import facts, secrets
from schemas.events import Event, EventsRecord

SNAPSHOT = Path("tests/schemas/contract.json")


def contract() -> str:
    types = (*facts.FACT_TYPES, EventsRecord, Event, secrets.Password, secrets.Session)
    _, components = msgspec.json.schema_components(
        types, ref_template="#/{name}", schema_hook=lambda kind: {"title": "anything"}
    )
    return json.dumps(_without_words(components), indent=1, sort_keys=True) + "\n"


def _without_words(schema: Any) -> Any:
    """Docstrings are no part of the contract. A property of that name would be: its schema is an object, no text."""
    if isinstance(schema, list):
        return [_without_words(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = schema.items()
    return {name: _without_words(each) for name, each in named if name != "description" or not isinstance(each, str)}


def test_the_log_s_contract_is_the_one_that_was_reviewed() -> None:
    if os.environ.get("UPDATE_CONTRACT"):
        SNAPSHOT.write_text(contract())

    assert contract() == SNAPSHOT.read_text(), "run UPDATE_CONTRACT=1 pytest tests/schemas/test_contract.py and review"
