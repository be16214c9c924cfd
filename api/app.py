"""Composition root: which routes there are, and which doors they get."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    comments,
    conversations,
    feeds,
    for_you,
    moderation,
    openapi,
    operations,
    people,
    photos,
    rolls,
    serving,
    stats,
    trace,
    users,
)
from api.answers import on_fault, on_http, on_refusal
from api.edge import Edge
from api.front import Front
from api.load_watch import LoadWatch
from api.log import open_log
from api.objects import open_objects
from api.operations import OPERATIONS
from api.projections import open_projections
from api.routes import Clock, Room, Route
from api.telemetry import Telemetry
from api.warehouse import open_warehouse
from schemas.problems import Refusal
from schemas.settings import Settings

ROUTES: tuple[Route, ...] = (
    *feeds.ROUTES,
    *for_you.ROUTES,
    *photos.ROUTES,
    *comments.ROUTES,
    *conversations.ROUTES,
    *rolls.ROUTES,
    *users.ROUTES,
    *people.ROUTES,
    *moderation.ROUTES,
    *stats.ROUTES,
    *trace.ROUTES,
)


def utc_now() -> datetime:
    """The clock of a running process."""
    return datetime.now(UTC)


def make_room(settings: Settings, clock: Clock = utc_now) -> Room:
    """The doors these settings name; none of them connects before it is asked something."""
    projections, telemetry = open_projections(settings.redis_url, settings.redis_timeout_ms / 1000), Telemetry()
    return Room(
        projections=projections,
        load=LoadWatch(projections, telemetry, settings.shed_above_ms / 1000),
        objects=open_objects(settings),
        warehouse=open_warehouse(settings),
        log=open_log(settings),
        operators=frozenset(filter(None, settings.operators.replace(" ", "").split(","))),
        moderators=settings.moderator_ids,
        telemetry=telemetry,
        clock=clock,
        cursor_secret=settings.cursor_secret.encode(),
    )


class App(FastAPI):
    """FastAPI behind our own edge: its layers around a middleware cost more than a page that is read again."""

    outermost: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Requests come by the edge; the server's start and stop do not."""
        await (self.outermost if scope["type"] == "http" else self.framework)(scope, receive, send)

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI alone."""
        await super().__call__(scope, receive, send)


def make_app(room: Room, *, docs: bool = False) -> App:
    """The ASGI app; `docs` serves /docs and /openapi.json to anyone who asks."""
    app = App(
        title="Darkroom",
        description="Queries: everything that reads. Commands go to ingest at the same public address.",
        version="0.1.0",
        docs_url="/docs" if docs else None,
        openapi_url="/openapi.json" if docs else None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        lifespan=lambda app: _lifespan(room),
        exception_handlers={Refusal: on_refusal, HTTPException: on_http, Exception: on_fault},
    )
    _mount(app, room)
    _describe(app)
    fixed = {route.path: serving.endpoint(room, route) for route in ROUTES if "{" not in route.path}
    app.outermost = Edge(Front(app.framework, routes=fixed), telemetry=room.telemetry, new_id=_request_ids())
    return app


def _request_ids() -> Callable[[], str]:
    """Random once for the process, then counted: asking the kernel for each request is dear."""
    process, numbers = uuid4().hex[:16], count(1)
    return lambda: f"{process}{next(numbers):016x}"


def _mount(app: FastAPI, room: Room) -> None:
    for route in ROUTES:
        app.add_api_route(
            route.path,
            serving.endpoint(room, route),
            response_model=None,
            methods=["GET"],
            summary=route.summary,
            name=route.path,
            operation_id=route.path.strip("/").replace("/", "_").replace("{", "").replace("}", ""),
            openapi_extra=openapi.described(route),
        )
    for operation in OPERATIONS:
        app.add_api_route(
            operation.path, operations.endpoint(room, operation), response_model=None, include_in_schema=False
        )


def _describe(app: FastAPI) -> None:
    """FastAPI knows nothing of msgspec's types: their components are added to its document."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        return {**plain(), "components": openapi.components(ROUTES)}

    app.openapi = document  # type: ignore[method-assign]  # the documented way to extend it


@asynccontextmanager
async def _lifespan(room: Room) -> AsyncIterator[None]:
    beat = asyncio.create_task(room.load.run())
    yield
    beat.cancel()
    with suppress(asyncio.CancelledError):
        await beat
    await room.projections.close()
    room.warehouse.close()
    room.log.close()
