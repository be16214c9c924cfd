"""The one way from a request to its answer: read, sign in, wait, ask, encode."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api import asked, cursor, visit
from api.answers import Answer, json
from api.load import SHORT, Shed
from api.projections import Session
from api.routes import Asked, Page, Room, Route
from schemas.ids import UserId
from schemas.problems import refusal
from schemas.projections import Processor
from schemas.topics import SECRETS, Origin

WAIT_S = 1.0  # X-Read-After; views.md
POLLS_S = (0.005, 0.01, 0.02, 0.04, 0.08)  # then the last one again: a view is usually some 30 ms behind


def endpoint(room: Room, route: Route) -> Callable[[Request], Awaitable[Response]]:
    """What the web framework calls for this route."""

    async def respond(request: Request) -> Response:
        scope, headers = request.scope, request.scope["headers"]
        scope["darkroom.route"] = route.path
        token = asked.token_sha256(asked.header(b"authorization", headers))
        if route.is_kept and not room.load.shed and asked.header(b"x-read-after", headers) is None:
            page = (route.path, token, scope["query_string"])
            answer = await room.projections.visits.visit(
                page, room.clock, lambda: _answered(room, route, request, token)
            )
        else:
            answer = await _answered(room, route, request, token)
        return answer.to(asked.header(b"if-none-match", headers))

    return respond


async def _answered(room: Room, route: Route, request: Request, token: str) -> Answer:
    parameters = asked.parameters(request.query_params.multi_items(), route.parameters)
    wanted = asked.limit(parameters.get("limit"))
    named = _named(route, request)
    reader = await _signed_in(room, route, request, token)
    if route.policy == "operator" and reader not in room.operators:
        raise refusal("forbidden", "this is for operators")
    if route.policy == "moderator" and reader not in room.moderators:
        raise refusal("forbidden", "this is for moderators")
    target = reader if named == asked.ME else named
    position, is_back = _position(room, route.endpoint(target), reader, parameters.get("cursor"))
    shed = _shed(room, route, wanted)
    question = Asked(
        room=room,
        endpoint=route.endpoint(target),
        reader=reader,
        now=room.clock(),
        target=target,
        parameters=parameters,
        limit=min(wanted, SHORT) if "length" in shed else wanted,
        position=position,
        is_back=is_back,
        session=token,
        wanted=wanted,
        shed=shed,
    )
    answer = await route.answer(question)
    lacks = answer.degraded(shed) if isinstance(answer, Page) else shed
    for what in lacks:
        room.telemetry.degraded(what)
    is_stale = request.scope["darkroom.is_stale"]
    if is_stale or lacks or position is not None:
        visit.holds_once()
    return json(answer, is_stale=is_stale, degraded=lacks, links=_links(question, answer))


def _shed(room: Room, route: Route, wanted: int) -> tuple[Shed, ...]:
    """What this very answer does without: a page that is short anyway is not shortened."""
    is_long = "limit" in route.parameters and wanted > SHORT
    return tuple(what for what in room.load.shed if what in route.sheds or (what == "length" and is_long))


def _named(route: Route, request: Request) -> str:
    if route.target is None:
        return ""
    text = str(request.path_params[route.target])
    if route.target == "trace":
        return asked.traced(text)
    return text if route.target == "user" and text == asked.ME else asked.identifier(text)


async def _signed_in(room: Room, route: Route, request: Request, token: str) -> UserId:
    """Who asks, once the views have come as far as X-Read-After, or its second is over."""
    after = asked.read_after(request.headers.get("x-read-after"))
    session, came = await _session(room, route, token, after)
    request.scope["darkroom.is_stale"] = not (session.is_complete and came)
    if session.user is not None:
        return session.user
    if not session.is_complete:  # 401 would make clients throw good tokens away
        raise refusal("rebuilding", "sessions are being read back; try again", retry_after_s=2)
    raise refusal("invalid_token", "the access token is unknown or has expired")


async def _session(room: Room, route: Route, token: str, after: Origin | None) -> tuple[Session, bool]:
    if after is not None and after.topic == SECRETS.name:  # the session itself may be what is not there yet
        came = await _wait(room, ("views",), after)
        return await room.projections.session(token), came
    session = await room.projections.session(token)
    if after is None or session.user is None:
        return session, True
    return session, await _wait(room, route.behind, after)


async def _wait(room: Room, behind: tuple[Processor, ...], record: Origin) -> bool:
    """Whether the processors behind the route pass `record` within the second."""
    loop = asyncio.get_running_loop()
    deadline, polls = loop.time() + WAIT_S, iter(POLLS_S)
    while not await room.projections.has_passed(behind, record):
        pause = next(polls, POLLS_S[-1])
        if loop.time() + pause > deadline:
            return False
        await asyncio.sleep(pause)
    return True


def _position(room: Room, endpoint: str, reader: UserId, text: str | None) -> tuple[str | None, bool]:
    """Where the page begins, and whether it lies before that."""
    if text is None:
        return None, False
    place = cursor.position(room.cursor_secret, endpoint, reader, text)
    if place is None:
        raise refusal("bad_cursor", "take it from an answer of this endpoint, signed in as the same person")
    return cursor.parted(place)


def _links(question: Asked, answer: msgspec.Struct) -> dict[str, str]:
    """Web links (RFC 8288) to the neighbours of a page."""
    if not isinstance(answer, Page):
        return {}
    neighbours = {"next": answer.next_cursor, "prev": answer.prev_cursor}
    found = [_link(question, rel, cursor) for rel, cursor in neighbours.items() if cursor is not None]
    return {"link": ", ".join(found)} if found else {}


def _link(question: Asked, rel: str, cursor: str) -> str:
    """A cursor is base64 for URLs: nothing of it needs to be quoted."""
    return f'<{question.endpoint}?limit={question.wanted}&cursor={cursor}>; rel="{rel}"'
