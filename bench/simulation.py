"""Lets a community live through its days on a running stack, through the collector and the commands.

The collector is the real room with a clock of the simulation's, so that a month passes in minutes; all behind it is the
stack's. What is sent has ids that follow from seed, day and person: a day that was interrupted is lived again, and
counts once.
"""

import asyncio
import socket
from bisect import bisect_right, insort
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import msgspec
import uvicorn
from PIL import Image

from bench.community import APPS, Person, Visit, visits
from ingest.app import Ingest, make, now
from ingest.workers import Served
from local.photographs import photographs
from local.stack import Stack
from schemas.ids import UserId
from schemas.objects import FILMS
from schemas.secrets import Session

AT_ONCE = 24  # visits; the password hasher lets 32 wait
TICK = timedelta(minutes=15)  # what happens within it is sent together at its end, as phones do
TRIES, PAUSE_S = 120, 0.5  # where views are behind, a token is unknown for a while
PICTURE_PIXELS = 480
SESSION_LASTS = timedelta(days=30)
KEYS = {app: f"people-{app}" for app, _ in APPS}


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

    def __init__(self, seed: int, everybody: list[Person], room: Ingest, http: httpx.AsyncClient, clock: Clock) -> None:
        self.seed, self.everybody, self.clock = seed, everybody, clock
        self.lived = Lived()
        self._room, self._http = room, http
        self._pictures = [_small(path) for path in photographs()]
        self._permits = asyncio.Semaphore(AT_ONCE)

    async def day(self, day: date) -> int:
        """Lives through one day; how many people were there."""
        found = visits(self.seed, self.everybody, day)
        for end, together in groupby(found, key=_end_of_tick):
            self.clock.now = end
            await asyncio.gather(*(self._one(visit) for visit in together))
        self.lived.days += 1
        return len({visit.person for visit in found})

    async def _one(self, visit: Visit) -> None:
        async with self._permits:
            person = self.everybody[visit.person]
            if visit.registers:
                self.lived.members[visit.person] = await self._registered(person)
            member = self.lived.members[visit.person]
            await self._befriend(visit, member)
            for number in range(visit.photos):
                await self._photo(visit, member, number)
            await self._batch(visit, person, member)

    async def _registered(self, person: Person) -> Member:
        """With a session that outlives the simulation: one of the simulated days would be over by our clock."""
        name = f"p{self.seed}_{person.number}"
        told = {"username": name, "password": sha256(name.encode()).hexdigest(), "tz": person.tz}
        answer = await self._call("POST", "/v1/accounts", f"{name}-account", json=told)
        assert answer is not None, f"{name} could not register"
        member = Member(answer["user"]["id"], answer["access_token"])
        digest = sha256(member.token.encode()).hexdigest()
        session = Session(token_sha256=digest, user=UserId(member.user), expires_at=now() + SESSION_LASTS)
        position = await self._room.doors.log.secret(session, name)
        await self._room.doors.projections.seen((position,))
        return member

    async def _befriend(self, visit: Visit, member: Member) -> None:
        for whom in self._there(visit.follows):
            await self._call("POST", f"/v1/users/{whom.user}/follow", _key(visit, f"follow-{whom.user}"), member)
        friends = self._there(visit.friends)
        if friends and (link := await self._open_roll(visit, member)):
            for friend in friends:
                await self._call("POST", f"/v1/invites/{link}", _key(visit, f"join-{friend.user}"), friend)
                friend.roll = member.roll

    def _there(self, numbers: Iterable[int]) -> list[Member]:
        """Those who have registered by now."""
        return [self.lived.members[number] for number in numbers if number in self.lived.members]

    async def _open_roll(self, visit: Visit, member: Member) -> str | None:
        """The invite's token."""
        told = {"name": f"Roll of {visit.at:%d %B}", "film": FILMS[visit.person % len(FILMS)]}
        opened = await self._call("POST", "/v1/rolls", _key(visit, "roll"), member, json=told)
        if opened is None:
            return None
        member.roll = opened["roll"]["id"]
        invite = await self._call("POST", f"/v1/rolls/{member.roll}/invites", _key(visit, "invite"), member)
        return None if invite is None else invite["token"]

    async def _photo(self, visit: Visit, member: Member, number: int) -> None:
        picture = self._pictures[(visit.person + number) % len(self._pictures)]
        into = {"roll": member.roll} if member.roll and number == 0 else {}
        made = await self._call(
            "POST", "/v1/photos", _key(visit, f"photo-{number}"), member, params=into, content=picture,
            headers={"content-type": "image/jpeg"},
        )  # fmt: skip
        if made is not None:
            photo = made["photo"]
            insort(self.lived.photos, (datetime.fromisoformat(photo["reveal_at"]).timestamp(), photo["id"]))

    async def _batch(self, visit: Visit, person: Person, member: Member) -> None:
        events = list(self._events(visit, member))
        headers = {"x-write-key": KEYS[person.app], "cf-ipcountry": person.country}
        told = {"batch": events, "sentAt": self.clock.now.isoformat()}
        answer = await self._call("POST", "/v1/batch", _key(visit, "batch"), headers=headers, json=told)
        if answer is not None:
            self._count("events", len(events) - len(answer["results"]))

    def _events(self, visit: Visit, member: Member) -> Iterator[dict[str, Any]]:
        """What the app has to say of the visit (docs/analysts.md)."""
        told: list[tuple[str, dict[str, Any]]] = [("App Opened", {})]
        told += [("Photo Viewed", {"photo": photo, "feed": "home"}) for photo in self._revealed(visit.views)]
        told.append(("Feed Scrolled", {"feed": "home", "depth": visit.depth}))
        told += [("Photo Shared", {"photo": photo, "to": "message"}) for photo in self._revealed(visit.shares)]
        for number, (name, properties) in enumerate(told):
            yield {
                "type": "track", "event": name, "userId": member.user, "properties": properties,
                "messageId": f"{_key(visit, str(number))}-{self.seed}",
                "timestamp": (visit.at + timedelta(seconds=7 * number)).isoformat(),
            }  # fmt: skip

    def _revealed(self, chosen: Iterable[float]) -> list[str]:
        """Photos: 0 is the newest that is revealed by now, 1 the oldest."""
        count = bisect_right(self.lived.photos, (self.clock.now.timestamp(), ""))
        return [self.lived.photos[count - 1 - int(one * count)][1] for one in chosen] if count else []

    async def _call(self, method: str, path: str, key: str, by: Member | None = None, **how: Any) -> Any:
        """The answer; None when it was refused, which is counted by its code."""
        headers = {"idempotency-key": f"{self.seed}-{key}", **how.pop("headers", {})}
        if by is not None:
            headers["authorization"] = f"Bearer {by.token}"
        for _ in range(TRIES):
            answer = await self._http.request(method, path, headers=headers, **how)
            if answer.status_code not in (401, 503):
                break
            await asyncio.sleep(PAUSE_S)
        if answer.is_success:
            self._count("commands" if path != "/v1/batch" else "batches")
            return answer.json() if answer.content else {}
        self._count(f"refused {answer.json()['code']}")
        return None

    def _count(self, what: str, by: int = 1) -> None:
        self.lived.told[what] = self.lived.told.get(what, 0) + by


