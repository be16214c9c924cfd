"""The edge of the protocol: reads requests as uvicorn does, but within bounds, and only what is plainly framed."""

from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from ingest.connection import BETWEEN, BODY, DEAF, HEAD, Connection
from ingest.rules import framing
from ingest.rules.framing import Bounds, Head
from schemas.problems import Refusal, Refused, refusal

MAX_PIPELINED = 32  # requests that wait for the answer before theirs; no client of ours pipelines at all


def protocol(bounds: Bounds) -> type["Edge"]:
    """The protocol with these bounds, for `uvicorn.Config(http=...)`."""
    return type("Edge", (Edge,), {"bounds": bounds})


class Edge(Connection):
    """What arrives on one connection, from its first byte to the app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._began = 0.0
        self._fed = 0  # bytes that the parser is being fed just now
        self._fresh = True  # the head began among them
        self._head_bytes = 0  # of an unfinished head
        self._body_bytes = 0
        self._wire_bytes = 0  # of a body that takes several reads, chunk lines counted
        self._max_bytes = 0
        self._size_due = False  # the next bytes are the first chunk's size line

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

    # The parser's callbacks: what they raise comes out of `feed_data`.

    def on_message_begin(self) -> None:
        """The first byte of a request, from which its deadlines count."""
        self.url = b""
        self.headers = []
        self._named = False
        self._phase = HEAD
        self._fresh = True
        self._began = self.loop.time()
        if self.cycle is not None:  # the first one's head has been waited for since the connection began
            self._deadline.at(self._began + self.bounds.header_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; a trailer behind a chunked body is not one, and is dropped."""
        if self._phase == HEAD:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole: starts the app, or raises `Refusal`."""
        parser, bounds = self.parser, self.bounds
        version = parser.get_http_version()
        path, query, host = framing.target(self.url)
        self._named = True
        self.scope = self._scope(parser.get_method().decode(), version, path, query)
        small = self._fresh and self._fed <= bounds.url_bytes and len(self.headers) <= bounds.headers
        if not small and (fault := framing.too_long(self.url, self.headers, bounds)):
            raise Refusal(fault)
        if query and query.count(b"&") >= bounds.parameters:
            raise Refusal(framing.many_parameters(bounds))
        found = framing.head(self.headers, version)
        if isinstance(found, Refused):
            raise Refusal(found)
        if not bounds.knows(host or found.host) and self.scope["path"] not in framing.OPEN:
            raise Refusal(framing.unknown_host())
        if parser.should_upgrade():
            self._upgrade()
            return
        self._expect_body(found)
        keep_alive = version != "1.0" and parser.should_keep_alive()
        if keep_alive and (said := self._turned_away()):
            self.transport.write(said)
        else:
            self._start(self._cycle(keep_alive=keep_alive))

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

    # What they do in parts.

    def _upgrade(self) -> None:
        """What is done about a client that wants another protocol."""
        raise refusal("bad_header", "this is HTTP/1.1, and nothing else is spoken here")

    def _turned_away(self) -> bytes | None:
        """What the request hears when too much comes; its body is dropped, as behind any answer that came first.

        Not the first one of a connection, nor one behind others, nor one that waits for leave: the app answers them.
        """
        if self.cycle is None or not self._answered() or self._continues or self.flow.write_paused:
            return None
        return self.gate.turned_away(self.scope["path"], self.headers)

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
        known = framing.size(self.headers) + len(self.url)
        self._head_bytes = known if self._fresh else self._head_bytes + self._fed
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

    def _why(self, error: httptools.HttpParserError, data: bytes) -> Refused:
        """A callback's own refusal, or what the parser's complaint means."""
        if isinstance(error, httptools.HttpParserCallbackError):
            if isinstance(error.__context__, Refusal):
                return error.__context__.refused
            raise error  # a fault of ours
        return framing.unreadable(str(error), data, in_body=self._phase == BODY)
