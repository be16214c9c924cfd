"""One collector, or several processes behind one port: the parent binds and supervises, each worker is a whole room.

A worker shares nothing with the others but the listening socket, so that one which dies takes only its own connections
along; its spool is adopted, its counts stay in /metrics. SIGHUP replaces the workers one by one, without a refusal.
"""

import gc
import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from ingest import batch, body, edge, telemetry
from ingest.app import COMMANDS, make
from ingest.front import Front
from ingest.rules.framing import Bounds
from schemas.settings import Settings, address

DRAIN_S = 10  # what is in flight may finish; then the producer flushes
BACKLOG = 2048
HUNG_S = 30  # a worker that is silent so long is replaced; one that starts on a busy machine needs several


def run(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT; the process's exit code."""
    config = _config(settings)
    if settings.ingest_workers == 1:
        uvicorn.Server(config).run()
        return 0
    with TemporaryDirectory(prefix="darkroom-metrics-") as folder:
        os.environ[telemetry.SHARED_FOLDER] = folder  # inherited by the workers
        parent = Multiprocess(config, [config.bind_socket()])
        parent.run()
    failed = any(process.exitcode == STARTUP_FAILURE for process in parent.processes)
    return STARTUP_FAILURE if failed else 0


def _config(settings: Settings) -> uvicorn.Config:
    host, port = address(settings.ingest_bind)
    return uvicorn.Config(
        "ingest.workers:served",
        factory=True,
        host=host,
        port=port,
        workers=settings.ingest_workers,
        http=Served,
        ws="none",
        proxy_headers=False,  # nothing here depends on the client's address yet; trust is given by name (S57)
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=BACKLOG,
        timeout_worker_healthcheck=HUNG_S,
    )


def served() -> Front:
    """The room of one worker; what uvicorn calls in the worker's process."""
    _tell_in_json()
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    settings = Settings.read(os.environ)
    Served.bounds = bounds(settings.hosts())
    front = make(settings).asgi
    Served.gate = front
    _forget_garbage()
    return front


def _forget_garbage() -> None:
    """What is alive now stays: a full collection that looked at it all would stop the worker for tens of milliseconds.

    Requests leave hardly any cycles; their objects need not be looked through 700 at a time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def _end_with(parent: BaseProcess) -> None:
    """A worker whose parent was killed would hold the port against the next one, and answer to nobody."""
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def bounds(hosts: frozenset[bytes] = frozenset()) -> Bounds:
    """How much the edge lets in: batches and pictures are larger than commands; `hosts`: who may be asked for."""
    most = {command.path: max(command.raw_bytes, command.max_bytes) for command in COMMANDS if "{" not in command.path}
    larger = {path: bytes for path, bytes in most.items() if bytes > body.COMMAND_BYTES}
    bodies = {**dict.fromkeys(batch.PATHS, body.BATCH_BYTES), **larger}
    return Bounds(hosts=hosts, bodies=bodies, body_bytes=body.COMMAND_BYTES)


class Served(edge.Edge):
    """The edge with our bounds (`served` adds the hosts); a name, since a worker's settings are pickled."""

    bounds = bounds()


class Dropping(io.FileIO):
    """A full disk under the log costs lines; it may not stop the room, least of all while that tells of the disk."""

    def write(self, line: Any) -> int:
        """As much as there is room for; nothing of it is kept for later."""
        try:
            return super().write(line)
        except OSError:
            return len(line)


def _tell_in_json() -> None:
    """One JSON object per line on stderr, UTC; never a body, a token or an address."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    stderr = Dropping(sys.stderr.fileno(), "w", closefd=False)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(io.TextIOWrapper(stderr, write_through=True)),
    )
    structlog.get_logger("ingest").info("ingest starts", pid=os.getpid())
