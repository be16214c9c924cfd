"""A replay beside the live view: it is the same, what is not is found and mended, and it may die anywhere."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from redis.asyncio import Redis

from processors.replay import Pace, Replay
from processors.rules.replay import KINDS, SECRET, code
from processors.stores import moving, shadow
from processors.stores.projections import Projections
from processors.stores.shadow import Moving, NotAShadow, Positions
from processors.stores.shadow_swap import Swap
from schemas import facts, projections
from schemas.facts import Fact
from schemas.ids import UserId
from schemas.projections import Key, Processor
from tests import builders as a
from tests.laws.nodes import nodes
from tests.processors.answers import Answers
from tests.processors.replays import ROWS, Bench, Life, Worker, a_community
from tests.processors.worlds import Crash
from tests.valkey import Fleet, Valkey, running_valkey

BOTH: tuple[Processor, ...] = ("views", "feeds")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two share the buckets, and refuse whatever crosses slots."""
    with nodes(2, tmp_path_factory) as fleet:
        yield fleet


@pytest.fixture(scope="module")
def aside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with running_valkey(tmp_path_factory.mktemp("shadow")) as server:
        yield server


@pytest.fixture
async def bench(fleet: Fleet, aside: Valkey) -> Bench:
    """Two empty sides and an empty log."""
    found = Bench(fleet.url, aside.url)
    await emptied(found, everything=True)
    return found


async def emptied(bench: Bench, *, everything: bool = False) -> None:
    """The shadow, and perhaps all."""
    async with Redis.from_url(bench.shadow) as redis:
        await redis.flushall()
    if everything:
        live = bench.redis()
        await live.flushall()
        await live.aclose()


async def dump(bench: Bench, name: Processor) -> Mapping[str, Any]:
    """What the live view of this processor holds; a feed is the photos it offers in the end."""
    redis = bench.redis()
    answers = Answers(redis, lambda: a.FAR)
    own = {key: value for key, value in (await answers.views()).items() if KINDS[code(Key(key))].owner == name}
    lists = {key for key in own if code(Key(key)) in ("f", "s")}
    feeds = {key: await answers.feed(UserId(key.rpartition(":")[2])) for key in lists}
    await redis.aclose()
    return {**own, **feeds}


@pytest.mark.parametrize("name", BOTH)
async def test_a_replay_of_a_community_differs_in_nothing(bench: Bench, name: Processor) -> None:
    a_community(bench.log, size=150, count=400)
    await bench.fill(name)

    assert await bench.replay(name, compare=True) == 0

    assert bench.said[-1].endswith("\n0 differ")
    compared = {line.rsplit(maxsplit=3)[0]: line.split()[-3:] for line in bench.said[-1].splitlines()[1:-1]}
    kinds = {
        "views": {"profiles", "followers", "cards", "comments", "passwords", "sessions", "members", "likers"},
        "feeds": {"feeds", "outboxes", "followers by bucket"},
    }
    assert kinds[name] <= compared.keys()
    assert all(int(compared[kind][0]) > 0 for kind in kinds[name]), "there was something to compare"


# --- what was planted is found, named and mended ----------------------------------------------------------------------

PLANTED = {
    "views": {
        "hash": "u", "field": "p", "set": "fr", "member too many": "fg", "zset": "up", "string": "n", "gone": "pw",
        "expiry": "se", "from nowhere": "fa", "another type": "bk", "score": "rp",
    },
    "feeds": {"list": "o", "feed entry": "f", "feed entry too many": "f", "feed order": "f", "set": "fs"},
}  # fmt: skip


