"""Composition root: opens the doors, lists the commands, wires batch path and FastAPI."""

import asyncio
import resource
import zoneinfo
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest import answers, documents, uploads
from ingest.admission import Admission
from ingest.answers import Answer
from ingest.batch import PATHS, Collector
from ingest.body import ClientGone
from ingest.command import Command, carry_out
from ingest.commands import accounts, comments, conversations, erasure, likes, moderation, photos, rolls, social
from ingest.disk import Disk
from ingest.doors import Clock, Doors
from ingest.front import Front
from ingest.keys import Keys, listed
from ingest.leases import Leases
from ingest.log import Log, security
from ingest.objects import Objects
from ingest.passwords import Passwords
from ingest.projections import Projections
from ingest.rules.cors import Origins
from ingest.rules.paths import Paths
from ingest.rules.peers import Networks, networks
from ingest.shards import Shards
from ingest.spool import Allowance
from ingest.store import Spools, Store
from ingest.telemetry import Telemetry
from ingest.throttle import MESSAGE_EARNED_S, Pace, Throttle
from schemas.problems import Code, Refusal, Refused
from schemas.settings import Settings, SettingsError
from schemas.telemetry import DESCRIPTORS, LOOP_LAG

COMMANDS: tuple[Command, ...] = (
    *accounts.COMMANDS,
    *erasure.COMMANDS,
    *social.COMMANDS,
    *rolls.COMMANDS,
    *uploads.COMMANDS,
    *photos.COMMANDS,
    *likes.COMMANDS,
    *comments.COMMANDS,
    *conversations.COMMANDS,
    *moderation.COMMANDS,
)
BEAT_S = 0.5
CODES: dict[int, Code] = {404: "not_found", 405: "method_not_allowed"}

_tell = structlog.get_logger("ingest")


