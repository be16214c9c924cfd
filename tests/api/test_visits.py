"""A page that is read again: when it is the one from before, and that it never is when anything has changed."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from api.answers import Answer
from api.load import Load
from api.visit import CURRENT, holds_once, holds_until
from api.visits import Visits
from api.wire import SEAM, SEAM_TOLD
from schemas import projections as view
from schemas.ids import PhotoId, UserId, bucket
from tests.api.world import MORNING, NOON, World, token

HOME = "/v1/feeds/home"


class Server:
    """Says the number of a question's latest change, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked = list[list[bytes]]()
        self.says: dict[bytes, bytes] = {}

    async def ask_raw(self, packed: bytes) -> bytes:
        self.asked.append(packed.split(SEAM))
        return SEAM_TOLD.join(self.says.get(each, b":0\r\n") for each in packed.split(SEAM))


class Room:
    """One page, made of what some servers say; a clock."""

    def __init__(self, *servers: Server, remembered: int = 9) -> None:
        self.servers, self.now, self.made = servers, NOON, 0
        self.visits = Visits(remembered)

    async def read(self, *questions: bytes, until: datetime | None = None, page: str = "page") -> Answer:
        async def make() -> Answer:
            visit = CURRENT.get()
            assert visit is not None
            self.made += 1
            if until is not None:
                holds_until(until)
            told = [await visit.ask(server, question) for question in questions for server in self.servers]
            return Answer(b"".join(told), {"etag": '"x"'})

        return await self.visits.visit(page, lambda: self.now, make)


async def test_who_reads_a_page_again_is_answered_in_one_round_trip() -> None:
    room = Room(Server(), Server())
    first = await room.read(b"who", b"lists", b"cards")
    again = await room.read(b"who", b"lists", b"cards")

    assert (again, room.made) == (first, 1)
    for server in room.servers:
        assert server.asked == [[b"who"], [b"lists"], [b"cards"], [b"who", b"lists", b"cards"]]


async def test_a_page_of_which_any_part_changed_is_made_anew_from_what_was_asked_at_once() -> None:
    server = Server()
    room = Room(server)
    for number, changed in enumerate((b"who", b"lists", b"cards"), 1):
        await room.read(b"who", b"lists", b"cards")
        server.says[changed] = b":%d\r\n" % number
        server.asked.clear()

        answer = await room.read(b"who", b"lists", b"cards")

        assert answer._whole.body == b"".join(server.says.get(each, b":0\r\n") for each in (b"who", b"lists", b"cards"))
        assert server.asked == [[b"who", b"lists", b"cards"]]


async def test_a_wrong_guess_costs_a_question_and_nothing_more() -> None:
    server = Server()
    room = Room(server)
    await room.read(b"who", b"cards of 1 2")
    server.says = {b"who": b":1\r\n", b"cards of 2 3": b":3\r\n"}
    server.asked.clear()

    answer = await room.read(b"who", b"cards of 2 3")

    assert answer._whole.body == b":1\r\n:3\r\n"
    assert server.asked == [[b"who", b"cards of 1 2"], [b"cards of 2 3"]]
    assert await room.read(b"who", b"cards of 2 3") is answer
    assert server.asked[2:] == [[b"who", b"cards of 2 3"]], "the wrong guess is forgotten"


async def test_a_page_holds_as_long_as_it_says() -> None:
    room = Room(Server())
    until = NOON + timedelta(seconds=7)
    for seconds, made in ((0, 1), (6.9, 1), (7, 2), (8, 3)):
        room.now = NOON + timedelta(seconds=seconds)
        await room.read(b"who", until=until)
        assert room.made == made


async def test_an_answer_that_is_for_one_request_alone_is_not_kept() -> None:
    room = Room(Server())

    async def make() -> Answer:
        room.made += 1
        holds_once()
        return Answer(b"", {"etag": '"x"'})

    for _ in range(2):
        await room.visits.visit("page", lambda: room.now, make)

    assert room.made == 2


async def test_the_page_that_was_not_read_for_longest_is_forgotten() -> None:
    room = Room(Server(), remembered=2)
    for page in ("a", "b", "a", "c", "a"):
        await room.read(b"who", page=page)
    assert room.made == 3
    await room.read(b"who", page="b")
    assert room.made == 4


async def test_an_answer_is_used_once() -> None:
    server = Server()
    room = Room(server)
    await room.read(b"who", b"who")
    server.says[b"who"] = b":1\r\n"
    server.asked.clear()
    await room.read(b"who", b"who", b"who")

    assert server.asked == [[b"who", b"who"], [b"who"]]
    assert CURRENT.get() is None, "what is asked outside of a visit belongs to none"


# --- the home feed ----------------------------------------------------------------------------------------------------


class Home:
    """Bob follows Ana and Cleo; some of their photos are out, one comes a minute after noon."""

    def __init__(self, world: World, bob: UserId, ana: UserId, cleo: UserId, photos: Sequence[PhotoId]) -> None:
        self.world, self.bob, self.ana, self.cleo, self.photos = world, bob, ana, cleo, photos

    def forgetful(self) -> World:
        """The same world in a process that has read nothing yet."""
        room = self.world.room
        return self.world.through(replace(room, projections=replace(room.projections, visits=Visits())))


