"""One `/openapi.json` and `/docs` for the whole public address, merged from what ingest and api say of themselves."""

import asyncio
from typing import Any

import httpx
import msgspec
from fastapi.openapi.docs import get_swagger_ui_html

PATHS = frozenset({"/docs", "/openapi.json"})
TITLE = "Darkroom"
Document = dict[str, Any]


async def answer(client: httpx.AsyncClient, path: str, rooms: tuple[str, ...]) -> tuple[bytes, bytes]:
    """Content type and body for one of `PATHS`; `httpx.HTTPError` when a room is away."""
    if path == "/docs":
        return b"text/html; charset=utf-8", bytes(get_swagger_ui_html(openapi_url="/openapi.json", title=TITLE).body)
    found = await asyncio.gather(*(_document(client, room) for room in rooms))
    return b"application/json", msgspec.json.encode(merged(found))


async def _document(client: httpx.AsyncClient, room: str) -> Document:
    response = await client.get(f"{room}/openapi.json")
    response.raise_for_status()
    document: Document = response.json()
    return document


def merged(documents: list[Document]) -> Document:
    """One document: a path that two rooms serve has both rooms' methods; of two equal names the first room's stands."""
    first, *_ = documents
    whole: Document = {**first, "info": {**first["info"], "title": TITLE}, "paths": {}, "components": {}, "tags": []}
    for document in documents:
        for path, methods in document.get("paths", {}).items():
            whole["paths"][path] = {**methods, **whole["paths"].get(path, {})}
        for kind, named in document.get("components", {}).items():
            whole["components"][kind] = {**named, **whole["components"].get(kind, {})}
        whole["tags"] += [tag for tag in document.get("tags", []) if tag not in whole["tags"]]
    return whole
