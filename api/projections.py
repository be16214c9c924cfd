"""Door to Redis, read only (but for who opened a feed): one method is one question, mostly one pipelined round trip.

Redis away or slow becomes the problem `unavailable` here; what it answers is trusted to be what processors wrote, so a
hash that is not its codec's crashes the request loudly.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import compress
from typing import Any, cast

import msgspec

from api import candidates
from api.cards import UNCOUNTED, Tally
from api.hot import BITS, REPLIES, Hot, HotCards, Parsed, bits_asked, bulk, profile_asked, questions
from api.inbox import Inbox
from api.relations import TIES, Relations
from api.shards import Piece, Shards, as_a_problem
from api.standing import Around
from api.visits import Visits
from api.wire import Command, pack
from schemas import hashes
from schemas import projections as view
from schemas.hashes import Card, Comment, Profile, Roll
from schemas.ids import BUCKETS, CommentId, PhotoId, RollId, UserId, bucket, floor_at
from schemas.projections import Key, Processor
from schemas.topics import Origin
from schemas.visibility import admission, tie


class Session(msgspec.Struct, frozen=True):
    """Who a token belongs to, if anyone, and whether the views are complete (`epoch`)."""

    user: UserId | None
    is_complete: bool


@dataclass(frozen=True)
class Projections:
    """The views. `open_projections` makes one; it belongs to the event loop it is first used in."""

    shards: Shards
    hot: HotCards = field(default_factory=HotCards)
    parsed: Parsed = field(default_factory=Parsed)
    visits: Visits = field(default_factory=Visits)

    @property
    def inbox(self) -> Inbox:
        """What is asked about conversations."""
        return Inbox(self._ask)

    @property
    def relations(self) -> Relations:
        """What is asked about people and rolls."""
        return Relations(self._ask)

    async def close(self) -> None:
        """Give the connections back."""
        self.shards.close()

    async def is_up(self) -> bool:
        """Whether every server answers in time."""
        return all(map(bool, await self._everywhere(("PING",))))

    @property
    def is_cut_off(self) -> bool:
        """Whether a server is left alone for a moment, because it did not answer."""
        return self.shards.is_cut_off

    # --- who asks -----------------------------------------------------------------------------------------------------

    async def session(self, token_sha256: str) -> Session:
        """Who the bearer is. The views are complete when those of every server are."""
        with as_a_problem:
            asked = [("GET", view.session(token_sha256))], [("GET", view.EPOCH)]
            (user,), epochs = await self.shards.both(*asked)
        return Session(user, [None] not in epochs)

    async def has_passed(self, processors: Sequence[Processor], record: Origin) -> bool:
        """Whether each of these processors has applied `record` on every server."""
        field = f"{record.topic}:{record.partition}"
        found = await self._everywhere(*(("HGET", view.progress(name), field) for name in processors))
        return all(offset is not None and int(offset) > record.offset for offset in found)

    # --- photos -------------------------------------------------------------------------------------------------------

    async def looked(
        self, reader: UserId, photos: Sequence[PhotoId], *, is_counted: bool = True
    ) -> tuple[dict[PhotoId, Card], Around]:
        """The cards there are, and what is around them: one round trip, and one before it for cards not read lately."""
        replies = REPLIES if is_counted else 1
        known = await self._known(photos)
        people = sorted({hot.card.author for hot in known.values() if hot.card.author})
        places = sorted({hot.card.roll for hot in known.values() if hot.card.roll})
        last = bulk(reader)
        photos_asked = [
            (bucket(photo), hot.asked + last if is_counted else bits_asked(photo), replies)
            for photo, hot in known.items()
        ]
        found = await self._ask_packed([*photos_asked, *_around_asked(reader, people, places)])
        cards, tallies, anew = dict[PhotoId, Card](), dict[PhotoId, Tally](), list[PhotoId]()
        for at, (photo, hot) in enumerate(known.items()):
            bits = found[at * replies]
            if hot.bits and bits[: len(BITS)] != hot.bits:
                self.hot.drop(photo)
                anew.append(photo)
            cards[photo] = hot.card
            tallies[photo] = _tally(bits[-2], bits[-1], found[at * replies + 1]) if is_counted else UNCOUNTED
        fresh = await self._cards(anew) if anew else {}
        around_it = self._around(people, places, found[replies * len(known) :], tallies)
        return (
            {photo: card for photo, card in cards.items() if photo not in anew} | fresh if anew else cards
        ), around_it

    async def _known(self, photos: Sequence[PhotoId]) -> dict[PhotoId, Hot]:
        """Those of the photos that there are."""
        known = {photo: self.hot.get(photo) for photo in photos}
        if None not in known.values():
            return cast(dict[PhotoId, Hot], known)
        fresh = await self._cards([photo for photo, hot in known.items() if hot is None])
        return {
            photo: hot or Hot(fresh[photo], [], questions(photo))
            for photo, hot in known.items()
            if hot is not None or photo in fresh
        }

    async def _cards(self, photos: Sequence[PhotoId]) -> dict[PhotoId, Card]:
        found = await self._ask(*(("HGETALL", view.card(photo)) for photo in photos))
        cards = {photo: hashes.read(Card, fields) for photo, fields in zip(photos, found, strict=True) if fields}
        for photo, fields in zip(photos, found, strict=True):
            if photo in cards:
                self.hot.put(photo, fields, cards[photo])
        return cards

    async def around(self, reader: UserId, authors: Iterable[UserId], rolls: Iterable[RollId]) -> Around:
        """Profiles of the authors, who of them the reader follows, which of the rolls are open to the reader."""
        people, places = sorted(set(authors)), sorted(set(rolls))
        return self._around(people, places, await self._ask_packed(_around_asked(reader, people, places)))

    def _around(
        self,
        people: Sequence[UserId],
        places: Sequence[RollId],
        answers: Sequence[Any],
        tallies: dict[PhotoId, Tally] | None = None,
    ) -> Around:
        if not people:
            return Around({}, frozenset(), frozenset(), {}, {})
        follows, mutes, blocks, blocked_by, *rest = answers
        read = self.parsed.read
        found = [read(Profile, p, each) for p, each in zip(people, rest, strict=False)]
        known, joined = rest[len(people) : len(people) + len(places)], rest[len(people) + len(places) :]
        hidden = [any(pair) for pair in zip(blocks, blocked_by, strict=True)]
        return Around(
            profiles=dict(zip(people, found, strict=True)),
            followed=frozenset(compress(people, follows)),
            muted=frozenset(compress(people, mutes)),
            ties={
                person: tie(profile, is_followed=bool(follow), is_blocked=blocked)
                for person, profile, follow, blocked in zip(people, found, follows, hidden, strict=True)
            },
            admissions={
                roll: admission(read(Roll, roll, fields), bool(member))
                for roll, fields, member in zip(places, known, joined, strict=True)
            },
            tallies=tallies or {},
        )

    async def places(self, key: Key, below: PhotoId | None, count: int) -> list[PhotoId]:
        """At most `count` photos of a grid, newest first, older than `below`."""
        top = "+" if below is None else f"({view.place(below)}"
        (found,) = await self._ask(("ZREVRANGEBYLEX", key, top, "-", "LIMIT", 0, count))
        return [view.photo_at(place) for place in found]

    async def places_above(self, key: Key, above: PhotoId, below: PhotoId | None, count: int) -> list[PhotoId]:
        """At most `count` photos of a grid between two ids, oldest first."""
        top = "+" if below is None else f"({view.place(below)}"
        (found,) = await self._ask(("ZRANGEBYLEX", key, f"({view.place(above)}", top, "LIMIT", 0, count))
        return [view.photo_at(place) for place in found]

    async def sealed_in(self, roll: RollId, reader: UserId, now: datetime, count: int) -> list[PhotoId]:
        """The reader's own photos in the roll whose time has not come, newest first."""
        floor = view.place(PhotoId(str(floor_at(now))))
        own = ("ZREVRANGEBYLEX", view.user_photos(reader), "+", f"[{floor}", "LIMIT", 0, count)
        (places,) = await self._ask(own)
        if not places:
            return []
        (scores,) = await self._ask(("ZMSCORE", view.roll_photos(roll), *places))
        return [view.photo_at(place) for place, score in zip(places, scores, strict=True) if score is not None]

    # --- reactions ----------------------------------------------------------------------------------------------------

    async def comments(
        self, photo: PhotoId, edge: CommentId | None, count: int, *, is_back: bool = False
    ) -> list[tuple[CommentId, Comment]]:
        """At most `count` comments of a photo after that one, oldest first, deleted ones too (two round trips).

        Back: before that one, newest first.
        """
        far, ask = ("-", "ZREVRANGEBYLEX") if is_back else ("+", "ZRANGEBYLEX")
        near = ("+" if is_back else "-") if edge is None else f"({view.place(edge)}"
        (places,) = await self._ask((ask, view.comments(photo), near, far, "LIMIT", 0, count))
        comments = [view.comment_at(place) for place in places]
        found = await self._ask(*(("HGETALL", view.comment(photo, comment)) for comment in comments))
        return [(comment, hashes.read(Comment, fields)) for comment, fields in zip(comments, found, strict=True)]

    # --- feeds --------------------------------------------------------------------------------------------------------

    async def candidates(
        self, reader: UserId, look: candidates.Look, opened_at: datetime | None = None
    ) -> list[PhotoId]:
        """What this look at the reader's home feed finds; `opened_at`: it is a first page, and the reader came now."""
        return await candidates.find(self._ask, reader, look, opened_at)

    # --- moderation ---------------------------------------------------------------------------------------------------

    async def reported(self) -> dict[PhotoId, list[str]]:
        """The photos that moderators have to look at, and the reason that each who reported them gave."""
        found = await self._ask(*(("SMEMBERS", view.reported(number)) for number in range(BUCKETS)))
        photos = [PhotoId(photo) for members in found for photo in members]
        reasons = await self._ask(*(("HVALS", view.reports(photo)) for photo in photos))
        return {photo: said for photo, said in zip(photos, reasons, strict=True) if said}

    async def is_reported(self, photo: PhotoId) -> bool:
        """Whether moderators have to look at the photo."""
        (found,) = await self._ask(("EXISTS", view.reports(photo)))
        return bool(found)

    # --- live metrics -------------------------------------------------------------------------------------------------

    async def minutes(self, now: datetime, count: int) -> list[tuple[datetime, dict[str, int]]]:
        """What the last `count` minutes received, the current one first."""
        starts = [now.replace(second=0, microsecond=0) - timedelta(minutes=ago) for ago in range(count)]
        found = await self._ask(*(("HGETALL", view.minute(start)) for start in starts))
        return [
            (start, {name: int(n) for name, n in sorted(counts.items())})
            for start, counts in zip(starts, found, strict=True)
        ]

    async def active_today(self, now: datetime) -> int:
        """People active on this UTC day, within the sketch's 0.81 %."""
        (found,) = await self._ask(("PFCOUNT", view.active(now)))
        return int(found)

    async def _ask(self, *commands: Command) -> list[Any]:
        with as_a_problem:
            return await self.shards.ask(commands) if commands else []

    async def _ask_packed(self, pieces: Sequence[Piece]) -> list[Any]:
        with as_a_problem:
            return await self.shards.ask_packed(pieces) if pieces else []

    async def _everywhere(self, *commands: Command) -> list[Any]:
        """What all servers say, one after the other."""
        with as_a_problem:
            return [answer for answers in await self.shards.everywhere(commands) for answer in answers]


def open_projections(table: str, timeout_s: float) -> Projections:
    """The door to the servers of `table`; an answer slower than `timeout_s` is as good as none."""
    return Projections(Shards(table, timeout_s))


def _around_asked(reader: UserId, people: Sequence[UserId], places: Sequence[RollId]) -> list[Piece]:
    """The packed questions by bucket, in the order in which `_around` reads the answers."""
    if not people:
        return []
    ties = [("SMISMEMBER", kind(reader), *people) for kind in TIES]
    profiles = [profile_asked(person) for person in people]
    rolls = [(bucket(roll), pack((("HGETALL", view.roll(roll)),)), 1) for roll in places]
    joined = [(bucket(roll), pack((("SISMEMBER", view.members(roll), reader),)), 1) for roll in places]
    return [(bucket(reader), pack(ties), len(ties)), *profiles, *rolls, *joined]


def _tally(likes: str | None, comments: str | None, liked: int) -> Tally:
    return Tally(likes=int(likes or 0), comments=int(comments or 0), you_like=bool(liked))
