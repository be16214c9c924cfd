"""Ingest's edge as it is, and with deadlines that a test can wait for.

`QUICK` is for who is slow on purpose: on a busy machine anybody may be slower than that.
"""

from dataclasses import replace

from ingest.workers import bounds
from schemas.settings import Settings

HEADER_S, BODY_S, IDLE_S = 0.4, 0.8, 0.5
REAL = bounds(Settings().hosts())
QUICK = replace(REAL, header_s=HEADER_S, body_s=BODY_S, idle_s=IDLE_S, linger_s=0.2)
