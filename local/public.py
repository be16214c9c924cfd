"""The one public address: GET, HEAD and WebSocket go to api, everything else to ingest. `python -m local.public`.

In production a reverse proxy does this (local/Caddyfile is the same rule); here a few lines of ASGI save its install,
behind ingest's own edge: what a developer sees is what the rooms answer (docs/adr/0009).
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterable
from dataclasses import replace
from email.utils import formatdate
from typing import Any, get_args
from urllib.parse import quote

import httptools
import httpx
import uvicorn

from ingest.connection import BODY
from ingest.edge import Edge
from ingest.rules.framing import Bounds
from local import documents, tunnel
from schemas import problems
from schemas.events import EventType
from schemas.problems import Refusal, Refused
from schemas.settings import Settings, address

Scope = dict[str, Any]
Receive = Any  # ASGI's two callables; uvicorn's own types are not exported for use
Send = Any
Headers = list[tuple[bytes, bytes]]

READS = frozenset({"GET", "HEAD"})
INSIDE = frozenset({"/live", "/ready", "/metrics"})  # for supervisors, who ask the rooms themselves (S54)
BATCHES = ("/v1/batch", *(f"/v1/{kind}" for kind in get_args(EventType)))
# As ingest's own (a test compares them): a room that refuses from the head is not heard while the body is awaited.
BOUNDS = Bounds(bodies={**dict.fromkeys(BATCHES, 5_000_000), "/v1/photos": 25_000_000, "/v1/conversations": 256_000})
HOP_BY_HOP = frozenset(  # RFC 9110, 7.6.1: they concern one connection; `expect` is answered by us
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade expect".split()
)
OURS = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"})  # never believed from outside
TIMEOUT = httpx.Timeout(connect=2, read=60, write=60, pool=5)
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=4)  # uvicorn drops at 5 s


class ClientLeft(Exception):
    """The client went away while we read its body; nobody is left to answer."""


class Public:
    """The ASGI application."""

    def __init__(self, settings: Settings) -> None:
        self._reads, self._writes = f"http://{settings.api_bind}", f"http://{settings.ingest_bind}"
        self._docs = settings.docs
        self._client = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, follow_redirects=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's worth, by its kind."""
        match scope["type"]:
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await tunnel.carry(self._reads.replace("http", "ws", 1), scope, receive, send)
            case "http" if refused := scope["state"].get("refused"):
                await _refuse(scope, send, refused)
            case "http" if scope["path"] in INSIDE:
                await _refuse(scope, send, Refused("not_found", "there is nothing here for this method and path"))
            case "http" if self._docs and scope["path"] in documents.PATHS and scope["method"] in READS:
                await self._document(scope, send)
            case _:
                await self._forward(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._client.aclose()
        await send({"type": "lifespan.shutdown.complete"})

    async def _document(self, scope: Scope, send: Send) -> None:
        try:
            content, body = await documents.answer(self._client, scope["path"], (self._writes, self._reads))
        except httpx.HTTPError:
            await _unavailable(scope, send)
            return
        await _answer(send, 200, [(b"content-type", content)], body)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._client.send(self._request(scope, receive), stream=True)
        except ClientLeft:
            return
        except Refusal as refusal:
            await _refuse(scope, send, refusal.refused)
            return
        except httpx.TransportError:
            await _unavailable(scope, send)
            return
        try:
            await _until_gone(_stream(response, send), receive)
        finally:
            await response.aclose()

    def _request(self, scope: Scope, receive: Receive) -> httpx.Request:
        base = self._reads if scope["method"] in READS else self._writes
        return httpx.Request(
            scope["method"],
            base,
            headers=inward(scope["headers"], scope),
            content=_body(receive) if _has_body(scope["headers"]) else None,
            extensions={"timeout": TIMEOUT.as_dict(), "target": target(scope)},  # httpx itself would resolve /../
        )


def target(scope: Scope) -> bytes:
    """Path and query exactly as the client sent them."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return raw.split(b"?")[0] + (b"?" + query if query else b"")


def inward(headers: Iterable[tuple[bytes, bytes]], scope: Scope) -> Headers:
    """What a room is sent: the client's headers but those of one connection, and who the client is.

    Spaces behind a value are not part of it (RFC 9110, 5.5); httpx would send none of a request that has them.
    """
    kept = [(name, value.rstrip(b" \t")) for name, value in end_to_end(headers) if name not in OURS]
    client = (scope.get("client") or ("unknown", 0))[0]
    return [*kept, (b"x-forwarded-for", client.encode()), (b"x-forwarded-proto", scope["scheme"].encode())]


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without the headers that concern one connection, the listed ones and those named in `Connection`."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {word.strip().lower() for name, value in pairs if name == b"connection" for word in value.split(b",")}
    return [(name, value) for name, value in pairs if name not in HOP_BY_HOP | named]


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in headers)


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The client's body as it comes."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _stream(response: httpx.Response, send: Send) -> None:
    """The room's answer as it comes, compression untouched. Broken off by the room, it is broken off here too."""
    headers = end_to_end(response.headers.raw)
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    async for chunk in response.aiter_raw():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Runs `work`, but not longer than the client stays: an endless answer must end with its reader."""
    doing, gone = asyncio.create_task(work), asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({doing, gone}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()  # raises what `work` raised
    finally:
        for task in (doing, gone):
            task.cancel()
        await asyncio.gather(doing, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unavailable(scope: Scope, send: Send) -> None:
    """503 with Retry-After, as every room answers when something it needs is away."""
    away = Refused("unavailable", "the part of the service that answers this is away", retry_after_s=1)
    await _refuse(scope, send, away)


async def _refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """What never reached a room, as a room would answer it."""
    request_id = str(uuid.uuid4())
    found = {**problems.headers(refused), "x-request-id": request_id, "date": formatdate(usegmt=True)}
    if refused.status == 405:
        found["allow"] = "GET, HEAD, POST, PUT, PATCH, DELETE"
    headers = [(name.encode(), value.encode()) for name, value in found.items()]
    content = problems.body(refused, instance=quote(scope["path"][:200]), request_id=request_id)
    await _answer(send, refused.status, headers, content)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


class Gate(Edge):
    """Ingest's edge, but for WebSockets, which it lets through; their library has its own deadlines."""

    _upgraded = False

    def data_received(self, data: bytes) -> None:
        """As the edge does; after the head of a WebSocket its library takes over."""
        try:
            super().data_received(data)
        except httptools.HttpParserUpgrade:
            self._deadline.close()
            self.handle_websocket_upgrade()

    def eof_received(self) -> bool:  # type: ignore[override] # as the edge has it
        """An endless answer must end with its reader, who says nothing but this."""
        return self._phase == BODY and super().eof_received()

    def on_message_complete(self) -> None:
        """Of a WebSocket's head no app was told."""
        if not self._upgraded:
            super().on_message_complete()

    def _upgrade(self) -> None:
        self._upgraded = self._should_upgrade()
        if not self._upgraded:
            super()._upgrade()


def server(settings: Settings) -> uvicorn.Server:
    """Listens where the settings say; graceful for eight seconds."""
    host, port = address(settings.public_url.rpartition("://")[2].strip("/"))
    config = uvicorn.Config(
        Public(settings),
        host=host,
        port=port,
        http=type("Gate", (Gate,), {"bounds": replace(BOUNDS, hosts=settings.hosts())}),
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # nobody stands before us: the client is who connects, whatever it claims
        server_header=False,  # the room's own stands
        date_header=False,
        timeout_graceful_shutdown=8,
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    server(Settings.read(os.environ)).run()
