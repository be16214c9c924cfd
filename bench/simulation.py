"""Lets a community live through its days on a running stack, through the collector and the commands.

The collector is the real room with a clock of the simulation's, so that a month passes in minutes; all behind it is the
stack's. What is sent has ids that follow from seed, day and person: a day that was interrupted is lived again, and
counts once.
"""

import asyncio
from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import chain, groupby
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import msgspec
from PIL import Image

from bench.community import APPS, Person, Visit, visits
from bench.phones import EVERYBODYS, Answer, Phones
from bench.telling import told
from ingest.app import Ingest, now
from local.photographs import photographs
from schemas.ids import UserId
from schemas.objects import FILMS
from schemas.secrets import Session
from schemas.topics import Origin

AT_ONCE = 200  # visits; many, for what is behind the log works in batches
TICK = timedelta(hours=1)  # what happens within it is sent together at its end
TRIES, PAUSE_S = 120, 0.5  # a collector that is busy is asked again
SEEN_WITHIN_S, SEEN_POLL_S = 120.0, 0.05  # views that are further behind than this have stopped
PICTURE_PIXELS = 160  # a photo is developed in 4 ms of a core, where 480 take 14
SESSION_LASTS = timedelta(days=30)
WRITE_KEYS = {app: f"people-{app}" for app, _ in APPS}


class Member(msgspec.Struct):
    """A person who has registered."""

    user: str
    token: str
    roll: str | None = None


class Lived(msgspec.Struct):
    """What has happened so far; written after each day."""

    days: int = 0
    members: dict[int, Member] = {}
    photos: list[tuple[float, str]] = []  # reveal (seconds since 1970), id
    told: dict[str, int] = {}  # how much was accepted, and refused by which code


class Clock:
    """The simulation's time of day."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time now."""
        return self.now