def now() -> datetime:
    """The one place where ingest reads the time of day."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Ingest:
    """The running room: `asgi` answers, `close` leaves nothing unsent."""

    asgi: Front
    web: FastAPI
    doors: Doors
    close: Callable[[], Awaitable[None]]


def make(settings: Settings, clock: Clock = now, passwords: Passwords | None = None) -> Ingest:
    """The room, wired; nothing is connected before the first request. The caller closes it, or its lifespan does."""
    zoneinfo.reset_tzpath(())  # develop times come from the pinned tzdata, not from this machine's zone files
    telemetry, shards = Telemetry(), Shards(settings.redis_url)
    keys, admission = Keys(settings, telemetry), Admission(telemetry)
    doors = Doors(
        log=Log(settings.kafka_brokers, telemetry, security(settings)),
        projections=Projections(shards),
        leases=Leases(shards),
        objects=Objects(settings),
        passwords=passwords or Passwords(),
        throttle=Throttle(settings.sign_in_tries),
        pace=Pace(settings.comment_burst),
        chat_pace=Pace(settings.message_burst, earned_s=MESSAGE_EARNED_S),
        proxies=_proxies(settings),
        telemetry=telemetry,
        clock=clock,
        moderators=settings.moderator_ids,
    )

    allowance = Allowance(settings.spool_max_bytes, settings.spool_max_disk_share)
    store = Store(doors.log, Spools(Path(settings.spool_dir), allowance, Disk()), telemetry, clock)

    async def close() -> None:
        await store.close()
        await doors.log.close()
        doors.passwords.close()
        await shards.close()

    web = _web(settings, doors, store, admission, close)
    collector = Collector(store, telemetry, keys, admission, clock)
    front = Front(
        collector, web, telemetry, admission=admission, paths=_paths(web), origins=Origins(settings.cors_origins),
        clock=clock,
    )  # fmt: skip
    return Ingest(front, web, doors, close)


def check(settings: Settings) -> None:
    """Raises `SettingsError` for what only a worker would find out."""
    listed(settings)
    Origins(settings.cors_origins)
    _proxies(settings)


def _proxies(settings: Settings) -> Networks:
    try:
        return networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"TRUSTED_PROXIES is {settings.trusted_proxies!r}; {error}") from error


def _paths(web: FastAPI) -> Paths:
    """Everything that is served, past FastAPI or by it."""
    routes = [(route.path, route.methods or ()) for route in web.routes if isinstance(route, Route)]
    return Paths([*((path, ("POST",)) for path in sorted(PATHS)), *routes])


def _web(
    settings: Settings, doors: Doors, store: Store, admission: Admission, close: Callable[[], Awaitable[None]]
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await store.start()
        beat = asyncio.create_task(_beat(doors, admission))
        yield
        beat.cancel()
        with suppress(asyncio.CancelledError):
            await beat
        await close()

    web = FastAPI(
        title=documents.TITLE,
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    for command in COMMANDS:
        _add(web, doors, command)
    _add_health(web, doors, store, admission)
    for kind in (Refusal, HTTPException, ClientGone, Exception):
        web.add_exception_handler(kind, _on_error)
    web.openapi = lambda: _document(web)  # type: ignore[method-assign] # FastAPI's documented way
    return web


def _add(web: FastAPI, doors: Doors, command: Command) -> None:
    async def route(request: Request) -> Response:
        return _response(await carry_out(doors, command, request))

    web.add_api_route(
        command.path,
        route,
        methods=[command.method],
        response_model=None,
        status_code=command.status,
        summary=command.says,
        description=command.does.__doc__ or "",
        operation_id=command.does.__name__,
        tags=[command.path.split("/")[2]],
        openapi_extra=documents.operation(command),
    )


def _add_health(web: FastAPI, doors: Doors, store: Store, admission: Admission) -> None:
    async def live(_: Request) -> Response:
        return _response(answers.told(200, {"live": True}))

    async def ready(_: Request) -> Response:
        """Whether an event can be stored, in Kafka or in the spool: batches need nothing else."""
        kafka = not doors.log.away and await doors.log.reachable()
        ready = kafka or await store.works()
        return _response(answers.told(200 if ready else 503, {"ready": ready, "kafka": kafka}))

    async def metrics(_: Request) -> Response:
        admission.tell()
        return Response(doors.telemetry.exposition(), media_type="text/plain; version=0.0.4")

    for path, route in (("/live", live), ("/ready", ready), ("/metrics", metrics)):
        web.add_api_route(path, route, methods=["GET"], response_model=None, include_in_schema=False)


async def _on_error(request: Request, error: Exception) -> Response:
    """Every error as a problem; the last line is for faults of ours that nothing foresaw."""
    request_id = request.state.request_id
    match error:
        case Refusal():
            _tell_security(request, error.refused)
            return _problem(request, error.refused)
        case HTTPException(status_code=404 | 405 as status):
            refused = Refused(CODES[status], "there is nothing here for this method and path")
            return _problem(request, refused, error.headers)
        case ClientGone():
            return Response(status_code=400)  # nobody reads it
    _tell.error("a command broke us", request_id=request_id, route=request.scope.get("path"), exc_info=error)
    return _response(answers.broken())


def _tell_security(request: Request, refused: Refused) -> None:
    """Who names what is not there, or is hidden from them, may be trying ids; or what others may, or no command has."""
    if refused.code in ("not_found", "forbidden", "unknown_field"):
        route, request_id = getattr(request.scope.get("route"), "path", ""), request.state.request_id
        _tell.warning("a command may be a try", seclog=True, code=refused.code, request_id=request_id, route=route)


def _problem(request: Request, refused: Refused, headers: Any = None) -> Response:
    path, request_id = request.url.path, request.state.request_id
    answer = answers.problem(refused, instance=path, request_id=request_id)
    return _response(Answer(answer.status, answer.body, {**answer.headers, **(headers or {})}))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers))


def _document(web: FastAPI) -> dict[str, Any]:
    if web.openapi_schema is None:
        bare = get_openapi(title=web.title, version="1", routes=web.routes)
        web.openapi_schema = documents.completed(bare, COMMANDS)
    return web.openapi_schema


async def _beat(doors: Doors, admission: Admission) -> None:
    """Measures how late the event loop is: everything that blocks it shows here."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT_S
        await asyncio.sleep(BEAT_S)
        doors.telemetry.level(LOOP_LAG, max(0.0, loop.time() - due), room="ingest")
        doors.telemetry.level(DESCRIPTORS, await asyncio.to_thread(_descriptors_used), room="ingest")
        admission.tell()


def _descriptors_used() -> float:
    """0..1; 0 where nothing tells. At 1 the loop closes each connection that it takes, and says so nowhere else."""
    try:
        opened = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except FileNotFoundError:
        return 0.0
    except OSError:  # to look takes one, too
        return 1.0
    return opened / resource.getrlimit(resource.RLIMIT_NOFILE)[0]
