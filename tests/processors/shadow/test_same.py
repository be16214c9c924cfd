"""What a replay makes is the live view; what is not is found, named and mended."""

import pytest
from redis.asyncio import Redis

from processors.rules.replay import SECRET, code
from schemas import facts, projections
from schemas.projections import Key, Processor
from tests import builders as a
from tests.processors.replays import BOTH, Bench, a_community, dump


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
