"""The collector's part of the OpenAPI document: what SDKs may send, with examples, and everything they may hear."""

from collections.abc import Mapping
from typing import Any

from ingest import body
from ingest.batch import SINGLES
from ingest.rules import judging, limits
from schemas.events import EVENT_TYPES, EventType
from schemas.problems import PROBLEMS, TYPE_PREFIX, Code

Json = dict[str, Any]

USER = {"userId": "ana", "messageId": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "timestamp": "2026-11-21T18:29:58.123Z"}
CONTEXT = {"library": {"name": "analytics-swift", "version": "1.5.0"}, "app": {"version": "1.4.2"}}
EVENTS: dict[EventType, Json] = {
    "track": {**USER, "event": "Photo Taken", "properties": {"film": "darkroom-400", "seconds": 0.25, "flash": False}},
    "identify": {**USER, "traits": {"plan": "demo", "invited": 3}},
    "page": {**USER, "name": "Home", "properties": {"path": "/"}},
    "screen": {"anonymousId": "507f191e810c19729de860ea", "name": "Roll", "properties": {"roll": "Lisbon"}},
    "group": {**USER, "groupId": "roll-7", "traits": {"name": "Lisbon"}},
    "alias": {"userId": "ana", "previousId": "507f191e810c19729de860ea"},
}
BATCHES: dict[str, Json] = {
    "one": {"batch": [{"type": "track", **EVENTS["track"]}], "sentAt": "2026-11-21T18:30:00Z", "context": CONTEXT},
    "every type": {"batch": [{"type": kind, **EVENTS[kind], "messageId": f"m-{kind}"} for kind in EVENT_TYPES]},
    "beacon": {"batch": [{"type": "page", **EVENTS["page"]}], "writeKey": "local-write-key"},
}
ANSWERS: dict[str, Json] = {
    "accepted": {"success": True, "results": []},
    "not all": {
        "success": True,
        "results": [
            {"index": 1, "result": "duplicate", "id": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"},
            {"index": 2, "result": "adjusted", "id": "m-2", "code": "bad_timestamp"},
            {"index": 3, "result": "rejected", "code": "not_an_object"},
        ],
    },
    "Kafka is away": {"success": True, "results": [], "durability": "spool"},
}
RETRY_AFTER = {"Retry-After": "Seconds until it is worth trying again."}
RATE_LIMIT = {
    "RateLimit-Limit": "Events that the write key may post at once (draft-ietf-httpapi-ratelimit-headers-06).",
    "RateLimit-Remaining": "Events that are left; told when less than half of them are.",
    "RateLimit-Reset": "Seconds until all are left again.",
}
REFUSALS: dict[int, tuple[str, tuple[Code, ...], Mapping[str, str]]] = {
    400: (
        "The body, or the only fault of all its events, is unreadable. Not to be sent again.",
        ("malformed_json", "empty_body", "empty_batch", "not_an_array", "not_an_object", "invalid_utf8", "bad_charset",
         "bad_encoding", "invalid_unicode", "not_finite", "number_out_of_range", "too_deep", "too_many_properties",
         "bad_property_name", "nul_not_allowed", "bad_framing", "bad_header", "bad_host", "incomplete_body",
         "too_many_params"),
        {},
    ),
    401: ("The write key is missing, unknown or revoked.", ("invalid_key",), {}),
    403: ("The write key is of an app that is not served here.", ("invalid_key",), {}),
    405: ("Events are posted.", ("method_not_allowed",), {"Allow": "What is offered."}),
    408: ("The request came too slowly, or after its X-Request-Deadline.", ("request_timeout",), {}),
    413: ("Too large: split the batch (`max_bytes`).",
          ("payload_too_large", "decompressed_too_large", "batch_too_large", "event_too_large"), {}),
    414: ("The URL is too long.", ("uri_too_long",), {}),
    415: ("Another media type or coding.", ("unsupported_media_type", "unsupported_encoding"), {}),
    422: ("No event was acceptable, or the query names a parameter that is none.",
          ("type_error", "unknown_event", "string_too_long", "array_too_long", "id_conflict", "bad_value",
           "unknown_param"), {}),
    429: ("More events came with this write key than were agreed.", ("rate_limited",), {**RETRY_AFTER, **RATE_LIMIT}),
    431: ("The headers are too large.", ("headers_too_large",), {}),
    503: ("Nothing was stored: more comes in than can be done, or Kafka and the disk are both away.",
          ("overloaded", "unavailable"), RETRY_AFTER),
}  # fmt: skip
PARAMETERS: list[Json] = [
    {"name": "results", "in": "query", "schema": {"type": "string", "enum": ["all"]},
     "description": "all: tell of every event, not only of those that were not simply accepted."},
    {"name": "writeKey", "in": "query", "schema": {"type": "string"}, "description": "The write key, for sendBeacon."},
    {"name": "Content-Encoding", "in": "header", "schema": {"type": "string", "enum": sorted(body.CODINGS)},
     "description": f"At most {body.RATIO} times the size, at most {body.BATCH_BYTES} bytes."},
    {"name": "X-Request-Id", "in": "header", "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,64}$"},
     "description": "Comes back, and travels with the events; made when absent."},
    {"name": "X-Request-Deadline", "in": "header", "schema": {"type": "string", "format": "date-time"},
     "description": "After it the client no longer waits: the request is refused instead of begun."},
]  # fmt: skip
SECURITY: dict[str, Json] = {
    "writeKey": {"type": "http", "scheme": "basic", "description": "The write key as user name, an empty password."},
    "writeKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
    "writeKeyQuery": {"type": "apiKey", "in": "query", "name": "writeKey"},
}


