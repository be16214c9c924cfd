import asyncio

from ingest.leases import BLOCK, IDS_PER_SECOND, SKIP, Leases
from schemas import ids, projections
from tests.builders import NOON
from tests.ingest.world import World


async def test_numbers_of_a_bucket_are_leased_once_whoever_asks(world: World) -> None:
    first, second = Leases(world.shards), Leases(world.shards)

    numbers = await asyncio.gather(*(leases.sequence(7, NOON) for _ in range(BLOCK * 2) for leases in (first, second)))

    assert len(set(numbers)) == len(numbers)


async def test_a_process_that_starts_skips_what_redis_may_have_forgotten(world: World) -> None:
    before = await Leases(world.shards).sequence(7, NOON)

    after = await Leases(world.shards).sequence(7, NOON)

    assert after >= before + SKIP


async def test_a_counter_that_was_lost_starts_past_where_it_was(world: World) -> None:
    leases = Leases(world.shards)
    before = [await leases.sequence(7, NOON) for _ in range(BLOCK)]
    await world.redis.delete(projections.sequence(7))

    after = await leases.sequence(7, NOON)

    assert min(before) >= (NOON - ids.EPOCH).total_seconds() * IDS_PER_SECOND
    assert after not in before


async def test_a_redis_that_started_again_ends_every_block(world: World) -> None:
    leases = Leases(world.shards)
    before = await leases.sequence(7, NOON)
    leases._run_ids[7] = "another run"
    leases._left.clear()

    assert await leases.sequence(7, NOON) >= before + SKIP


async def test_a_process_that_starts_skips_in_every_bucket(world: World) -> None:
    before = [await Leases(world.shards).sequence(bucket, NOON) for bucket in (7, 8)]
    leases = Leases(world.shards)

    after = [await leases.sequence(bucket, NOON) for bucket in (7, 8)]

    assert all(late >= early + SKIP for early, late in zip(before, after, strict=True))
