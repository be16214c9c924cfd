"""One request and its answer on a connection of the edge, and how a refused one ends."""

import asyncio
from collections.abc import Callable
from typing import cast

from starlette.types import Send
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ingest import answers
from schemas.problems import Refusal, Refused

_WITHIN_A_LINE = bytes({0x09, *range(0x20, 0x7F), *range(0x80, 0x100)})  # RFC 9110, 5.5


class Cycle(RequestResponseCycle):
    """One request and its answer; `refused` ends the reading of its body."""

    refused: Refused | None = None
    _start: HTTPResponseStartEvent | None = None  # an answer's head, which waits for its body

    def refuse(self, refused: Refused, part: Callable[[], None]) -> None:
        """Tells the app, wherever it stands; when it has answered, `part` ends the connection."""
        self.refused = refused
        self.keep_alive = False
        self.scope["state"]["refused"] = refused
        self.transport = cast(asyncio.Transport, Parting(self.transport, part))
        if self.response_complete:
            part()
        self.message_event.set()

    async def receive(self) -> ASGIReceiveEvent:
        """The next piece of the body, as uvicorn's; raises `Refusal` when what comes may not be used."""
        if self.waiting_for_100_continue and self.refused is None and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not (self.disconnected or self.response_complete or self.refused):
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.refused is not None:
            raise Refusal(self.refused)
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        piece, self.body = self.body, bytearray()
        return {"type": "http.request", "body": bytes(piece), "more_body": self.more_body}

    async def send(self, message: ASGISendEvent) -> None:
        """As uvicorn's, but an answer of one piece is one write: each costs as much as judging a small batch."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if message["type"] == "http.response.body" and not message.get("more_body", False) and self._plain(start):
                await self._send_whole(start, message.get("body", b""))
                return
            await super().send(start)
        await super().send(message)

    def _plain(self, start: HTTPResponseStartEvent) -> bool:
        names = [name for name, _ in start["headers"]]
        return b"content-length" in names and b"connection" not in names and self.scope["method"] != "HEAD"

    async def _send_whole(self, start: HTTPResponseStartEvent, body: bytes) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        headers = [*self.default_headers, *start["headers"]]
        if not self.keep_alive:
            headers.append((b"connection", b"close"))
        lines = head(headers, len(body))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join((STATUS_LINE[start["status"]], lines, b"\r\n\r\n", body)))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    async def send_500_response(self) -> None:
        """For an app that broke before it answered."""
        await answers.send_answer(cast(Send, self.send), answers.broken())


def head(headers: list[tuple[bytes, bytes]], size: int) -> bytes:
    """The header lines of an answer of `size` bytes; `RuntimeError` when they would read as something else."""
    lines = b"\r\n".join([b"%b: %b" % header for header in headers])
    if lines.translate(None, _WITHIN_A_LINE) != b"\r\n" * (len(headers) - 1):
        raise RuntimeError("a header of an answer holds a control character")
    if (b"content-length", b"%d" % size) not in headers:
        raise RuntimeError(f"an answer of {size} bytes announces another length")
    return lines


class Parting:
    """The transport as a refused request sees it: closing (`part`) lets the client read the answer first."""

    def __init__(self, transport: asyncio.Transport, part: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = part