class Simulation:
    """`everybody` in the order of their numbers."""

    def __init__(self, seed: int, everybody: list[Person], room: Ingest, phones: Phones, clock: Clock) -> None:
        self.seed, self.everybody, self.clock = seed, everybody, clock
        self.lived = Lived()
        self._room, self._phones = room, phones
        self._pictures = [_small(path) for path in photographs()]
        self._permits = asyncio.Semaphore(AT_ONCE)

    async def day(self, day: date) -> int:
        """Lives through one day; how many people were there."""
        found = visits(self.seed, self.everybody, day)
        for end, together in groupby(found, key=end_of_tick):
            self.clock.now, now_there = end, list(together)
            came = await asyncio.gather(*(self._register(visit.person) for visit in now_there if visit.registers))
            await self._seen(*chain.from_iterable(came))
            await asyncio.gather(*(self._one(visit) for visit in now_there))
        self.lived.days += 1
        return len({visit.person for visit in found})

    async def _one(self, visit: Visit) -> None:
        async with self._permits:
            person, member = self.everybody[visit.person], self.lived.members[visit.person]
            await self._befriend(visit, member)
            for number in range(visit.photos):
                await self._photo(visit, member, number)
            await self._batch(visit, person, member)

    async def _register(self, number: int) -> tuple[Origin | None, Origin]:
        """With a session that outlives the simulation: one of the simulated days would be over by our clock."""
        async with self._permits:
            name, person = f"p{self.seed}_{number}", self.everybody[number]
            told = {"username": name, "password": EVERYBODYS, "tz": person.tz}
            answer = await self._call("POST", "/v1/accounts", f"{name}-account", json=told)
            assert answer is not None, f"{name} could not register"
            member = Member(answer.body["user"]["id"], answer.body["access_token"])
            digest = sha256(member.token.encode()).hexdigest()
            session = Session(token_sha256=digest, user=UserId(member.user), expires_at=now() + SESSION_LASTS)
            self.lived.members[number] = member
            return answer.position, await self._room.doors.log.secret(session, name)

    async def _seen(self, *positions: Origin | None) -> None:
        """What comes next builds on what stands there: waits until the views have passed it."""
        told = tuple(position for position in positions if position)
        began = monotonic()
        while told and not await self._room.doors.projections.seen(told, within_s=0):
            late = monotonic() - began > SEEN_WITHIN_S
            assert not late, f"the views do not come to {told[-1]}; see `python -m processors lag`"
            await asyncio.sleep(SEEN_POLL_S)

    async def _befriend(self, visit: Visit, member: Member) -> None:
        await asyncio.gather(*(self._follow(visit, member, whom) for whom in self._there(visit.follows)))
        friends = self._there(visit.friends)
        if friends and (opened := await self._open_roll(visit, member)):
            await asyncio.gather(*(self._join(visit, *opened, friend) for friend in friends))

    async def _follow(self, visit: Visit, member: Member, whom: Member) -> None:
        await self._call("POST", f"/v1/users/{whom.user}/follow", _key(visit, f"follow-{whom.user}"), member)

    async def _join(self, visit: Visit, roll: str, link: str, friend: Member) -> None:
        if joined := await self._call("POST", f"/v1/invites/{link}", _key(visit, f"join-{friend.user}"), friend):
            await self._seen(joined.position)
            friend.roll = roll

    def _there(self, numbers: Iterable[int]) -> list[Member]:
        """Those who have registered by now."""
        return [self.lived.members[number] for number in numbers if number in self.lived.members]

    async def _open_roll(self, visit: Visit, member: Member) -> tuple[str, str] | None:
        """The roll, and the token that lets others in. The member may be here twice at once, and open two."""
        told = {"name": f"Roll of {visit.at:%d %B}", "film": FILMS[visit.person % len(FILMS)]}
        opened = await self._call("POST", "/v1/rolls", _key(visit, "roll"), member, json=told)
        if opened is None:
            return None
        await self._seen(opened.position)
        roll = member.roll = str(opened.body["roll"]["id"])
        invite = await self._call("POST", f"/v1/rolls/{roll}/invites", _key(visit, "invite"), member)
        if invite is None:
            return None
        await self._seen(invite.position)
        return roll, str(invite.body["token"])

    async def _photo(self, visit: Visit, member: Member, number: int) -> None:
        picture = self._pictures[(visit.person + number) % len(self._pictures)]
        path = "/v1/photos" + (f"?{urlencode({'roll': member.roll})}" if member.roll and number == 0 else "")
        made = await self._call("POST", path, _key(visit, f"photo-{number}"), member, jpeg=picture)
        if made is not None:
            photo = made.body["photo"]
            insort(self.lived.photos, (datetime.fromisoformat(photo["reveal_at"]).timestamp(), photo["id"]))

    async def _batch(self, visit: Visit, person: Person, member: Member) -> None:
        events = list(self._events(visit, member))
        headers = {"x-write-key": WRITE_KEYS[person.app], "cf-ipcountry": person.country}
        told = {"batch": events, "sentAt": self.clock.now.isoformat()}
        answer = await self._call("POST", "/v1/batch", _key(visit, "batch"), headers=headers, json=told)
        if answer is not None:
            self._count("events", len(events) - len(answer.body["results"]))

    def _events(self, visit: Visit, member: Member) -> Iterator[dict[str, Any]]:
        """What the app has to say of the visit (docs/analysts.md)."""
        views, shares = self._revealed(visit.views), self._revealed(visit.shares)
        for number, (at, name, properties) in enumerate(told(visit, views, shares)):
            yield {
                "type": "track", "event": name, "userId": member.user, "properties": properties,
                "messageId": f"{_key(visit, str(number))}-{self.seed}", "timestamp": at.isoformat(),
            }  # fmt: skip

    def _revealed(self, chosen: Iterable[float]) -> list[str]:
        """Photos: 0 is the newest that is revealed by now, 1 the oldest."""
        count = bisect_right(self.lived.photos, (self.clock.now.timestamp(), ""))
        return [self.lived.photos[count - 1 - int(one * count)][1] for one in chosen] if count else []

    async def _call(
        self, method: str, path: str, key: str, by: Member | None = None, *,
        json: Any = None, jpeg: bytes = b"", headers: Mapping[str, str] | None = None,
    ) -> Answer | None:  # fmt: skip
        """The answer, which waits for no view; None when it was refused, which is counted by its code."""
        told = {"idempotency-key": f"{self.seed}-{key}", "prefer": "respond-async", **(headers or {})}
        if by is not None:
            told["authorization"] = f"Bearer {by.token}"
        if json is not None or jpeg:
            told["content-type"] = "image/jpeg" if jpeg else "application/json"
        body = jpeg or (b"" if json is None else msgspec.json.encode(json))
        for _ in range(TRIES):
            answer = await self._phones.ask(method, path, told, body)
            if answer.status not in (401, 503):
                break
            await asyncio.sleep(PAUSE_S)
        if answer.status < 300:
            self._count("commands" if path != "/v1/batch" else "batches")
            return answer
        self._count(f"refused {answer.body['code']}")
        return None

    def _count(self, what: str, by: int = 1) -> None:
        self.lived.told[what] = self.lived.told.get(what, 0) + by


def _key(visit: Visit, what: str) -> str:
    return f"{visit.at:%m%d%H%M%S}-{visit.person}-{what}"


def end_of_tick(visit: Visit) -> datetime:
    """When phones send what happened in this part of the day; the last one's still on the same day."""
    midnight = visit.at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + ((visit.at - midnight) // TICK + 1) * TICK - timedelta(seconds=1)


def _small(photograph: Path) -> bytes:
    """A real photograph, small enough that thousands are developed in minutes."""
    with Image.open(photograph) as image:
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        into = BytesIO()
        image.save(into, "JPEG", quality=85)
    return into.getvalue()
