"""What the supervisor and Prometheus ask: /live /ready /metrics. Open to whoever reaches this port.

They are for the inside; the public proxy must not forward them (S54).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from api.routes import Room

PLAIN = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True)
class Operation:
    """A GET outside /v1, and why it needs no token."""

    path: str
    answer: Callable[[Room], Awaitable[Response]]
    why_open: str


async def live(room: Room) -> Response:
    """200 while the event loop turns: answering is the proof."""
    return Response(b'{"live":true}', headers=PLAIN, media_type="application/json")


async def ready(room: Room) -> Response:
    """200 when the views answer; else the problem `unavailable`, which the door raises."""
    await room.projections.is_up()
    return Response(b'{"ready":true}', headers=PLAIN, media_type="application/json")


async def metrics(room: Room) -> Response:
    """Prometheus' text format."""
    return Response(room.telemetry.page(), headers=PLAIN, media_type="text/plain; version=0.0.4")


OPERATIONS = (
    Operation("/live", live, "a supervisor has no account; it says nothing but that we run"),
    Operation("/ready", ready, "likewise, and that Redis answers"),
    Operation("/metrics", metrics, "Prometheus has no account; route templates and figures only"),
)


def endpoint(room: Room, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    """What the web framework calls for it."""

    async def respond(request: Request) -> Response:
        request.scope["darkroom.route"] = operation.path
        return await operation.answer(room)

    return respond
