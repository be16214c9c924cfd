"""The OpenAPI document: every command and the batch path, from the very types that read them."""

import re
from typing import Any

import msgspec

from ingest import contract
from ingest.command import Command

TITLE = "Darkroom ingest: every write"
SECURITY = {
    **contract.SECURITY,
    "session": {"type": "http", "scheme": "bearer", "description": "access_token of POST /v1/sessions"},
}
PROBLEM = {"description": "A problem with a stable code", "content": {"application/problem+json": {}}}
KEY = "Idempotency-Key"
HEADERS = {  # what they are for, and what they look like
    KEY: ("On a POST that creates: a retry with the same key takes effect once (24 h).", "^[!-~]{1,255}$"),
    "X-Read-After": (
        "The X-Position of an earlier answer, which this command must see.", "^[a-z.0-9]{1,40}:[0-9]{1,5}:[0-9]{1,18}$"
    ),
    "Prefer": ("respond-async: do not wait until the effect can be read.", "^[ -~]*$"),
}  # fmt: skip
ID = "[1-9][0-9]{0,18}"
PLACES = {"token": "^[A-Za-z0-9_-]{32}$", "user": f"^(me|{ID})$"}  # in a path; the others are ids


def operation(command: Command) -> dict[str, Any]:
    """What FastAPI cannot find out of a route that takes the bare request."""
    made: dict[str, Any] = {
        "security": [{"session": []}] if command.policy != "anyone" else [],
        "responses": {
            str(command.status): _response(command),
            "4XX": PROBLEM,
            "503": {**PROBLEM, "description": "Something we depend on is away; Retry-After says when to come back"},
        },
        "parameters": [*_in_path(command), *_in_query(command), *_in_headers(command)],
    }
    if command.takes is not None:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{command.takes.__name__}"}}}
        picture = {"schema": {"type": "string", "format": "binary"}}
        made["requestBody"] = {"required": True, "content": {**content, **dict.fromkeys(command.raw, picture)}}
    return made


def _response(command: Command) -> dict[str, Any]:
    if not command.gives:
        return {"description": "Done"}
    return {"description": "Done", "content": {"application/json": {"example": command.gives}}}


def _in_path(command: Command) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", command.path)
    forms = {name: {"type": "string", "pattern": PLACES.get(name, f"^{ID}$")} for name in names}
    return [{"name": name, "in": "path", "required": True, "schema": form} for name, form in forms.items()]


def _in_query(command: Command) -> list[dict[str, Any]]:
    """What a command whose body is a picture takes there."""
    return [{"name": name, "in": "query", "schema": {"type": "string"}} for name in sorted(command.query)]


def _in_headers(command: Command) -> list[dict[str, Any]]:
    return [
        {
            "name": name, "in": "header", "required": name == KEY and command.needs_key, "description": why,
            "schema": {"type": "string", "pattern": form},
        }
        for name, (why, form) in HEADERS.items()
    ]  # fmt: skip


def completed(document: dict[str, Any], commands: tuple[Command, ...]) -> dict[str, Any]:
    """FastAPI's document with our types, our ways of signing in, and the paths that go past FastAPI."""
    types = [command.takes for command in commands if command.takes is not None]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    document.setdefault("components", {}).update(schemas={**contract.schemas(), **schemas}, securitySchemes=SECURITY)
    document["paths"] = {path: {"post": found} for path, found in contract.paths().items()} | document["paths"]
    return document
