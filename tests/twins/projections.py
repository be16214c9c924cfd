"""The projections in memory, by brute force: no buckets, no lists, no caps but one, so that it is easy to believe."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from processors.intents import (
    Arrive,
    Claim,
    Count,
    Exclude,
    Follow,
    Forget,
    Include,
    Insert,
    Intent,
    Mark,
    Point,
    Publish,
    Raise,
    Remove,
    Save,
    Sketch,
    Tally,
    Unfollow,
    Until,
    Withdraw,
)
from processors.processor import Effects
from schemas.ids import PhotoId, UserId, floor_at
from schemas.projections import FEED_CAP, Key

Value = str | dict[str, str] | set[str] | list[str] | int


class ProjectionsTwin:
    """Implements `processors.processor.Store`, and answers what tests ask of the views."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._progress: dict[tuple[str, int], int] = {}
        self._texts: dict[Key, tuple[str, datetime | None]] = {}
        self._hashes: dict[Key, dict[str, str]] = {}
        self._sets: dict[Key, set[str]] = {}
        self._places: dict[Key, set[str]] = {}
        self._scores: dict[Key, dict[str, int]] = {}
        self._sketches: dict[Key, set[str]] = {}
        self._ends: dict[Key, datetime] = {}
        self._follows: set[tuple[UserId, UserId]] = set()
        self._outboxes: dict[UserId, set[PhotoId]] = {}

    # --- a store ------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def progress(self) -> Mapping[tuple[str, int], int]:
        return dict(self._progress)

    async def apply(self, effects: Sequence[Effects]) -> None:
        for each in effects:
            partition = (each.origin.topic, each.origin.partition)
            if each.origin.offset >= self._progress.get(partition, 0):
                for intent in each.intents:
                    self._do(intent, each.origin.offset)
                self._progress[partition] = each.origin.offset + 1

    def _do(self, intent: Intent, offset: int) -> None:
        match intent:
            case Save(key=key, fields=fields, unless=unless):
                if unless not in self._hashes.setdefault(key, {}):
                    self._hashes[key].update(fields)
            case Include(key=key, member=member):
                self._sets.setdefault(key, set()).add(member)
            case Exclude(key=key, member=member):
                self._sets.setdefault(key, set()).discard(member)
            case Insert(key=key, place=place):
                self._places.setdefault(key, set()).add(place)
            case Remove(key=key, place=place):
                self._places.setdefault(key, set()).discard(place)
            case Arrive() | Raise() | Mark():
                self._do_scores(intent, offset)
            case Until(key=key, at=at):
                self._ends[key] = at
            case Tally(key=key, field=field, of=of, less=less):
                count = self._size(of) - (self._size(less) if less else 0)
                self._hashes.setdefault(key, {})[field] = str(max(0, count))
            case Point() | Claim() | Forget() | Count() | Sketch():
                self._do_values(intent)
            case Follow() | Unfollow() | Publish() | Withdraw():
                self._do_feeds(intent)
            case _:
                raise TypeError(f"intent is {intent!r}; expected one of views or feeds")

    def _size(self, of: Key) -> int:
        return len(self._sets.get(of, ())) + len(self._places.get(of, ()))

    def _do_scores(self, intent: Arrive | Raise | Mark, offset: int) -> None:
        scores = self._scores.setdefault(intent.key, {})
        match intent:
            case Arrive(member=member):
                scores.setdefault(member, offset)
            case Raise(member=member, score=score):
                scores[member] = max(scores.get(member, score), score)
            case Mark(member=member, order=order, item=item):
                if (at := self._scores.get(order, {}).get(item)) is not None:
                    scores[member] = max(scores.get(member, at), at)

    def _do_values(self, intent: Point | Claim | Forget | Count | Sketch) -> None:
        match intent:
            case Point(key=key, value=value, expires_at=until):
                self._texts[key] = (value, until)
            case Claim(key=key, id=id):
                before, _ = self._texts.get(key, (id, None))
                self._texts[key] = (min(before, id, key=int), None)
            case Forget(key=key):
                self._texts.pop(key, None)
                self._hashes.pop(key, None)
            case Count(key=key, field=field, by=by):
                counts = self._hashes.setdefault(key, {})
                counts[field] = str(int(counts.get(field, 0)) + by)
            case Sketch(key=key, members=members):
                self._sketches.setdefault(key, set()).update(members)

    def _do_feeds(self, intent: Follow | Unfollow | Publish | Withdraw) -> None:
        match intent:
            case Follow(reader=reader, author=author):
                self._follows.add((reader, author))
            case Unfollow(reader=reader, author=author):
                self._follows.discard((reader, author))
            case Publish(author=author, photo=photo):
                self._outboxes.setdefault(author, set()).add(photo)
            case Withdraw(author=author, photo=photo):
                self._outboxes.setdefault(author, set()).discard(photo)

    # --- what is asked of it ------------------------------------------------------------------------------------------

    async def views(self) -> dict[str, Value]:
        """Every view by key: texts, hashes, sets, sorted places, sizes of sketches. Empty ones do not exist."""
        now = self._clock()
        every: dict[str, Value] = {}
        every |= {key: text for key, (text, until) in self._texts.items() if until is None or until > now}
        every |= {key: fields for key, fields in self._hashes.items()}
        every |= {key: set(found) for key, found in self._sets.items()}
        every |= {key: sorted(found) for key, found in self._places.items()}
        every |= {key: _in_order(scores) for key, scores in self._scores.items()}
        every |= {key: len(seen) for key, seen in self._sketches.items()}
        ended = {key for key, at in self._ends.items() if at <= now}
        return {key: value for key, value in every.items() if value and key not in ended}

    def sketches(self) -> dict[Key, set[str]]:
        """The members behind every size, for a server that only estimates it."""
        return {key: set(seen) for key, seen in self._sketches.items()}

    async def feed(self, reader: UserId) -> list[PhotoId]:
        """What the reader's feed offers now, newest first."""
        photos = {p for of, author in self._follows if of == reader for p in self._outboxes.get(author, ())}
        revealed = [photo for photo in photos if int(photo) < floor_at(self._clock())]
        return sorted(revealed, key=int, reverse=True)[:FEED_CAP]


def _in_order(scores: Mapping[str, int]) -> list[str]:
    """As `ZRANGE ... WITHSCORES` tells it, member and score in one text."""
    return [f"{member} {score}" for member, score in sorted(scores.items(), key=lambda each: (each[1], each[0]))]
