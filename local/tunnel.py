"""Carries one WebSocket between a client and a room, message by message, with the close code that either side gives."""

import asyncio
from collections.abc import Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

MAX_MESSAGE_BYTES = 1 << 20
OPEN_S = 5.0
GOING_AWAY, POLICY, TRY_LATER = 1001, 1008, 1013
NO_CODE, ABNORMAL = 1005, 1006  # reserved: they say that no code came, and may not be sent on
OF_ONE_CONNECTION = (b"host", b"connection", b"upgrade", b"sec-websocket-")


async def carry(base: str, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Opens the room's side first, so that the client hears the room's own refusal (401, 404), not a closed door."""
    await receive()  # websocket.connect
    query = scope["query_string"].decode("latin-1")
    url = base + scope["path"] + (f"?{query}" if query else "")
    try:
        room = await connect(
            url,
            additional_headers=passed_on(scope["headers"]),
            subprotocols=[Subprotocol(name) for name in scope.get("subprotocols", ())] or None,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            open_timeout=OPEN_S,
            ping_interval=None,  # the room and our own server ping; a third heart is one too many
        )
    except InvalidStatus as refused:
        response = refused.response
        headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.raw_items()]
        await _refuse(scope, send, response.status_code, headers, bytes(response.body or b""))
    except (OSError, TimeoutError, WebSocketException):
        await _refuse(scope, send, 503, [(b"retry-after", b"1")], b"")
    else:
        await send({"type": "websocket.accept", "subprotocol": room.subprotocol})
        await _both_ways(room, receive, send)


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The client's headers without those that make up this one connection; the room's side makes its own."""
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in headers if not n.startswith(OF_ONE_CONNECTION)]


async def _refuse(
    scope: dict[str, Any], send: Any, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """The room's status and body; a server without that extension can only close."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": TRY_LATER if status == 503 else POLICY})
        return
    kept = [(name, value) for name, value in headers if name not in {b"connection", b"transfer-encoding"}]
    await send({"type": "websocket.http.response.start", "status": status, "headers": kept})
    await send({"type": "websocket.http.response.body", "body": body})


async def _both_ways(room: ClientConnection, receive: Any, send: Any) -> None:
    up, down = asyncio.create_task(_up(room, receive)), asyncio.create_task(_down(room, send))
    try:
        await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        await room.close(GOING_AWAY)


async def _up(room: ClientConnection, receive: Any) -> None:
    """Client to room, until the client closes."""
    while (message := await receive())["type"] == "websocket.receive":
        data = message.get("text")
        await room.send(message["bytes"] if data is None else data)
    await room.close(_sendable(message.get("code")))


async def _down(room: ClientConnection, send: Any) -> None:
    """Room to client, until the room closes."""
    try:
        async for data in room:
            await send({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})
    except ConnectionClosed:
        pass  # the code below tells the client what happened
    await send({"type": "websocket.close", "code": _sendable(room.close_code), "reason": room.close_reason or ""})


def _sendable(code: int | None) -> int:
    if code is None or code in {NO_CODE, ABNORMAL}:
        return GOING_AWAY
    return code