def _key(visit: Visit, what: str) -> str:
    return f"{visit.at:%m%d%H%M%S}-{visit.person}-{what}"


def _end_of_tick(visit: Visit) -> datetime:
    """When phones send what happened in this quarter of an hour; the last one's still on the same day."""
    into = timedelta(minutes=visit.at.minute % 15, seconds=visit.at.second)
    return visit.at - into + TICK - timedelta(seconds=1)


def _small(photograph: Path) -> bytes:
    """A real photograph, small enough that thousands are developed in minutes."""
    with Image.open(photograph) as image:
        image.thumbnail((PICTURE_PIXELS, PICTURE_PIXELS))
        into = BytesIO()
        image.save(into, "JPEG", quality=85)
    return into.getvalue()


@asynccontextmanager
async def opened(stack: Stack, clock: Clock) -> AsyncIterator[tuple[Ingest, httpx.AsyncClient]]:
    """The stack's collector once more, with this clock, on a free port in this loop."""
    keys = ",".join(f"{key}={app}" for app, key in KEYS.items())
    room = make(msgspec.structs.replace(stack.settings, write_keys=keys), clock)
    protocol = type("OnAClock", (Served,), {"gate": room.asgi})
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(room.asgi, http=protocol, ws="none", lifespan="on", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([held]))
        while not server.started:  # noqa: ASYNC110 # uvicorn tells it by nothing else
            await asyncio.sleep(0.01)
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{held.getsockname()[1]}", timeout=30) as http:
                yield room, http
        finally:
            server.should_exit = True
            await serving
