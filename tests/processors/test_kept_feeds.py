"""What a reader's candidates are, whichever keys there are: pushed or pulled, built, dropped, lost or trimmed."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api import candidates
from processors.stores import calls, tending
from processors.stores.calls import Call
from processors.stores.projections import Projections
from schemas import projections
from schemas.facts import PhotoDeveloped
from schemas.ids import PhotoId, UserId, bucket, floor_at
from schemas.projections import Processor
from tests import builders as a
from tests.processors.histories import PEOPLE, History, histories, logged
from tests.processors.worlds import World, an_empty, expected_feeds
from tests.valkey import Servers, running_servers

ANA, BEN, CLEO, DAN = PEOPLE
EXAMPLES = settings(max_examples=50, deadline=None)
LATER = a.NOON + timedelta(days=5)


@pytest.fixture(scope="module", params=["one", pytest.param("three", marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(request.param, tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
async def world(server: Servers) -> AsyncIterator[World]:
    async with an_empty(server) as world:
        yield world


class Pulling(Projections):
    """A worker that pulls whoever has more active followers than so many."""

    above = 0

    def __init__(self, processor: Processor, url: str, clock: Callable[[], datetime]) -> None:
        super().__init__(processor, url, clock, self.above)


def pulling(above: int) -> type[Projections]:
    return type("Pulling", (Pulling,), {"above": above})


async def read(
    world: World,
    reader: UserId,
    at: datetime = a.NOON,
    below: int | None = None,
    above: int | None = None,
    count: int = 100,
) -> list[PhotoId]:
    """What api takes for candidates, of people whom the reader follows."""

    async def ask(*commands: tuple[str | int, ...]) -> list[Any]:
        pipe = world.redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        return await pipe.execute() if commands else []

    top, opened_at = (below, None) if below else (floor_at(at), at)
    older = candidates.Older(top, count)
    look = older if above is None else candidates.Newer(above, top, count)
    found = await candidates.find(ask, reader, look, opened_at)
    followed = {reader, *await world.redis.smembers(projections.following(reader))}
    by = {photo: author for author in PEOPLE for photo in await published(world, author)}
    return [photo for photo in found if by.get(photo) in followed]


async def published(world: World, author: UserId) -> set[PhotoId]:
    """What stands in their outbox, and in their grid, which says what they ever took."""
    grid = await world.redis.zrange(projections.user_photos(author), 0, -1)
    return {*await world.redis.lrange(projections.outbox(author), 0, -1), *map(projections.photo_at, grid)}


async def reads(world: World) -> dict[UserId, list[PhotoId]]:
    return {reader: await read(world, reader) for reader in PEOPLE}


async def happened(world: World, history: History, kind: type[Projections] = Projections) -> Any:
    """Both views have seen it; gives the worker of `feeds`."""
    feeds, views = await world.worker("feeds", kind), await world.worker("views")
    await views.apply(logged(history, "views"))
    await feeds.apply(logged(history, "feeds"))
    return feeds


EVERYBODY: History = [a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)]
LISTS = [kind(user) for user in PEOPLE for kind in (projections.feed, projections.sealed)]


# --- laws -------------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(histories, st.sampled_from([0, 1, 2, 3]), st.sampled_from([0, 1, 2, 3]), st.integers(0, 14))
async def test_pushed_pulled_or_both_the_feed_is_the_same(
    server: Servers, history: History, before: int, after: int, turn: int
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        await (await world.worker("views")).apply(logged(history, "views"))
        await (await world.worker("feeds", pulling(before))).apply(effects[:turn])
        await (await world.worker("feeds", pulling(after))).apply(effects[turn:])

        assert await reads(world) == await expected_feeds(effects)


@EXAMPLES
@given(histories, st.sets(st.sampled_from(LISTS)), st.integers(0, 14), st.booleans())
async def test_whatever_list_is_lost_the_feed_is_the_same(
    server: Servers, history: History, lost: set[str], turn: int, is_tended: bool
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        await (await world.worker("views")).apply(logged(history, "views"))
        worker = await world.worker("feeds")
        await worker.apply(effects[:turn])
        if lost:
            await world.redis.delete(*lost)
        if is_tended:
            await reads(world)
            await worker.tend()
        await worker.apply(effects[turn:])

        assert await reads(world) == await expected_feeds(effects)
        await worker.tend()
        assert await reads(world) == await expected_feeds(effects)


@EXAMPLES
@given(histories, st.integers(0, 14))
async def test_a_feed_that_was_dropped_answers_the_same_and_is_built_again(
    server: Servers, history: History, turn: int
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        await (await world.worker("views")).apply(logged(history, "views"))
        await (await world.worker("feeds")).apply(effects[:turn])
        await (await world.worker("feeds", at=LATER)).tend()
        worker = await world.worker("feeds")
        await worker.apply(effects[turn:])

        assert await reads(world) == await expected_feeds(effects)
        for _ in PEOPLE:
            await worker.tend()
        assert await world.feeds() == await reads(world) == await expected_feeds(effects)


async def test_a_lost_list_of_sealed_photos_is_not_taken_for_an_empty_one(world: World) -> None:
    tomorrow = a.a_photo(ANA, reveal_at=a.TOMORROW)
    worker = await happened(world, [*EVERYBODY, a.user_followed(BEN, ANA), a.photo_developed(ANA, tomorrow)])

    await world.redis.delete(projections.sealed(BEN))
    assert await read(world, BEN, a.TOMORROW) == [tomorrow]

    await worker.tend()
    assert await world.redis.lrange(projections.sealed(BEN), 0, -1) == [tomorrow, projections.SENTINEL]


class Listening(Pulling):
    """Remembers the keys of every call."""

    heard: ClassVar[list[tuple[str, ...]]] = []

    async def _send(self, steps: Sequence[Call]) -> list[Any]:
        for step in steps:
            words = step.wire("v").split(b"\r\n")[2::2]
            self.heard.append(tuple(word.decode() for word in words[3 : 3 + int(words[2])]))
        return await super()._send(steps)


@pytest.mark.parametrize("above", [0, 2, 99])
async def test_the_keys_of_a_call_stand_in_one_slot(world: World, above: int) -> None:
    """Law 43, without a cluster: who has several keys has one tag for all of them."""
    kind = type("Here", (Listening,), {"above": above, "heard": []})
    fans = [a.user_followed(user, ANA) for user in (BEN, CLEO, DAN)]
    sealed = a.photo_developed(ANA, a.a_photo(ANA, reveal_at=a.TOMORROW))
    left = [a.user_unfollowed(user, ANA) for user in (BEN, CLEO, DAN)]
    history = [*EVERYBODY, *fans, *taken(ANA, [1, 2]), sealed, *left, *taken(ANA, [3]), a.photo_deleted(ANA)]
    worker = await happened(world, history, kind)
    await world.redis.delete(projections.feed(BEN))
    await read(world, BEN)
    await worker.tend()
    await (await world.worker("feeds", kind, LATER)).tend()

    heard: list[tuple[str, ...]] = worker.heard
    assert {len({key.partition("}")[0] for key in keys}) for keys in heard} == {1}
    assert all(key.startswith("{b") for keys in heard for key in keys if len(keys) > 1)


# --- built and dropped ------------------------------------------------------------------------------------------------


async def test_who_stays_away_for_days_loses_the_feed_and_gets_it_back(world: World) -> None:
    worker = await happened(world, [*EVERYBODY, a.user_followed(BEN, ANA), a.photo_developed(ANA)])
    tender = await world.worker("feeds", at=LATER)

    await worker.tend()
    assert await world.redis.exists(projections.feed(BEN), projections.sealed(BEN)) == 2
    await tender.tend()
    assert await world.redis.exists(projections.feed(BEN), projections.sealed(BEN)) == 0

    assert await read(world, BEN, LATER) == [a.a_photo(ANA)]
    await tender.tend()
    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), projections.SENTINEL]


async def test_who_came_yesterday_keeps_the_feed(world: World) -> None:
    await happened(world, EVERYBODY)
    await read(world, BEN, LATER - timedelta(days=1))

    await (await world.worker("feeds", at=LATER)).tend()

    assert await world.redis.exists(projections.feed(BEN)) == 1
    assert await world.redis.exists(projections.feed(CLEO)) == 0


async def test_a_feed_is_not_built_while_views_do_not_know_whom_its_reader_follows(world: World) -> None:
    history = [*EVERYBODY, a.photo_developed(ANA), a.user_followed(BEN, ANA)]
    feeds, views = await world.worker("feeds"), await world.worker("views")
    await feeds.apply(logged(history[:-1], "feeds"))
    await views.apply(logged(history[:-1], "views"))
    await world.redis.delete(projections.feed(BEN))
    await feeds.apply(logged(history, "feeds"))
    keeper = tending.Tending(feeds, lambda: a.NOON, iter(range(9)).__next__)

    assert not await keeper.build(BEN)
    await views.apply(logged(history, "views"))
    assert await keeper.build(BEN)

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), projections.SENTINEL]


async def test_a_builder_who_was_overtaken_finishes_nothing(world: World) -> None:
    worker = await happened(world, [*EVERYBODY, a.photo_developed(BEN)])
    await world.redis.delete(projections.feed(BEN))

    for builder in (1, 2):
        assert await worker.carry_out([calls.building(BEN, builder)]) == [1]
    assert await worker.carry_out([calls.built(BEN, 1, [], 0, 0)]) == [0]
    assert projections.complete_from(str(await world.redis.lindex(projections.feed(BEN), -1))) is None

    assert await worker.carry_out([calls.built(BEN, 2, [], 0, 0)]) == [1]
    assert await world.redis.lindex(projections.feed(BEN), -1) == projections.SENTINEL


async def test_a_follow_makes_whoever_builds_begin_again(world: World) -> None:
    worker = await happened(world, EVERYBODY)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*EVERYBODY, a.user_followed(BEN, ANA)], "feeds"))

    assert await worker.carry_out([calls.built(BEN, 1, [], 0, 0)]) == [0]


async def test_what_came_late_to_a_feed_that_is_built_leaves_it_again_below_its_mark(world: World) -> None:
    history = [*EVERYBODY, a.user_followed(BEN, ANA)]
    worker = await happened(world, history)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*history, *taken(ANA, [1, 2])], "feeds"))
    newest = a.a_photo(ANA, 5)
    await worker.carry_out([calls.built(BEN, 1, [newest], int(newest), floor_at(a.NOON))])

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [newest, f"-{newest}"]


async def test_a_feed_that_is_being_built_takes_part_in_deliveries(world: World) -> None:
    history = [*EVERYBODY, a.user_followed(BEN, ANA)]
    worker = await happened(world, history)
    await world.redis.delete(projections.feed(BEN))
    await worker.carry_out([calls.building(BEN, 1)])

    await worker.apply(logged([*history, a.photo_developed(ANA)], "feeds"))
    await worker.carry_out([calls.built(BEN, 1, [], 0, floor_at(a.NOON))])

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [a.a_photo(ANA), projections.SENTINEL]


# --- long feeds -------------------------------------------------------------------------------------------------------


async def walked(world: World, reader: UserId, count: int = 30) -> list[PhotoId]:
    found = page = await read(world, reader, count=count)
    while page:
        page = await read(world, reader, below=int(page[-1]), count=count)
        found = found + page
    return found


async def walked_back(world: World, reader: UserId, count: int) -> list[PhotoId]:
    """Every candidate page by page, from the oldest on."""
    found = list[PhotoId]()
    while page := await read(world, reader, count=count, above=int(found[-1]) if found else 0):
        found = found + page
    return found


def taken(author: UserId, numbers: Sequence[int]) -> list[PhotoDeveloped]:
    return [a.photo_developed(author, a.a_photo(author, number)) for number in numbers]


async def test_below_what_a_feed_keeps_its_reader_goes_on_in_the_outboxes(world: World) -> None:
    history = [*EVERYBODY, a.user_followed(BEN, ANA), *taken(ANA, range(250)), *taken(BEN, range(250))]
    await happened(world, history)

    every = sorted((fact.photo for fact in (*taken(ANA, range(250)), *taken(BEN, range(250)))), key=int, reverse=True)
    assert await walked(world, BEN) == every
    await world.redis.delete(projections.feed(BEN))
    assert await walked(world, BEN) == every


async def test_a_trimmed_feed_that_lost_most_of_its_photos_is_not_taken_for_all_there_is(world: World) -> None:
    old, new = taken(ANA, range(100)), taken(CLEO, range(200, 640))
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *old, *new, a.user_unfollowed(BEN, CLEO)])

    assert await walked(world, BEN) == [fact.photo for fact in reversed(old)]


async def test_a_late_photo_older_than_what_a_feed_keeps_stands_in_its_place(world: World) -> None:
    late = a.photo_developed(CLEO, a.a_photo(CLEO, 1, a.MORNING - timedelta(days=1)))
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *taken(ANA, range(430)), late])

    assert (await walked(world, BEN))[-1] == late.photo
    kept = await world.redis.lrange(projections.feed(BEN), 0, -1)
    assert late.photo not in kept, "below its mark a feed holds nothing: the next trim would set the mark there"


# --- outboxes are short, too ------------------------------------------------------------------------------------------

CAP = 20


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds of ten, outboxes of twenty."""
    monkeypatch.setattr(calls, "SLACK", 0)
    monkeypatch.setattr(calls, "OUTBOX_CAP", CAP)
    for module in (calls, tending):
        monkeypatch.setattr(module, "FEED_CAP", CAP // 2)


def told(author: UserId, numbers: Sequence[int]) -> History:
    """As `taken`; and views know it, too."""
    photos = [a.a_photo(author, number) for number in numbers]
    return [fact for p in photos for fact in (a.photo_captured(author, p), a.photo_developed(author, p))]


def newest_first(*authors: UserId, numbers: Sequence[int]) -> list[PhotoId]:
    return sorted((a.a_photo(author, number) for author in authors for number in numbers), key=int, reverse=True)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("above", [0, 10], ids=["pulled", "pushed"])
async def test_what_an_outbox_lets_go_is_found_in_the_grid_of_its_author(world: World, above: int) -> None:
    follows = [a.user_followed(BEN, ANA), a.user_followed(BEN, CLEO)]
    await happened(world, [*EVERYBODY, *follows, *told(CLEO, range(9)), *told(ANA, range(70))], pulling(above))

    every = sorted(
        [*newest_first(ANA, numbers=range(70)), *newest_first(CLEO, numbers=range(9))], key=int, reverse=True
    )
    assert await walked(world, BEN, count=7) == every
    assert await walked_back(world, BEN, count=7) == every[::-1]
    await world.redis.delete(projections.feed(BEN))
    assert await walked(world, BEN, count=7) == every


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("is_built", [False, True])
async def test_who_follows_an_author_whose_outbox_lost_its_photos_does_not_take_it_for_whole(
    world: World, is_built: bool
) -> None:
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    feeds = await happened(world, [*EVERYBODY, *told(ANA, range(70)), *gone, a.user_followed(BEN, ANA)])
    if is_built:
        await world.redis.delete(projections.feed(BEN))
        await read(world, BEN)
        await feeds.tend()

    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [
        *newest_first(ANA, numbers=[68, 69]), f"-{a.a_photo(ANA, 50)}"
    ]  # fmt: skip
    assert await walked(world, BEN, count=7) == newest_first(ANA, numbers=[*range(50), 68, 69])


@pytest.mark.usefixtures("short")
async def test_below_a_trimmed_outbox_a_feed_holds_nobodys_photos(world: World) -> None:
    """The next trim would set the mark at one of them."""
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    yesterday = a.photo_developed(CLEO, a.a_photo(CLEO, 1, a.MORNING - timedelta(days=1)))
    old = [a.user_followed(BEN, CLEO), yesterday]
    await happened(world, [*EVERYBODY, *old, *told(ANA, range(70)), *gone, a.user_followed(BEN, ANA)])

    kept = newest_first(ANA, numbers=[68, 69])
    assert await world.redis.lrange(projections.feed(BEN), 0, -1) == [*kept, f"-{a.a_photo(ANA, 50)}"]
    assert (await walked(world, BEN, count=7))[-1] == yesterday.photo


@pytest.mark.usefixtures("short")
async def test_who_is_pushed_again_is_so_as_far_as_their_outbox_goes(world: World) -> None:
    fans = [a.user_followed(user, ANA) for user in (BEN, CLEO, DAN)]
    gone = [a.photo_deleted(ANA, a.a_photo(ANA, number)) for number in range(50, 68)]
    pulled = [*EVERYBODY, *fans, *told(ANA, range(70)), *gone]
    await happened(world, pulled, pulling(0))
    await happened(world, [*pulled, *told(ANA, [70])], pulling(10))

    assert await world.redis.keys("*:pulled") == []
    assert await walked(world, BEN, count=7) == newest_first(ANA, numbers=[*range(50), 68, 69, 70])


# --- who follows may change -------------------------------------------------------------------------------------------


async def test_a_worker_that_remembers_followers_sees_who_came_and_who_left(world: World) -> None:
    history: History = [*EVERYBODY, a.user_followed(BEN, ANA), *taken(ANA, [1])]
    worker, other = await world.worker(), await world.worker()
    await worker.apply(logged(history, "feeds"))

    history += [a.user_unfollowed(BEN, ANA), a.user_followed(CLEO, ANA)]
    await other.apply(logged(history, "feeds"))
    history += taken(ANA, [2])
    await worker.apply(logged(history, "feeds"))

    newest = a.a_photo(ANA, 2)
    assert {user for user, photos in (await world.feeds()).items() if newest in photos} == {ANA, CLEO}


async def test_a_worker_that_remembers_followers_sees_a_neighbour_of_theirs_come(world: World) -> None:
    history: History = [*EVERYBODY, *taken(ANA, [1])]
    worker, other = await world.worker(), await world.worker()
    await worker.apply(logged(history, "feeds"))

    history += [a.user_followed(BEN, ANA)]
    await other.apply(logged(history, "feeds"))
    await worker.apply(logged([*history, *taken(ANA, [2])], "feeds"))

    assert (await world.feeds())[BEN] == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]


