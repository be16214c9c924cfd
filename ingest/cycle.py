"""One request and its answer on a connection of the edge, and how a refused one ends."""

import asyncio
from collections.abc import Callable
from typing import cast

from starlette.types import Send
from uvicorn._types import ASGIReceiveEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ingest import answers
from schemas.problems import Refusal, Refused


class Cycle(RequestResponseCycle):
    """One request and its answer; `refused` ends the reading of its body."""

    refused: Refused | None = None

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

    async def send_500_response(self) -> None:
        """For an app that broke before it answered."""
        await answers.send_answer(cast(Send, self.send), answers.broken())


class Parting:
    """The transport as a refused request sees it: closing (`part`) lets the client read the answer first."""

    def __init__(self, transport: asyncio.Transport, part: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = part
