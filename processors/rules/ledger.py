"""What the log holds against what BigQuery holds, record by record. Nothing here trusts what a sink says of itself."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from schemas.topics import Origin

NO_HOUR = datetime.min.replace(tzinfo=UTC)  # of rows that no record accounts for
NOTHING: Counter[int] = Counter()
Stored = Mapping[int, Counter[int]]  # offset -> how often each index stands there


class Due(msgspec.Struct, frozen=True):
    """What BigQuery must hold of one record: one row for each of `places`, the indexes in the client's batch.

    A fact has the place 0; a record that cannot be read, or that was driven again for another processor, has none.
    `readable` is false where only a dead letter can account for the record.
    """

    hour: datetime
    places: tuple[int, ...]
    readable: bool = True


class Place(msgspec.Struct, frozen=True, order=True):
    """One event or fact as a position: record and index."""

    origin: Origin
    index: int

    def __str__(self) -> str:
        return f"{self.origin}#{self.index}"


@dataclass
class Line:
    """One partition in one hour. `waiting` rows lie at or above what the sink has committed; `lost` ones below it."""

    records: int = 0
    due: int = 0
    stored: int = 0
    dead: int = 0
    waiting: int = 0
    lost: list[Place] = field(default_factory=list)
    doubled: list[Place] = field(default_factory=list)
    strange: list[Place] = field(default_factory=list)  # rows of which the log knows nothing

    def add(self, other: "Line") -> None:
        """Both together."""
        for name in ("records", "due", "stored", "dead", "waiting", "lost", "doubled", "strange"):
            mine = getattr(self, name)
            mine += getattr(other, name)  # a list grows in place
            setattr(self, name, mine)


def judge(
    topic: str, partition: int, due: Mapping[int, Due], stored: Stored, dead: Collection[int], committed: int
) -> Iterator[tuple[datetime, Line]]:
    """The lines of one partition's records, one for each record; what is dead may be missing, but not double."""
    for offset, record in due.items():
        rows = stored.get(offset, NOTHING)
        line = _compared(Origin(topic, partition, offset), record, rows, is_dead=offset in dead)
        if offset >= committed:
            line.waiting, line.lost = len(line.lost), []
        yield record.hour, line
    for offset in sorted(stored.keys() - due.keys()):
        strange = [Place(Origin(topic, partition, offset), index) for index in sorted(stored[offset])]
        yield NO_HOUR, Line(stored=stored[offset].total(), strange=strange)


def _compared(origin: Origin, record: Due, rows: Counter[int], *, is_dead: bool) -> Line:
    wanted = record.places if record.readable else (0,)
    return Line(
        records=1,
        due=len(record.places),
        stored=rows.total(),
        dead=int(is_dead),
        lost=[] if is_dead else [Place(origin, index) for index in wanted if index not in rows],
        doubled=[Place(origin, index) for index, copies in sorted(rows.items()) if copies > 1],
        strange=[Place(origin, index) for index in sorted(rows.keys() - set(record.places))],
    )
