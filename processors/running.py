"""Running one app or all of them in one event loop, until a signal says stop or one of them crashes."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import structlog

from processors.drain import BROKEN, UNAVAILABLE, Leave, leave
from processors.watchdog import STUCK_S, Heart

BEAT_S = 0.5

log = structlog.get_logger(__name__)


class Running(Protocol):
    """What is run: an app of `app.py`."""

    @property
    def crashed(self) -> bool:
        """It will not recover."""

    def running(self) -> AbstractAsyncContextManager[Any]:
        """Started inside, stopped after."""


async def run(apps: Sequence[Running], heart: Heart | None = None, leave: Leave = leave) -> None:
    """Returns when a signal came and every app has drained. Anything else ends the process, to be started again."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    heart = heart or Heart(STUCK_S)
    heart.start()
    beating = asyncio.create_task(_beat(apps, heart, stop, leave))
    try:
        await asyncio.gather(*(_one(app, stop) for app in apps))
    except Exception as error:  # most often the broker: a worker that starts while it is away cannot start at all
        log.exception("could not run")
        leave(UNAVAILABLE, f"could not run: {error!r}")
    finally:
        heart.stop()
        beating.cancel()


async def _one(app: Running, stop: asyncio.Event) -> None:
    async with app.running():
        await stop.wait()


async def _beat(apps: Sequence[Running], heart: Heart, stop: asyncio.Event, leave: Leave) -> None:
    while True:
        heart.beat()
        if not stop.is_set() and any(app.crashed for app in apps):
            leave(BROKEN, "an app has crashed")
        await asyncio.sleep(BEAT_S)