async def test_who_is_pulled_reads_their_own_photos(world: World) -> None:
    await happened(world, [*EVERYBODY, *taken(ANA, [1, 2])], pulling(0))

    assert await read(world, ANA) == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]


async def test_an_author_is_pulled_above_so_many_and_pushed_again_well_below(world: World) -> None:
    more = [a.a_user(name) for name in ("eve", "fay")]
    fans: History = [a.user_followed(user, ANA) for user in (BEN, CLEO, DAN, *more)]
    history: History = [*EVERYBODY, *(a.user_registered(user, user) for user in more), *fans, *taken(ANA, [1])]
    await happened(world, history, pulling(5))
    assert await world.redis.smembers(projections.pulled(bucket(DAN))) == {ANA}

    history += [*(a.user_unfollowed(user, ANA) for user in more), *taken(ANA, [2])]
    await happened(world, history, pulling(5))
    assert a.a_photo(ANA, 2) not in await world.redis.lrange(projections.feed(DAN), 0, -1), "four are not well below"
    assert await read(world, DAN) == [a.a_photo(ANA, 2), a.a_photo(ANA, 1)]

    history += [a.user_unfollowed(CLEO, ANA), *taken(ANA, [3])]
    await happened(world, history, pulling(5))
    assert await world.redis.keys("*:pulled") == []
    assert (await world.feeds())[DAN] == [a.a_photo(ANA, number) for number in (3, 2, 1)]


def test_what_a_new_feed_holds_is_the_newest_and_says_from_where_on() -> None:
    many = [str(number) for number in range(1, projections.FEED_CAP + 11)]

    photos, floor = tending.newest([many[::2], many[1::2], ["9000"]], unrevealed=8000)

    assert floor == 11
    assert photos == [*many[10:], "9000"]
    assert tending.newest([["3", "1"]], unrevealed=8000) == (["1", "3"], 0)
