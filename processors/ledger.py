"""The delivery ledger as people read it: a line per partition and hour, a summary, and the ids of what is wrong."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from processors.rules.ledger import NO_HOUR, Line, Place

SHOWN = 100  # ids of each kind
WRONG = ("lost", "doubled", "strange")
HEADS = ("topic", "partition", "hour", "records", "rows", "stored", "dead", "waiting", *WRONG)

Key = tuple[str, int, datetime]


@dataclass
class Ledger:
    """Lines by topic, partition and hour (UTC), and the ids of what is lost or doubled."""

    lines: defaultdict[Key, Line] = field(default_factory=lambda: defaultdict(Line))
    ids: dict[Place, str] = field(default_factory=dict)

    def all(self, kind: str) -> list[Place]:
        """Every place that is `lost`, `doubled` or `strange`."""
        return sorted(place for line in self.lines.values() for place in getattr(line, kind))

    def holds(self) -> bool:
        """Whether every row that must be there is there, once, and no other."""
        return not any(self.all(kind) for kind in WRONG)

    def shown(self) -> Iterator[tuple[str, Place]]:
        """The first of each kind of what is wrong."""
        for kind in WRONG:
            yield from ((kind, place) for place in self.all(kind)[:SHOWN])

    def __str__(self) -> str:
        rows = [HEADS, *(_row(key, line) for key, line in sorted(self.lines.items()))]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
        table = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in rows]
        wrong = [f"{kind:9}{place}  {self.ids.get(place, '')}".rstrip() for kind, place in self.shown()]
        return "\n".join([*table, self.summary, *wrong])

    @property
    def summary(self) -> str:
        """All of it in one line."""
        lost, doubled, strange = (self.all(kind) for kind in WRONG)
        waiting = sum(line.waiting for line in self.lines.values())
        also = f", {waiting} waiting" * bool(waiting) + f", {len(strange)} unknown to the log" * bool(strange)
        return f"lost {len(lost)}, duplicated {len(doubled)}{also}"


def _row(key: Key, line: Line) -> tuple[str, ...]:
    topic, partition, hour = key
    told = "(no hour)" if hour == NO_HOUR else hour.strftime("%Y-%m-%dT%H")
    numbers = (line.records, line.due, line.stored, line.dead, line.waiting)
    return topic, str(partition), told, *map(str, (*numbers, len(line.lost), len(line.doubled), len(line.strange)))
