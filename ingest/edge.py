"""The edge of the protocol: uvicorn's, with deadlines, bounds, and problems instead of plain text.

A refusal decided here is answered by the app, as any other is: it stands in `scope["state"]["refused"]` for an app that
has not begun, and is raised by `receive` where the body is waited for. Then the connection closes.
"""

import asyncio
from typing import Any
from urllib.parse import unquote

import httptools
import structlog
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingest.cycle import Cycle
from ingest.deadline import Deadline
from ingest.rules import framing
from ingest.rules.framing import Bounds, Head
from schemas.problems import Refusal, Refused, refusal

BETWEEN, HEAD, BODY, DEAF = range(4)  # what is being read; DEAF: nothing any more, whatever comes
MAX_PIPELINED = 32  # requests that wait for the answer before theirs; no client of ours pipelines at all

_tell = structlog.get_logger("ingest")


def protocol(bounds: Bounds) -> type["Edge"]:
    """The protocol with these bounds, for `uvicorn.Config(http=...)`."""
    return type("Edge", (Edge,), {"bounds": bounds})


class Edge(HttpToolsProtocol):
    """One connection."""

    bounds = Bounds()
    cycle: Cycle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = Deadline(self.loop, self._late)
        self._phase = BETWEEN
        self._began = 0.0
        self._named = False  # the request has a method and a path already
        self._fed = 0  # bytes that the parser is being fed just now
        self._fresh = True  # the head began among them
        self._head_bytes = 0  # of an unfinished head
        self._body_bytes = 0
        self._wire_bytes = 0  # of a body that takes several reads, chunk lines counted
        self._max_bytes = 0
        self._size_due = False  # the next bytes are the first chunk's size line
        self._continues = False  # the client is silent until the app reads and 100 Continue is sent
        self._ended = False  # the client will send nothing more

    # The connection.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client that says nothing is kept no longer than one that says half."""
        super().connection_made(transport)
        self._deadline.after(self.bounds.header_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._deadline.close()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, whose callbacks do the rest, and bounds what they cannot see."""
        before, self._fed = self._phase, len(data)
        if before == DEAF:
            return
        try:
            self.parser.feed_data(data)
            if self._phase == HEAD:
                self._bound_head()
            elif self._phase == BODY:
                self._bound_body(before, data)
        except Refusal as refused:
            self._refuse(refused.refused)
        except httptools.HttpParserError as error:
            self._refuse(self._why(error, data))

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's gives the answer up
        """A client that has said all may still hear its answer; True keeps the connection for that."""
        self._ended = True
        if self._phase == BODY:
            self._refuse(Refused("incomplete_body", "the body ended before its announced end"))
            return not self.transport.is_closing()
        if self._phase == HEAD or self._answered():
            return False
        self._phase = DEAF
        self.cycle.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """A client that does not read its answer has as long as for sending a body."""
        super().pause_writing()
        self._deadline.after(self.bounds.body_s)

    def part(self) -> None:
        """Half a close: what the client still sends is dropped for a moment, since a reset would cost it the answer."""
        if self._ended or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self._deadline.after(self.bounds.linger_s)

    # The parser's callbacks: what they raise comes out of `feed_data`.

    def on_message_begin(self) -> None:
        """The first byte of a request, from which its deadlines count."""
        self.url = b""
        self.headers = []
        self._named = False
        self._phase = HEAD
        self._fresh = True
        self._began = self.loop.time()
        self._deadline.at(self._began + self.bounds.header_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; a trailer behind a chunked body is not one, and is dropped."""
        if self._phase == HEAD:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: starts the app, or raises `Refusal`."""
        parser, bounds = self.parser, self.bounds
        version = parser.get_http_version()
        path, query = framing.target(self.url)
        self._named = True
        self.scope = self._scope(parser.get_method().decode(), version, path, query)
        small = self._fresh and self._fed <= bounds.url_bytes and len(self.headers) <= bounds.headers
        if not small and (fault := framing.too_long(self.url, self.headers, bounds)):
            raise Refusal(fault)
        if parser.should_upgrade():
            raise refusal("bad_header", "this is HTTP/1.1, and nothing else is spoken here")
        found = framing.head(self.headers, version)
        if isinstance(found, Refused):
            raise Refusal(found)
        self._expect_body(found)
        self._start(self._cycle(keep_alive=version != "1.0" and parser.should_keep_alive()))

    def on_body(self, body: bytes) -> None:
        """A piece of the body, for the app if it has not answered already."""
        if self._continues:
            self._continues = False
            self._deadline.at(self._began + self.bounds.body_s)
        self._body_bytes += len(body)
        if self._body_bytes > self._max_bytes:
            raise Refusal(framing.too_large(self._max_bytes))
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        """The request is whole: time is the app's now."""
        self._phase = BETWEEN
        self._deadline.off()
        if self.cycle.response_complete:
            self._deadline.after(self.bounds.idle_s)
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """The next one's turn, or the idle time; who hears the last answer has as long to read it."""
        self.server_state.total_requests += 1
        closing = self.transport.is_closing()
        if not closing:
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
                return
        if closing or self._phase == BETWEEN:
            self._deadline.after(self.bounds.idle_s)

    # What they share.

    def _expect_body(self, head: Head) -> None:
        self._max_bytes = self.bounds.body(self.scope["path"])
        if head.length is not None and head.length > self._max_bytes:
            raise Refusal(framing.too_large(self._max_bytes))
        if len(self.pipeline) >= MAX_PIPELINED:
            raise refusal("unavailable", f"more than {MAX_PIPELINED} requests wait on this connection")
        self._phase = BODY
        self._body_bytes = self._wire_bytes = 0
        self._size_due, self._continues = head.chunked, head.continues
        if not head.continues:  # who waits for 100 Continue keeps the head's deadline
            self._deadline.at(self._began + self.bounds.body_s)

    def _bound_head(self) -> None:
        """An unfinished head: its last header may be long already."""
        self._head_bytes = (0 if self._fresh else self._head_bytes) + self._fed
        self._fresh = False
        if len(self.url) > self.bounds.url_bytes:
            raise Refusal(framing.long_url(self.bounds))
        if self._head_bytes > self.bounds.url_bytes + self.bounds.header_bytes:
            raise Refusal(framing.large_headers(self.bounds))

    def _bound_body(self, before: int, data: bytes) -> None:
        """An unfinished body: chunk lines and trailers are bytes, too; a first chunk may promise too much."""
        if before == BODY:
            self._wire_bytes += len(data)
        if self._size_due:
            _, found, line = (b"", b"-", data) if before == BODY else data.partition(b"\r\n\r\n")
            self._size_due = bool(found) and not line
            if framing.chunk_size(line) > self._max_bytes:
                raise Refusal(framing.too_large(self._max_bytes))
        if self._wire_bytes > 2 * self._max_bytes + HIGH_WATER_LIMIT:
            raise Refusal(framing.too_large(self._max_bytes))

    def _scope(self, method: str, version: str, path: bytes, query: bytes) -> HTTPScope:
        text = path.decode("latin-1")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": method,
            "root_path": "",
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }

    def _cycle(self, *, keep_alive: bool) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self._continues,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _start(self, cycle: Cycle) -> None:
        """Now, or after the answers that others wait for on this connection."""
        waits = not self._answered()
        self.cycle = cycle
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))
        else:
            self._start_asgi_task(cycle, self.app)

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _late(self) -> None:
        """Who sends too slowly hears of it; who is silent, or does not read, is gone."""
        if self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
        elif self._phase == HEAD or (self._phase == BODY and not self._continues):
            self._refuse(framing.late())
        else:
            self.transport.close()

    def _why(self, error: httptools.HttpParserError, data: bytes) -> Refused:
        """A callback's own refusal, or what the parser's complaint means."""
        if isinstance(error, httptools.HttpParserCallbackError):
            if isinstance(error.__context__, Refusal):
                return error.__context__.refused
            raise error  # a fault of ours
        return framing.unreadable(str(error), data, in_body=self._phase == BODY)

    def _refuse(self, refused: Refused) -> None:
        """The last answer on this connection, after those that are due; nothing is read any more."""
        if refused.code == "bad_framing":
            _tell.warning("a request's framing is ambiguous", seclog=True, detail=refused.detail)
        begun = self._phase == BODY
        self._phase = DEAF
        self._deadline.off()
        if not begun:
            self._start(self._headless())
        self.cycle.refuse(refused, self.part)

    def _headless(self) -> Cycle:
        """For a request whose head was not read to its end: it has no path, perhaps no method."""
        if not self._named:
            self.scope = self._scope("GET", "1.1", b"/", b"")
        self._continues = False
        return self._cycle(keep_alive=False)