async def a_home(world: World) -> Home:
    bob, ana, cleo = [await world.person(name) for name in ("bob", "ana", "cleo")]
    for author in (ana, cleo):
        await world.follow(bob, author)
    photos = [await world.photo(author, bob, reveal_at=MORNING) for author in (ana, cleo, ana, cleo)]
    await world.photo(ana, bob, reveal_at=NOON + timedelta(seconds=60))
    return Home(world, bob, ana, cleo, photos)


Change = Callable[[Home], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "nothing": lambda h: h.world.redis.ping(),
    "somebody likes a photo": lambda h: h.world.like(h.cleo, h.photos[0]),
    "the reader likes a photo": lambda h: h.world.like(h.bob, h.photos[0]),
    "a comment": lambda h: h.world.comment(h.cleo, h.photos[1]),
    "a photo is deleted": lambda h: h.world.delete(h.photos[1]),
    "a photo is taken down": lambda h: h.world.redis.hset(view.card(h.photos[1]), "taken_down", "spam"),
    "a photo is for friends": lambda h: h.world.redis.hset(view.card(h.photos[1]), "visibility", "private"),
    "a block": lambda h: h.world.block(h.ana, h.bob),
    "a mute": lambda h: h.world.mute(h.bob, h.ana),
    "an unfollow": lambda h: h.world.unfollow(h.bob, h.ana),
    "an account is private, and the reader follows": lambda h: h.world.private(h.ana),
    "an account is suspended": lambda h: h.world.redis.hset(view.profile(h.ana), "suspended", "spam"),
    "another name": lambda h: h.world.redis.hset(view.profile(h.ana), "display_name", "Anna"),
    "a new photo": lambda h: h.world.photo(h.ana, h.bob, reveal_at=MORNING + timedelta(seconds=1)),
    "the feed is lost": lambda h: h.world.redis.delete(view.feed(h.bob)),
    "views are rebuilt": lambda h: h.world.redis.delete(view.EPOCH),
    "the session ends": lambda h: h.world.redis.delete(view.session(sha256(token(h.bob).encode()).hexdigest())),
}


UNSEEN = {"nothing", "an account is private, and the reader follows"}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_page_that_is_read_again_is_that_of_a_process_that_never_read_it(world: World, name: str) -> None:
    home = await a_home(world)
    for _ in range(3):  # the second one is told that the reader was here before; the third is as the second
        before = await world.get(HOME, home.bob)

    await CHANGES[name](home)
    expected = await home.forgetful().get(HOME, home.bob, x_request_id="one-and-the-same")
    for _ in range(3):
        answer = await world.get(HOME, home.bob, x_request_id="one-and-the-same")
        assert (answer.status_code, answer.content) == (expected.status_code, expected.content)
        assert answer.headers.get("etag") == expected.headers.get("etag")
    assert (answer.content == before.content) == (name in UNSEEN)


async def test_a_photo_comes_in_its_second_to_a_page_that_nobody_changed(world: World) -> None:
    home = await a_home(world)
    lengths = []
    for _ in range(4):
        lengths.append([len(await world.items(HOME, home.bob)) for _ in range(2)])
        world.sleep(20)

    assert lengths == [[4, 4], [4, 4], [4, 4], [5, 5]]


async def test_links_of_a_kept_page_are_those_of_their_window(world: World) -> None:
    objects = replace(world.room.objects, window=timedelta(minutes=1))  # shorter than all else that a page holds for
    home = await a_home(world.through(replace(world.room, objects=objects)))
    world.sleep(3600)
    for _ in range(5):
        for _ in range(3):
            answer = await home.world.get(HOME, home.bob)
            assert answer.content == (await home.forgetful().get(HOME, home.bob)).content
        world.sleep(30)


async def test_a_kept_page_is_for_its_reader_and_address_alone(world: World) -> None:
    home = await a_home(world)
    asked = [(HOME, home.bob), (f"{HOME}?limit=1", home.bob), (HOME, home.ana)]
    pages = [[(await world.get(*each)).content for each in asked] for _ in range(3)]

    assert pages[0] == pages[1] == pages[2]
    assert len(set(pages[0])) == 3


async def test_who_holds_the_kept_page_is_told_so(world: World) -> None:
    home = await a_home(world)
    tags = [(await world.get(HOME, home.bob)).headers["etag"] for _ in range(3)]
    again = await world.get(HOME, home.bob, if_none_match=tags[0])

    assert (len(set(tags)), again.status_code, again.content) == (1, 304, b"")
    assert (await world.get(HOME, home.bob)).status_code == 200


async def test_a_kept_page_is_not_asked_for_under_load_nor_behind_a_record(world: World) -> None:
    home = await a_home(world)
    for _ in range(3):
        whole = await world.get(HOME, home.bob)
    world.room.load.load = Load(2)
    short = await world.get(HOME, home.bob)
    world.room.load.load = Load()
    behind = await world.get(HOME, home.bob, x_read_after="facts.v1:0:7")

    assert short.json()["degraded"] == ["counters"]
    assert behind.headers["x-stale"] == "1"
    assert (await world.get(HOME, home.bob)).content == whole.content


async def test_that_the_reader_came_is_told_every_ten_minutes(world: World) -> None:
    home = await a_home(world)
    told = []
    for _ in range(4):
        for _ in range(3):
            await world.get(HOME, home.bob)
        told.append(await world.redis.zscore(view.opened(bucket(home.bob)), home.bob) or 0.0)
        world.sleep(300)

    assert [moment - NOON.timestamp() for moment in told] == [0, 0, 600, 600]
