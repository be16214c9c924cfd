"""What api reads off a socket: uvicorn's protocol within the bounds of `api/framing.py`, whatever stands before it.

What is refused here has no request that an app could be asked about: it is answered by the connection itself.
"""

import asyncio
from typing import Any
from uuid import uuid4

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api import framing
from api.framing import Bounds
from api.telemetry import Telemetry
from schemas.problems import Refusal, Refused, body, headers

_tell = structlog.get_logger("api")


def protocol(bounds: Bounds, telemetry: Telemetry) -> type["Connection"]:
    """The protocol with these bounds, for `uvicorn.Config(http=...)`."""
    return type("Connection", (Connection,), {"bounds": bounds, "telemetry": telemetry})


class Connection(HttpToolsProtocol):
    """One client's; a refusal is the last answer on it."""

    bounds: Bounds
    telemetry: Telemetry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._reading = False  # a request has begun and is not whole
        self._in_head = self._in_body = False
        self._deaf = False  # whatever comes is dropped: the end of the connection is decided
        self._head_bytes = self._body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client that says nothing is kept no longer than one that says half."""
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._within(None)

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, whose callbacks raise `Refusal`."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if not self._reading:
            self._begin()
        try:
            self.parser.feed_data(data)
            if self._in_head:
                self._bound_head(len(data))
        except Refusal as refused:
            self._refuse(refused.refused)
        except httptools.HttpParserUpgrade:
            self._upgrade()
        except httptools.HttpParserError as error:
            self._refuse(self._why(error))

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._body_bytes = True, 0, 0
        if not self._reading:
            self._begin()

    def on_headers_complete(self) -> None:
        """The head is whole: starts the app, unless something is wrong with it."""
        if found := framing.fault(self.url, self.headers, self.parser.get_http_version(), self.bounds):
            raise Refusal(found)
        self._in_head, self._in_body = False, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of a body that no route reads."""
        self._body_bytes += len(body)
        if self._body_bytes > self.bounds.body_bytes:
            raise Refusal(framing.too_large(self.bounds))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: time is the app's now, or the next request's."""
        super().on_message_complete()
        self._reading = self._in_body = False
        self._within(None)

    # The connection's time and end.

    def pause_writing(self) -> None:
        """The client does not read its answer."""
        super().pause_writing()
        self._within(self.bounds.answer_s)

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._within(None)

    def _begin(self) -> None:
        self._reading = True
        self._within(self.bounds.request_s)

    def _within(self, seconds: float | None) -> None:
        """The one deadline of the connection; None: none."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self.flow.write_paused or self._deaf:
            self.transport.abort()
        elif self._in_head:
            self._refuse(Refused("request_timeout", "the request did not come in time"))
        else:
            self.transport.close()

    def _bound_head(self, fed: int) -> None:
        """An unfinished head: its last header may be long already."""
        self._head_bytes += fed
        if len(self.url) > self.bounds.url_bytes:
            raise Refusal(framing.long_url(self.bounds))
        if self._head_bytes > self.bounds.url_bytes + self.bounds.header_bytes:
            raise Refusal(framing.large_headers(self.bounds))

    def _upgrade(self) -> None:
        """To a WebSocket, whose library has its own deadlines; an offer of anything else is not taken up."""
        self._within(None)
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        else:
            self._end()

    def _why(self, error: httptools.HttpParserError) -> Refused:
        """A callback's own refusal, or what the parser's complaint means."""
        if isinstance(error, httptools.HttpParserCallbackError):
            if isinstance(error.__context__, Refusal):
                return error.__context__.refused
            raise error  # a fault of ours
        return framing.unreadable(str(error), in_body=self._in_body)

    def _refuse(self, refused: Refused) -> None:
        """Answers and parts: half a close, since a reset would cost a client that still sends the answer."""
        if refused.code == "bad_framing":
            _tell.warning("a request's framing is ambiguous", seclog=True, detail=refused.detail)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end()
        elif not self.transport.is_closing():
            if not self._in_body:  # else the request has had its answer
                self.transport.write(self._answer(refused))
            self.transport.write_eof()
            self._deaf = True
            self._within(self.bounds.linger_s)

    def _end(self) -> None:
        """The answer that is due is the last one."""
        self._deaf = True
        self._within(self.bounds.answer_s)
        self.cycle.keep_alive = False
        self.pipeline.clear()

    def _answer(self, refused: Refused) -> bytes:
        request_id = uuid4().hex
        self.telemetry.answered("unknown", refused.status, 0.0, request_id)
        content = body(refused, instance="/", request_id=request_id)
        told = {**headers(refused), "content-length": str(len(content)), "x-request-id": request_id}
        lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        return STATUS_LINE[refused.status] + lines.encode() + b"connection: close\r\n\r\n" + content
