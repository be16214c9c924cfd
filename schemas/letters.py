"""The headers of a dead letter (`dead.v1`): why a record could not be processed, beside the record's own headers.

A letter is the original's key and value; its headers are the original's, then eight of ours (a foreign record may carry
the same names, so the place counts): reason, stage, topic, partition, offset, attempts, time, processor. A ninth,
`absent`, names what was null in the original and cannot be told from its bytes here.
"""

from collections.abc import Sequence

import msgspec

from schemas.topics import Origin

OURS = 8
SETTLED = ("retried", "dropped")  # stages of the letters that end another one of the same record and processor

Headers = Sequence[tuple[str, bytes]]


class Told(msgspec.Struct, frozen=True):
    """What a letter says of its record."""

    reason: str
    stage: str
    origin: Origin
    attempts: int
    time: str
    processor: str
    absent: tuple[str, ...] = ()


def told(headers: Headers) -> tuple[Told, Headers]:
    """What our headers say, and the original's own. `KeyError` or `ValueError`: it is no letter."""
    ninth = bool(headers) and headers[-1][0] == "absent"
    count = OURS + ninth
    ours = {name: value.decode() for name, value in headers[-count:]}
    origin = Origin(ours["topic"], int(ours["partition"]), int(ours["offset"]))
    absent = tuple(ours["absent"].split(",")) if ninth else ()
    said = Told(ours["reason"], ours["stage"], origin, int(ours["attempts"]), ours["time"], ours["processor"], absent)
    return said, headers[:-count]
