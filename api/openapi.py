"""How routes describe themselves in /openapi.json, made from the very types they answer with."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from api.asked import DEFAULT_LIMIT, MAX_LIMIT, MAX_TRACED
from api.routes import Route
from schemas.problems import CONTENT_TYPE, Fault
from schemas.topics import TOPICS

Schema = dict[str, Any]
REFS = "#/components/schemas/{name}"

_ID: Schema = {"type": "string", "pattern": "^[1-9][0-9]{0,18}$"}
_TRACED: Schema = {
    "type": "string",
    "maxLength": MAX_TRACED,
    "description": "messageId of an event, id of a fact or of a batch, or a position: `events.v1:3:1207`.",
}
_PARAMETERS: dict[str, Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "cursor": {"type": "string", "description": "`next_cursor` or `prev_cursor` of an earlier page."},
    "days": {"type": "integer", "minimum": 1, "maximum": 90, "default": 30},
}
_POSITION: Schema = {
    "type": "string",
    "pattern": f"^({'|'.join(re.escape(topic.name) for topic in TOPICS)}):[0-9]{{1,5}}:[0-9]{{1,18}}$",
}
_HEADERS: dict[str, tuple[str, Schema]] = {
    "X-Read-After": (
        "X-Position of an earlier answer: wait up to a second until this read shows its effect.",
        _POSITION,
    ),
    "If-None-Match": ("ETag of an answer you hold; 304 when it still stands.", {"type": "string"}),
}


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457; `code` is stable, texts are not."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    request_id: str
    retryable: bool
    errors: tuple[Fault, ...]


def described(route: Route) -> Schema:
    """`openapi_extra` of a route."""
    (answer, problem), _ = msgspec.json.schema_components([route.gives, Problem], ref_template=REFS)
    return {
        "parameters": [*_in_path(route), *_in_query(route), *_in_headers()],
        "security": [{"token": []}],
        "responses": {
            "200": {"description": _OK, "content": {"application/json": {"schema": answer}}},
            "304": {"description": "You hold this answer already (If-None-Match)."},
            "default": {"description": "A problem.", "content": {CONTENT_TYPE: {"schema": problem}}},
        },
    }


def components(routes: Iterable[Route]) -> Schema:
    """`components` of the document: every type once, and how to sign in."""
    _, found = msgspec.json.schema_components([*(route.gives for route in routes), Problem], ref_template=REFS)
    return {"schemas": found, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}}


_OK = (
    'What was asked for. While views are being rebuilt, or when X-Read-After was not reached, it has `"stale": true` '
    "and the header X-Stale: 1. Under load it has `degraded`, a list of what it does without: `ranking` (newest first "
    "instead), `counters` (null), `length` (at most 5 items on a page, whose cursors lead on as ever)."
)


def _in_path(route: Route) -> list[Schema]:
    if route.target is None:
        return []
    if route.target == "trace":
        return [{"name": "trace", "in": "path", "required": True, "schema": _TRACED}]
    schema = {"anyOf": [_ID, {"const": "me"}]} if route.target == "user" else _ID
    return [{"name": route.target, "in": "path", "required": True, "schema": schema}]


def _in_query(route: Route) -> list[Schema]:
    return [{"name": name, "in": "query", "schema": _PARAMETERS[name]} for name in route.parameters]


def _in_headers() -> list[Schema]:
    return [
        {"name": name, "in": "header", "description": why, "schema": schema} for name, (why, schema) in _HEADERS.items()
    ]