async def plant(redis: Redis, how: str, key: str) -> None:
    match how:
        case "hash":
            await redis.hset(key, "username", "somebody else")
        case "field":
            await redis.hdel(key, "author")
        case "set" | "zset" | "list" | "gone":
            await redis.delete(key)
        case "member too many":
            await redis.sadd(key, "4711")
        case "string" | "from nowhere":
            await redis.set(key, "4711")
        case "expiry":
            await redis.persist(key)
        case "another type":
            await redis.delete(key)
            await redis.set(key, "4711")
        case "score":
            (first,) = await redis.zrange(key, 0, 0)
            await redis.zadd(key, {str(first): 7})
        case "feed entry":
            await redis.lpop(key)
        case "feed entry too many":
            await redis.lpush(key, "9000000000000000000")
        case "feed order":
            await redis.linsert(key, "BEFORE", "0", str(await redis.lpop(key)))


async def a_key(redis: Redis, kind: str, how: str, taken: set[str]) -> str:
    """The one that holds most, or one that nobody has."""
    if how == "from nowhere":
        return projections.entity(a.a_fact_id("nobody's"))
    found = sorted(str(key) for key in await redis.keys(f"{{b*}}:{kind}:*") if str(key) not in taken)
    count = {"f": redis.llen, "o": redis.llen, "u": redis.hlen, "p": redis.hlen, "up": redis.zcard, "rp": redis.zcard}
    return max([(await count.get(kind, redis.exists)(key), key) for key in found])[1]


@pytest.mark.parametrize("name", BOTH)
async def test_planted_differences_are_found_named_and_mended(bench: Bench, name: Processor) -> None:
    a_community(bench.log, size=60, count=200)
    await bench.fill(name)
    before, redis, planted = await dump(bench, name), bench.redis(), dict[str, str]()
    for how, kind in PLANTED[name].items():
        planted[how] = await a_key(redis, kind, how, set(planted.values()))
        await plant(redis, how, planted[how])

    assert await bench.replay(name, compare=True, show=10**6) == 1
    said = bench.said[-1]
    assert said.splitlines()[-1] == f"{len(planted)} differ"
    told = [key if code(Key(key)) not in SECRET else f"{key[:6]}{code(Key(key))}:..." for key in planted.values()]
    assert [key for key in told if f"\n{key}  " not in said] == []
    assert "hash-" not in said, "a secret is never printed"

    assert await bench.replay(name, swap=True) == 0
    assert await dump(bench, name) == before
    assert await bench.replay(name, compare=True) == 0
    await redis.aclose()


async def test_what_differs_for_a_reason_is_not_told(bench: Bench) -> None:
    people = [f.by for f in a_community(bench.log, size=40, count=100) if isinstance(f, facts.UserRegistered)]
    await bench.fill("feeds")
    redis = bench.redis()
    await redis.delete(projections.feed(people[0]), projections.sealed(people[0]))  # nobody opened it
    await redis.delete(projections.sealed(people[1]))  # lost
    await redis.lset(projections.feed(people[2]), -1, "-9223372036854775000")  # is being built
    await redis.sadd(projections.pulled(3), people[4])
    await redis.zadd(projections.opened(3), {people[3]: 5})
    await redis.sadd(projections.cold(3), people[3])
    await redis.set(projections.sequence(3), 8)

    assert await bench.replay("feeds", compare=True) == 0
    assert [line.split()[-2] for line in bench.said[-1].splitlines() if line.startswith("feeds")] == ["3"]
    await bench.replay("feeds", swap=True)

    assert not await redis.exists(projections.feed(people[0])), "nobody asked for it"
    assert await redis.get(projections.sequence(3)) == "8"
    assert await redis.smembers(projections.cold(3)) == {people[3]}
    assert all([await redis.smembers(projections.pulled(number)) == {people[4]} for number in range(64)])
    await redis.aclose()


async def test_other_processors_keys_and_all_watermarks_stay(bench: Bench) -> None:
    a_community(bench.log, size=40, count=100)
    await bench.fill(*BOTH)
    redis = bench.redis()
    guards = [projections.watermark(number, name) for number in range(64) for name in BOTH]
    before = [await redis.hgetall(key) for key in guards], await dump(bench, "feeds")

    await bench.replay("views", swap=True)

    assert ([await redis.hgetall(key) for key in guards], await dump(bench, "feeds")) == before
    await redis.aclose()


