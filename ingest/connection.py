"""A connection of the edge: how long each part of a request may take, whose answer is due, and how it ends.

A refusal is answered by the app, as any other is: it stands in `scope["state"]["refused"]` for an app that has not
begun, and is raised by `receive` where the body is waited for. Then the connection closes.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ingest.cycle import Cycle
from ingest.deadline import Deadline
from ingest.rules import framing
from ingest.rules.framing import Bounds
from schemas.problems import Refused

BETWEEN, HEAD, BODY, DEAF = range(4)  # what is being read; DEAF: nothing any more, whatever comes

_tell = structlog.get_logger("ingest")


class Gate:
    """Who may come in; this one lets everybody."""

    def turned_away(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The whole answer to a request for which there is no room; None when there is."""
        return None


class Connection(HttpToolsProtocol):
    """What is true of every request on it; `ingest/edge.py` reads them."""

    bounds = Bounds()
    gate = Gate()
    cycle: Cycle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline = Deadline(self.loop, self._late)
        self._phase = BETWEEN
        self._named = False  # the request has a method and a path already
        self._continues = False  # the client is silent until the app reads and 100 Continue is sent
        self._ended = False  # the client will send nothing more

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client that says nothing is kept no longer than one that says half."""
        super().connection_made(transport)
        self._deadline.after(self.bounds.header_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        self._deadline.close()

    def eof_received(self) -> bool:  # type: ignore[override] # uvicorn's gives the answer up
        """A client that has said all may still hear its answer; True keeps the connection for that."""
        self._ended = True
        if self._phase == BODY:
            self._refuse(Refused("incomplete_body", "the body ended before its announced end"))
            return not self.transport.is_closing()
        if self._answered():
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

    def _scope(self, method: str, version: str, path: bytes, query: bytes) -> HTTPScope:
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": method,
            "root_path": "",
            "path": framing.path(path),
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
