"""Running one app or all of them in one event loop, until a signal says stop or one of them crashes."""

import asyncio
import signal
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from time import monotonic
from typing import Any, Protocol

import structlog

from processors.drain import BROKEN, UNAVAILABLE, Leave, leave
from processors.health import Health, serve
from processors.telemetry import Telemetry
from processors.watchdog import STUCK_S, Heart
from schemas.settings import address
from schemas.telemetry import LOOP_LAG

BEAT_S = 0.5

log = structlog.get_logger(__name__)


class Running(Protocol):
    """What is run: an app of `app.py`."""

    @property
    def crashed(self) -> bool:
        """It will not recover."""

    def not_ready(self) -> str | None:
        """Why it does not process records just now, or None."""

    def running(self) -> AbstractAsyncContextManager[Any]:
        """Started inside, stopped after."""


async def run(apps: Sequence[Running], telemetry: Telemetry, bind: str | None = None, leave: Leave = leave) -> None:
    """Returns when a signal came and every app has drained. Anything else ends the process, to be started again.

    `bind` (host:port) is where /live, /ready and /metrics are served.
    """
    stop, drained = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    heart = Heart(STUCK_S)
    heart.start()
    beating = asyncio.create_task(_beat(apps, heart, stop, telemetry, leave))
    try:
        serving = _serving(apps, heart, telemetry, bind, drained) if bind else None
        await asyncio.gather(*(_one(app, stop) for app in apps))
        drained.set()
        if serving:
            await serving
    except Exception as error:  # most often the broker: a worker that starts while it is away cannot start at all
        log.exception("could not run")
        leave(UNAVAILABLE, f"could not run: {error!r}")
    finally:
        heart.stop()
        beating.cancel()


async def _one(app: Running, stop: asyncio.Event) -> None:
    async with app.running():
        await stop.wait()


def _serving(
    apps: Sequence[Running], heart: Heart, telemetry: Telemetry, bind: str, until: asyncio.Event
) -> asyncio.Task[None]:
    def alive() -> str | None:
        return "the event loop is slow" if heart.silent_s > STUCK_S / 2 else None

    def ready() -> str | None:
        return next((why for app in apps if (why := app.not_ready())), None)

    listening = socket.create_server(address(bind))  # here, not in the server, which would exit by itself
    return asyncio.create_task(serve(Health(telemetry, alive, ready), listening, until))


async def _beat(apps: Sequence[Running], heart: Heart, stop: asyncio.Event, telemetry: Telemetry, leave: Leave) -> None:
    while True:
        heart.beat()
        if not stop.is_set() and any(app.crashed for app in apps):
            leave(BROKEN, "an app has crashed")
        began = monotonic()
        await asyncio.sleep(BEAT_S)
        telemetry.observe(LOOP_LAG, monotonic() - began - BEAT_S, "processors")
