"""Routes whose path is a constant are answered before the web framework, which costs as much as all the rest."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.answers import on_fault, on_refusal
from schemas.problems import Refusal

Respond = Callable[[Request], Awaitable[Response]]


class Front:
    """ASGI middleware; everything else goes on to `app`, which knows these routes too and describes them."""

    def __init__(self, app: ASGIApp, routes: Mapping[str, Respond]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A refusal becomes its problem document, and so does a fault, which goes on to the server."""
        respond = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if respond is None:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await respond(request)
        except Refusal as refused:
            response = await on_refusal(request, refused)
        except Exception as error:  # the server logs it; the web framework does the same with its own
            await (await on_fault(request, error))(scope, receive, send)
            raise
        await response(scope, receive, send)