def paths() -> dict[str, Json]:
    """Path -> what is posted there."""
    found = {path: _operation(kind, "Event", {kind: EVENTS[kind]}) for path, kind in SINGLES.items()}
    return {"/v1/batch": _operation("batch", "Batch", BATCHES), **found}


def schemas() -> dict[str, Json]:
    """The types that the operations name. SDKs add members of their own, which are kept."""
    text: Json = {"type": "string"}
    person: Json = {"type": "string", "maxLength": judging.PERSON_CHARS}
    anything: Json = {"type": "object", "maxProperties": limits.PROPERTIES}
    event: Json = {
        "userId": person, "anonymousId": person, "messageId": {"type": "string", "maxLength": judging.ID_CHARS},
        "timestamp": {"type": "string", "format": "date-time"}, "event": text, "name": text, "groupId": text,
        "previousId": text, "properties": anything, "traits": anything, "context": anything,
    }  # fmt: skip
    typed = {"type": {"type": "string", "enum": list(EVENT_TYPES)}, **event}
    several = {"type": "array", "minItems": 1, "maxItems": limits.EVENTS}
    return {
        "Event": {"type": "object", "properties": event},
        "Batch": {
            "type": "object",
            "required": ["batch"],
            "properties": {
                "batch": {**several, "items": {"type": "object", "required": ["type"], "properties": typed}},
                "sentAt": text, "writeKey": text, "context": anything,
            },
        },
        "BatchAnswer": _answer(),
        "Problem": _problem(),
    }  # fmt: skip


def _answer() -> Json:
    result = {
        "index": {"type": "integer"}, "result": {"enum": ["accepted", "adjusted", "duplicate", "rejected", "retry"]},
        "id": {"type": "string"}, "code": {"type": "string"},
    }  # fmt: skip
    return {
        "type": "object",
        "required": ["success", "results"],
        "properties": {
            "success": {"const": True},
            "results": {"type": "array", "items": {"required": ["index", "result"], "properties": result}},
            "durability": {"const": "spool", "description": "On our disk: Kafka gets it when it is back."},
        },
    }


def _problem() -> Json:
    text, number = {"type": "string"}, {"type": "integer"}
    fault = {"type": "object", "properties": {"pointer": text, "code": text}}
    members = {
        "type": text, "title": text, "status": number, "code": {"enum": sorted(PROBLEMS)}, "detail": text,
        "instance": text, "request_id": text, "retryable": {"type": "boolean"}, "limit": number, "max_bytes": number,
        "errors": {"type": "array", "items": fault},
    }  # fmt: skip
    return {"type": "object", "required": ["type", "title", "status", "code"], "properties": members}


def _operation(name: str, schema: str, examples: Mapping[str, Json]) -> Json:
    content: Json = {"application/json": {"schema": _ref(schema), "examples": _examples(examples)}}
    content["text/plain"] = {"schema": {"type": "string"}}  # a beacon's: the same text
    return {
        "summary": "Analytics events, as every Segment SDK sends them",
        "operationId": f"collect_{name}",
        "tags": ["collector"],
        "security": [{scheme: []} for scheme in SECURITY] + [{}],  # or in the body
        "parameters": PARAMETERS,
        "requestBody": {"required": True, "content": content},
        "responses": {"200": _stored(), **{str(status): _refusal(status) for status in REFUSALS}},
    }  # fmt: skip


def _stored() -> Json:
    return {
        "description": "Every event not told as rejected is in Kafka, or on our disk (`durability`).",
        "headers": _headers({"X-Request-Id": "The request's name.", **RATE_LIMIT}),
        "content": {"application/json": {"schema": _ref("BatchAnswer"), "examples": _examples(ANSWERS)}},
    }


def _refusal(status: int) -> Json:
    said, codes, headers = REFUSALS[status]
    shown: Json = {code: _problem_of(code, status) for code in codes}
    return {
        "description": said,
        "headers": _headers({"X-Request-Id": "The request's name.", **headers}),
        "content": {"application/problem+json": {"schema": _ref("Problem"), "examples": _examples(shown)}},
    }


def _problem_of(code: Code, status: int) -> Json:
    return {"type": TYPE_PREFIX + code, "title": PROBLEMS[code][1], "status": status, "code": code}


def _headers(why: Mapping[str, str]) -> Json:
    return {name: {"description": said, "schema": {"type": "string"}} for name, said in why.items()}


def _examples(values: Mapping[str, Any]) -> Json:
    return {name: {"value": value} for name, value in values.items()}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
