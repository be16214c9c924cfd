"""Everything a command may speak to, opened once by `app` and handed on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ingest.leases import Leases
from ingest.log import Log
from ingest.objects import Objects
from ingest.passwords import Passwords
from ingest.projections import Projections
from ingest.rules.peers import Networks
from ingest.telemetry import Telemetry
from ingest.throttle import Pace, Throttle

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Doors:
    """The clock stands among them: nothing below `app` reads the time of day by itself."""

    log: Log
    projections: Projections
    leases: Leases
    objects: Objects
    passwords: Passwords
    throttle: Throttle
    pace: Pace  # of comments and reports
    chat_pace: Pace  # of messages, and of conversations that are opened
    proxies: Networks  # whose X-Forwarded-For is believed
    telemetry: Telemetry
    clock: Clock
    moderators: frozenset[str] = frozenset()  # ids of those who may take photos down
