"""How far each processor is behind the log, asked from outside: a processor that hangs cannot tell."""

from collections.abc import Sequence

import msgspec
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from schemas.settings import Settings

Partition = tuple[str, int]


class Place(msgspec.Struct, frozen=True):
    """Where a processor is in a partition: the next offset it has committed, and the log's end."""

    committed: int
    end: int

    @property
    def behind(self) -> int:
        """Records not yet committed."""
        return max(0, self.end - self.committed)


def places(settings: Settings, processors: Sequence[str]) -> dict[str, dict[Partition, Place]]:
    """By processor and (topic, partition) that it has ever committed."""
    admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
    try:
        return {name: _places(admin, name) for name in processors}
    finally:
        admin.close()


def lag(settings: Settings, processors: Sequence[str]) -> dict[str, dict[Partition, int]]:
    """Records not yet committed."""
    found = places(settings, processors)
    return {name: {at: place.behind for at, place in of.items()} for name, of in found.items()}


def table(settings: Settings, processors: Sequence[str]) -> str:
    """One line per processor and topic."""
    lines = []
    for name, behind in lag(settings, processors).items():
        topics = sorted({topic for topic, _ in behind}) or ["(nothing committed yet)"]
        lines += [
            f"{name:12}{topic:20}{sum(n for (of, _), n in behind.items() if of == topic):>10}" for topic in topics
        ]
    return "\n".join(lines)


def _places(admin: KafkaAdminClient, group: str) -> dict[Partition, Place]:
    offsets = _committed(admin, group)
    ends = admin.list_partition_offsets(dict.fromkeys(offsets, OffsetSpec.LATEST)) if offsets else {}
    return {(tp.topic, tp.partition): Place(offset, ends[tp].offset) for tp, offset in offsets.items()}


def committed(settings: Settings, group: str) -> dict[Partition, int]:
    """Next offset of a processor by (topic, partition), as far as it has committed any."""
    admin = KafkaAdminClient(bootstrap_servers=settings.brokers)
    try:
        return {(tp.topic, tp.partition): offset for tp, offset in _committed(admin, group).items()}
    finally:
        admin.close()


def _committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    found = admin.list_group_offsets(group).get(group, {})
    return {tp: answer.offset for tp, answer in found.items() if answer.offset >= 0}
