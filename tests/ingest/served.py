"""A real uvicorn with ingest's edge in front of an app."""

from contextlib import AbstractAsyncContextManager

from starlette.types import ASGIApp, Receive, Scope, Send

from ingest import answers
from ingest.edge import protocol
from ingest.rules.framing import Bounds
from schemas.problems import Refusal, Refused
from tests.wire import Served, listening


def serving(app: ASGIApp, bounds: Bounds) -> AbstractAsyncContextManager[Served]:
    """The app on a free port, in this very loop; its lifespan is the caller's."""
    return listening(app, protocol(bounds))


async def reader(scope: Scope, receive: Receive, send: Send) -> None:
    """The smallest app that does what the edge asks of one: it reads the body, and answers what was refused."""
    count, refused = 0, scope["state"].get("refused")
    try:
        count = -1 if refused else await _length(receive)
    except Refusal as refusal:
        refused = refusal.refused
    await answers.send_answer(send, _problem(scope, refused) if refused else answers.told(200, {"bytes": count}))


async def _length(receive: Receive) -> int:
    count, more = 0, True
    while more:
        message = await receive()
        count, more = count + len(message.get("body", b"")), message.get("more_body", False)
    return count


def _problem(scope: Scope, refused: Refused) -> answers.Answer:
    found = answers.problem(refused, instance=scope["path"], request_id="of-a-test")
    return answers.Answer(found.status, found.body, {**found.headers, "x-request-id": "of-a-test"})
