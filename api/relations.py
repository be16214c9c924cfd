"""People and rolls as they stand to a reader: the questions that `projections` puts for their pages and lists."""

from collections.abc import Sequence
from itertools import compress
from typing import TypeVar

import msgspec

from api.wire import Ask
from schemas import hashes
from schemas import projections as view
from schemas.hashes import Profile, Roll
from schemas.ids import RollId, UserId
from schemas.projections import Key
from schemas.visibility import Admission, Tie, admission, tie

TIES = (view.following, view.mutes, view.blocks, view.blocked_by)  # a reader's own sets of others, in one slot

T = TypeVar("T", bound=msgspec.Struct)


class Person(msgspec.Struct, frozen=True):
    """A profile with its neighbourhood, and how the reader stands to it."""

    profile: Profile
    followers: int
    following: int
    is_followed: bool
    is_asked: bool
    is_follower: bool
    is_muted: bool
    tied: Tie


class Shared(msgspec.Struct, frozen=True):
    """A roll as the reader stands to it."""

    roll: Roll | None
    members: int
    admitted: Admission


class Relations(msgspec.Struct, frozen=True):
    """Asks through `projections`, which makes a problem of a server that is away."""

    ask: Ask

    async def person(self, user: UserId, reader: UserId) -> Person | None:
        """A profile with its counts; None when there is no such person."""
        found, followers, following, follows, mutes, blocks, blocked_by, asks, is_follower = await self.ask(
            ("HGETALL", view.profile(user)),
            ("SCARD", view.followers(user)),
            ("SCARD", view.following(user)),
            *(("SISMEMBER", kind(reader), user) for kind in TIES),
            ("SISMEMBER", view.follow_requests(user), reader),
            ("SISMEMBER", view.followers(reader), user),
        )
        if not found:
            return None
        profile = hashes.read(Profile, found)
        return Person(
            profile=profile,
            followers=followers,
            following=following,
            is_followed=bool(follows),
            is_asked=bool(asks and not follows),
            is_follower=bool(is_follower),
            is_muted=bool(mutes),
            tied=tie(profile, is_followed=bool(follows) or user == reader, is_blocked=bool(blocks or blocked_by)),
        )

    async def people(self, key: Key) -> list[UserId]:
        """Everyone in a set, in the order of their ids: oldest account first."""
        (found,) = await self.ask(("SMEMBERS", key))
        return sorted(found, key=int)

    async def asking(self, user: UserId) -> list[UserId]:
        """Who asks to follow `user` and does not yet, in the order of their ids."""
        (found,) = await self.ask(("SDIFF", view.follow_requests(user), view.followers(user)))  # one slot
        return sorted(found, key=int)

    async def hidden(self, reader: UserId, people: Sequence[UserId]) -> frozenset[UserId]:
        """Those of `people` between whom and the reader there is a block, either way."""
        blocks = [("SMISMEMBER", kind(reader), *people) for kind in (view.blocks, view.blocked_by)]
        found = await self.ask(*(blocks if people else ()))
        return frozenset(person for hits in found for person in compress(people, hits))

    async def profiles(self, users: Sequence[UserId]) -> dict[UserId, Profile | None]:
        """The profiles of these people."""
        found = await self.ask(*(("HGETALL", view.profile(user)) for user in users))
        return {user: _one(Profile, fields) for user, fields in zip(users, found, strict=True)}

    async def shared(self, roll: RollId, reader: UserId) -> Shared:
        """A roll, how many belong to it, and whether it is open to the reader: its owner is looked at after it."""
        found, members, member = await self.ask(
            ("HGETALL", view.roll(roll)),
            ("SCARD", view.members(roll)),
            ("SISMEMBER", view.members(roll), reader),
        )
        known = _one(Roll, found)
        hidden = await self.hidden(reader, [known.owner]) if known and known.owner != reader else frozenset()
        return Shared(known, members, admission(known, bool(member), bool(hidden)))

    async def unseen(self, people: Sequence[UserId]) -> frozenset[UserId]:
        """Those of `people` whom nobody sees: moderators suspended them, or they were erased."""
        found = await self.ask(*(("HMGET", view.profile(person), "suspended", "erased_at") for person in people))
        return frozenset(compress(people, map(any, found)))


def _one(kind: type[T], found: hashes.Fields) -> T | None:
    return hashes.read(kind, found) if found else None
