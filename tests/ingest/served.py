"""A real uvicorn with ingest's edge in front of an app."""

from contextlib import AbstractAsyncContextManager

from starlette.types import ASGIApp

from ingest import edge
from ingest.rules.framing import Bounds
from tests.wire import Served, listening


def serving(app: ASGIApp, bounds: Bounds) -> AbstractAsyncContextManager[Served]:
    """The app on a free port, in this very loop; its lifespan is the caller's."""
    return listening(app, edge.protocol(bounds))
