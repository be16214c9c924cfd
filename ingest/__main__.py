"""`python -m ingest`: serves INGEST_BIND until it is told to stop (SIGTERM, SIGINT)."""

import logging
import os
import sys

import structlog
import uvicorn

from ingest import batch, body, edge
from ingest.app import COMMANDS, make
from ingest.rules.framing import Bounds
from schemas.settings import Settings, SettingsError, address

DRAIN_S = 10  # what is in flight may finish; then the producer flushes


def main() -> int:
    """2 when a setting is wrong, else uvicorn's end."""
    try:
        settings = Settings.read(os.environ)
        host, port = address(settings.ingest_bind)
    except SettingsError as error:
        print(f"ingest does not start: {error}", file=sys.stderr)
        return 2
    _tell_in_json()
    room = make(settings)
    config = uvicorn.Config(
        room.asgi,
        host=host,
        port=port,
        http=edge.protocol(bounds()),
        ws="none",
        proxy_headers=False,  # nothing here depends on the client's address yet; trust is given by name (S57)
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=2048,
    )
    uvicorn.Server(config).run()
    return 0


def bounds() -> Bounds:
    """How much the edge lets in: batches and pictures are larger than commands."""
    raw = {command.path: command.raw_bytes for command in COMMANDS if command.raw}
    return Bounds(bodies={**dict.fromkeys(batch.PATHS, body.BATCH_BYTES), **raw}, body_bytes=body.COMMAND_BYTES)


def _tell_in_json() -> None:
    """One JSON object per line on stderr, UTC; never a body, a token or an address."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.get_logger("ingest").info("ingest starts", pid=os.getpid())


if __name__ == "__main__":
    sys.exit(main())