# --- interrupted ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
async def test_who_is_killed_anywhere_ends_right_when_started_again(bench: Bench, name: Processor) -> None:
    a_community(bench.log, size=40, count=120)
    await bench.fill(name)
    before, redis, whole = await dump(bench, name), bench.redis(), Life()
    worker = await Worker(name, bench.live, bench.log).open()
    for records in (50, 120):
        bench.log.left = records
        with pytest.raises(Crash):
            await bench.replay(name)
    bench.log.left = 10**9
    await bench.replay(name, whole.connect, swap=True)
    await _spoil(redis, name)

    for tenth in (3, 5, 8):
        with pytest.raises(Crash):
            await bench.replay(name, Life(whole.spent * tenth // 10).connect, swap=True)
    await bench.replay(name, swap=True)

    assert await dump(bench, name) == before
    bench.log.append(*_more())
    await asyncio.wait_for(worker.catch_up(), 60)  # no fence is left
    assert await bench.replay(name, compare=True) == 0
    await worker.store.close()
    await redis.aclose()


async def _spoil(redis: Redis, name: Processor) -> None:
    """A third of its keys is lost."""
    lost = [key for key in sorted(map(str, await redis.keys("{b*"))) if KINDS[code(Key(key))].owner == name][::3]
    for key in lost:
        if code(Key(key)) not in ("f", "s"):  # else the feed is cold, and stays so
            await redis.delete(key)


def _more() -> list[Fact]:
    ana, ben = a.a_user("ana", 7), a.a_user("ben", 9)
    joined = [a.user_registered(user, name) for user, name in ((ana, "ana"), (ben, "ben"))]
    return [*joined, a.user_followed(ben, ana), *(a.photo_developed(ana, a.a_photo(ana, n)) for n in range(5))]


async def test_who_gives_up_takes_the_fence_away_and_harms_nothing(bench: Bench) -> None:
    a_community(bench.log, size=40, count=100)
    await bench.fill("feeds")
    before = await dump(bench, "feeds")
    whole, guard = Life(), projections.watermark(9, "feeds")
    await bench.replay("feeds", whole.connect, swap=True)
    with pytest.raises(Crash):
        await bench.replay("feeds", Life(whole.spent - 5).connect, swap=True)
    redis = bench.redis()
    assert await redis.hget(guard, projections.FENCE) == "2"

    await bench.replay("feeds")

    bench.log.append(*_more())
    worker = await Worker("feeds", bench.live, bench.log).open()
    await asyncio.wait_for(worker.catch_up(), 30)
    assert (await dump(bench, "feeds")).items() >= before.items()
    await worker.store.close()
    await redis.aclose()


async def test_a_half_done_replay_goes_on_where_it_was(bench: Bench) -> None:
    a_community(bench.log, size=40, count=60)
    await bench.fill("views")
    await bench.replay("views")
    read = bench.log.read

    await bench.replay("views")

    assert bench.log.read == read


# --- while everything runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
async def test_workers_that_work_meanwhile_lose_and_double_nothing(bench: Bench, name: Processor) -> None:
    early = a_community(bench.log, size=40, count=120)
    await bench.fill(name)
    redis = bench.redis()
    await _spoil(redis, name)
    worker = await Worker(name, bench.live, bench.log).open()
    over = asyncio.Event()
    working = asyncio.create_task(_live_on(bench, worker, early, over))

    await bench.replay(name, compare=True)
    await bench.replay(name, swap=True)
    over.set()
    await working

    live = await dump(bench, name)
    await emptied(bench, everything=True)
    await bench.fill(name)
    assert live == await dump(bench, name)
    await worker.store.close()
    await redis.aclose()


async def _live_on(bench: Bench, worker: Worker, early: list[Fact], over: asyncio.Event) -> None:
    """More follows, photos and deletions come, as long as it lasts."""
    people = [fact.by for fact in early if isinstance(fact, facts.UserRegistered)]
    turn = 0
    while not over.is_set() or turn < 20:
        turn += 1
        await asyncio.sleep(0.01 * turn)  # on a slow machine it lasts long, and must not grow with that
        one, other = people[turn % len(people)], people[turn * 7 % len(people)]
        photo = a.a_photo(one, 100_000 + turn)
        if one != other:
            bench.log.append(a.user_followed(other, one, at=a.NOON), a.user_followed(one, other, at=a.NOON))
        bench.log.append(a.photo_developed(one, photo))
        if turn % 3 == 0:
            bench.log.append(a.photo_deleted(one, photo))
        await worker.catch_up(7)


async def test_what_a_worker_does_just_before_the_fence_is_not_lost(bench: Bench) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("feeds")
    await bench.replay("feeds")
    worker, store = (
        await Worker("feeds", bench.live, bench.log).open(),
        Projections("feeds", bench.shadow, lambda: a.NOON),
    )
    await store.open()
    live, beside = await shadow.live(bench.live, "feeds"), await shadow.shadow(bench.shadow, "feeds", bench.code)
    work, seen = Replay(ROWS["feeds"], bench.log, store, Pace(lambda _: None)), list[Mapping[str, Any]]()
    work.ends()

    async def catch_up(ends: Positions) -> None:
        await work.to(ends)
        if not seen:
            bench.log.append(*_more())
            await worker.catch_up()
            seen.append(await dump(bench, "feeds"))

    await Swap("feeds", live, beside, catch_up, lambda _: None).swap()

    assert await dump(bench, "feeds") == seen[0]
    for each in (live, beside, store, worker.store):
        await each.close()


async def test_a_worker_that_meets_the_fence_waits_until_it_is_gone(bench: Bench) -> None:
    bench.log.append(*_more())
    worker = await Worker("feeds", bench.live, bench.log).open()
    side = await shadow.live(bench.live, "feeds")
    async with side.fenced("feeds", range(64)):
        working = asyncio.create_task(worker.catch_up())
        await asyncio.wait_for(worker.refused.wait(), 60)
        assert not working.done()
    await asyncio.wait_for(working, 60)

    assert await worker.store.members([projections.followers_in(a.a_user("ana", 7), 9)]) == [{a.a_user("ben", 9)}]
    await worker.store.close()
    await side.close()


async def test_a_bucket_that_moves_is_left_alone(bench: Bench, aside: Valkey) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("views")
    redis, guard = bench.redis(), projections.watermark(5, "views")
    await redis.hset(guard, projections.FENCE, 1)

    with pytest.raises(Moving, match="bucket 5"):
        await bench.replay("views", swap=True)

    assert await redis.hget(guard, projections.FENCE) == "1"
    await redis.aclose()


async def test_a_bucket_that_is_being_swapped_does_not_move(bench: Bench, aside: Valkey) -> None:
    side = await shadow.live(bench.live, "views")
    async with side.fenced("views", [5]):
        with pytest.raises(moving.Busy, match="bucket 5"):
            await moving.move(bench.live, 5, aside.url, lambda _: None, grace_s=0)
    await side.close()


async def test_a_shadow_that_holds_something_else_is_refused(bench: Bench) -> None:
    a_community(bench.log, size=40, count=40)
    await bench.fill("views")
    await bench.replay("views")

    with pytest.raises(NotAShadow, match="empty it"):
        await bench.replay("feeds")
    with pytest.raises(NotAShadow, match="empty it"):
        await Bench(bench.live, bench.live, bench.log).replay("views")
    bench.code = "what was deployed meanwhile"
    with pytest.raises(NotAShadow, match="empty it"):
        await bench.replay("views")


async def test_two_replays_of_one_view_do_not_run_at_once(bench: Bench) -> None:
    first = await shadow.live(bench.live, "views")
    with pytest.raises(shadow.Another, match="views"):
        await bench.replay("views")
    await first.close()

    await bench.replay("views")
