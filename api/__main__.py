"""`python -m api`: serves the views at API_BIND until SIGTERM, then finishes what is in flight."""

import gc
import os

import uvicorn

from api import connection
from api.app import make_app, make_room
from api.framing import Bounds
from schemas.settings import Settings, address

DRAIN_S = 10


def main() -> None:
    """Read the settings, open the doors, serve."""
    settings = Settings.read(os.environ)
    host, port = address(settings.api_bind)
    room = make_room(settings)
    app = make_app(room, docs=settings.docs)
    _forget_garbage()
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=connection.protocol(Bounds(hosts=settings.hosts()), room.telemetry),
        proxy_headers=False,  # nothing here depends on the client's address; trust is given by name (S57)
        access_log=False,  # paths hold ids; `Edge` counts and logs by route
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
    )


def _forget_garbage() -> None:
    """What is alive now stays: full collections need not look at it. Requests leave hardly any cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


if __name__ == "__main__":
    main()
