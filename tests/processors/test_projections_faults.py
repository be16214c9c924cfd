"""What crashes, late workers and lost data do to projections: nothing. On a real Valkey, against the twin as oracle."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisAway

from processors.processor import Effects
from processors.stores import feeds
from processors.stores.calls import SLACK
from processors.stores.projections import Ahead, Lost
from schemas import projections
from schemas.facts import Fact, PhotoDeleted
from schemas.projections import Processor
from tests import builders as a
from tests.processors.histories import PEOPLE, History, histories, interleaved, logged, runs
from tests.processors.worlds import Stepped, World, an_empty, crashes, expected, expected_feeds, side_by_side
from tests.valkey import Servers, running_servers, running_valkey

ANA, BEN, CLEO, _ = PEOPLE
EXAMPLES = settings(max_examples=40, deadline=None)  # 40 of each law take seconds


@pytest.fixture(scope="module", params=["three", pytest.param("one", marks=pytest.mark.nightly)])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("valkey")
    with running_servers(request.param, folder) as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeds, "READERS_PER_CALL", 1)  # so that a few people make several calls in a bucket
        yield server


# --- order ------------------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.data(), histories)
async def test_feeds_are_the_same_in_whatever_order_partitions_come(
    server: Servers, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.feeds() == await expected_feeds(effects)


@EXAMPLES
@given(st.data(), histories)
async def test_views_are_the_same_in_whatever_order_partitions_come(
    server: Servers, data: st.DataObject, history: History
) -> None:
    effects = logged(history, "views")
    async with an_empty(server) as world:
        worker = await world.worker("views")

        await worker.apply(data.draw(interleaved(effects)))

        assert await world.answers.views() == await (await expected(effects)).views()


# --- twice, and late --------------------------------------------------------------------------------------------------


@EXAMPLES
@given(st.data(), histories, st.sampled_from(["feeds", "views"]))
async def test_a_worker_thawed_after_its_successor_changes_nothing(
    server: Servers, data: st.DataObject, history: History, processor: Processor
) -> None:
    effects = logged(history, processor)
    late = data.draw(runs(effects))
    async with an_empty(server) as world:
        worker = await world.worker(processor)
        await worker.apply(effects)
        before = await world.answers.everything()

        await (await world.worker(processor)).apply(late)

        assert await world.answers.everything() == before


# --- crashes ----------------------------------------------------------------------------------------------------------

RICH: History = [
    *(a.user_registered(user, f"user {n}") for n, user in enumerate(PEOPLE)),
    a.photo_developed(ANA, a.a_photo(ANA, 1)),
    *(a.user_followed(user, ANA) for user in PEOPLE[1:]),
    a.photo_developed(ANA, a.a_photo(ANA, 2)),
    a.photo_developed(BEN, a.a_photo(BEN, 3)),
    a.photo_developed(ANA, a.a_photo(ANA, 4, a.TOMORROW)),
    a.user_unfollowed(CLEO, ANA),
    a.photo_deleted(ANA, a.a_photo(ANA, 1)),
    a.user_followed(CLEO, ANA),
]


@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_crash_after_any_call_is_mended_by_doing_the_batch_again(server: Servers, processor: Processor) -> None:
    effects = logged(RICH, processor)
    async with an_empty(server) as world:
        crashed, after = True, 0
        while crashed:
            after += 1
            await world.redis.flushall()
            crashed = await crashes(world, processor, effects, after)
            await (await world.worker(processor)).apply(effects)

            await _all_is_as_it_should_be(world, processor, effects)
    assert after > 10


async def _all_is_as_it_should_be(world: World, processor: Processor, effects: Sequence[Effects]) -> None:
    if processor == "views":
        assert await world.answers.views() == await (await expected(effects)).views()
    else:
        assert await world.feeds() == await expected_feeds(effects)


@EXAMPLES
@given(histories, st.lists(st.integers(1, 30), max_size=4))
async def test_crash_after_crash_nothing_is_missing_and_nothing_too_much(
    server: Servers, history: History, deaths: list[int]
) -> None:
    effects = logged(history, "feeds")
    async with an_empty(server) as world:
        for after in deaths:
            await crashes(world, "feeds", effects, after)
        await (await world.worker()).apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


# --- two workers at once ----------------------------------------------------------------------------------------------


@EXAMPLES
@given(histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_workers_of_two_partitions_may_meet_at_any_step(
    server: Servers, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    mine, theirs = [[e for e in effects if (e.origin.partition == 0) is side] for side in (True, False)]
    async with an_empty(server) as world:
        await side_by_side(world, mine, theirs, turns)

        await _nothing_is_missing(world, history, effects)


@EXAMPLES
@given(st.data(), histories, st.lists(st.booleans(), min_size=10, max_size=200))
async def test_a_worker_may_thaw_in_the_middle_of_a_record(
    server: Servers, data: st.DataObject, history: History, turns: list[bool]
) -> None:
    effects = logged(history, "feeds")
    taken = data.draw(st.integers(0, len(effects)))
    late, again = effects[taken:], effects[data.draw(st.integers(0, taken)) :]
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:taken])
        await side_by_side(world, late, again, turns)

        await _nothing_is_missing(world, history, effects)


COMES, PHOTO, LEAVES = a.user_followed(BEN, ANA), a.photo_developed(ANA), a.user_unfollowed(BEN, ANA)
MEETINGS: dict[str, tuple[History, Fact, Fact]] = {
    "a photo in the middle of a follow": ([], COMES, PHOTO),
    "a follow in the middle of a photo": ([], PHOTO, COMES),
    "leaving in the middle of a photo": ([COMES], PHOTO, LEAVES),
    "a photo in the middle of leaving": ([COMES], LEAVES, PHOTO),
}


@pytest.mark.parametrize("steps", range(7))
@pytest.mark.parametrize("meeting", MEETINGS)
async def test_two_records_that_meet_come_out_right_at_every_step(server: Servers, meeting: str, steps: int) -> None:
    before, slow, fast = MEETINGS[meeting]
    effects = logged([a.user_registered(ANA), a.user_registered(BEN, "ben"), *before, slow, fast], "feeds")
    async with an_empty(server) as world:
        worker, late = await world.worker(), await world.worker(kind=Stepped)
        await worker.apply(effects[:-2])
        at_work = asyncio.create_task(late.apply(effects[-2:-1]))
        await late.steps(at_work, steps)

        await worker.apply(effects[-1:])
        await late.steps(at_work, 10)

        await at_work
        assert await world.feeds() == await expected_feeds(effects)


async def _nothing_is_missing(world: World, history: History, effects: Sequence[Effects]) -> None:
    """What is too much was taken back by its author, which its card says to every reader."""
    found, wanted = await world.feeds(), await expected_feeds(effects)
    gone = {fact.photo for fact in history if isinstance(fact, PhotoDeleted)}
    missing = {user: set(wanted[user]) - set(found[user]) for user in PEOPLE}
    extra = {user: set(found[user]) - set(wanted[user]) - gone for user in PEOPLE}
    assert (missing, extra) == ({user: set() for user in PEOPLE}, {user: set() for user in PEOPLE})


# --- the lists themselves ---------------------------------------------------------------------------------------------


async def test_a_feed_that_was_trimmed_is_still_warm(server: Servers) -> None:
    taken = [a.photo_developed(ANA, a.a_photo(ANA, number)) for number in range(projections.FEED_CAP + 20)]
    async with an_empty(server) as world:
        await (await world.worker()).apply(logged([a.user_registered(ANA), *taken], "feeds"))

        feed = await world.redis.lrange(projections.feed(ANA), 0, -1)

    assert projections.FEED_CAP < len(feed) <= projections.FEED_CAP + SLACK + 1
    assert int(feed[-1]) == -int(feed[-2]), "it says from where on it is complete"


async def test_an_outbox_keeps_the_newest_photos(server: Servers) -> None:
    taken = [a.photo_developed(ANA, a.a_photo(ANA, number)) for number in range(projections.OUTBOX_CAP + 20)]
    async with an_empty(server) as world:
        await (await world.worker()).apply(logged(taken, "feeds"))

        outbox = await world.redis.lrange(projections.outbox(ANA), 0, -1)

    assert projections.OUTBOX_CAP < len(outbox) <= projections.OUTBOX_CAP + SLACK + 1
    assert outbox[0] == taken[-1].photo
    assert int(outbox[-1]) == -int(outbox[-2]), "it says from where on it is complete"


async def test_a_sealed_write_moves_what_came_due_out_of_the_sealed_list(server: Servers) -> None:
    due, later = a.a_photo(ANA, 1, a.NOON + timedelta(hours=1)), a.a_photo(ANA, 1, a.TOMORROW)
    last = a.a_photo(ANA, 2, a.TOMORROW)
    effects = logged([a.user_registered(ANA), *(a.photo_developed(ANA, p) for p in (due, later, last))], "feeds")
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:-1])
        assert await world.redis.lrange(projections.sealed(ANA), 0, -1) == [later, due, projections.SENTINEL]

        await (await world.worker(at=a.NOON + timedelta(hours=1))).apply(effects[-1:])

        assert await world.redis.lrange(projections.sealed(ANA), 0, -1) == [last, later, projections.SENTINEL]
        assert await world.redis.lrange(projections.feed(ANA), 0, -1) == [due, projections.SENTINEL]


async def test_a_cold_feed_stays_cold(server: Servers) -> None:
    effects = logged([a.user_registered(ANA), a.photo_developed(ANA)], "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply(effects[:1])
        await world.redis.delete(projections.feed(ANA), projections.sealed(ANA))

        await worker.apply(effects[1:])

        assert await world.redis.exists(projections.feed(ANA), projections.sealed(ANA)) == 0


# --- lost data --------------------------------------------------------------------------------------------------------


async def test_a_server_that_restarted_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    effects = logged(RICH, "views")
    with running_valkey(tmp_path) as server:
        async with an_empty(server) as world:
            worker = await world.worker("views")
            await worker.apply(effects[:5])

            server.kill()
            with pytest.raises(RedisAway):
                await worker.apply(effects[5:])
            server.start()
            with pytest.raises(Lost):
                await worker.apply(effects[5:])

            await worker.open()
            assert await worker.progress() == {}
            await world.redis.connection_pool.disconnect()
            assert await world.answers.views() == {}


@pytest.mark.parametrize("processor", ["feeds", "views"])
async def test_a_server_emptied_just_before_a_batch_can_be_filled_again(server: Servers, processor: Processor) -> None:
    effects = logged(RICH, processor)
    async with an_empty(server) as world:
        worker = await world.worker(processor)
        await worker.apply(effects[:8])
        await world.redis.flushall()

        with pytest.raises(Lost, match=f"progress of {processor} is behind"):
            await worker.apply(effects[8:])

        assert await worker.progress() == {}
        await worker.open()
        await worker.apply(effects)
        await _all_is_as_it_should_be(world, processor, effects)


@pytest.mark.parametrize(("processor", "after"), [("views", 1), ("feeds", 5), ("feeds", 10)])
async def test_a_worker_killed_on_an_emptied_server_hides_nothing(
    server: Servers, processor: Processor, after: int
) -> None:
    """Its watermarks stand, its progress does not: the next worker drops them before it reads everything again."""
    effects = logged(RICH, processor)
    partitions = {(each.origin.topic, each.origin.partition) for each in effects}
    async with an_empty(server) as world:
        await (await world.worker(processor)).apply(effects[:8])
        await world.redis.flushall()
        assert await crashes(world, processor, effects[8:], after)
        successor = await world.worker(processor)
        assert await successor.progress() == {}

        await successor.drop_watermarks(partitions)
        await successor.apply(effects)

        await _all_is_as_it_should_be(world, processor, effects)


async def test_a_server_emptied_before_a_workers_first_batch_is_noticed(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        await (await world.worker()).apply(effects[:8])
        worker = await world.worker()
        await worker.progress()
        await world.redis.flushall()

        with pytest.raises(Lost):
            await worker.apply(effects[8:])


async def test_a_log_that_was_wiped_is_noticed(server: Servers) -> None:
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply([Effects(a.an_origin(41), ())])

        await worker.refuse_if_ahead({("facts.v1", 0): 42, ("facts.v1", 1): 0})
        with pytest.raises(Ahead, match="wipe both or neither"):
            await worker.refuse_if_ahead({("facts.v1", 0): 41})


async def test_reading_again_from_an_earlier_offset_is_no_loss(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await worker.apply(effects)
        await world.redis.flushall()

        await worker.apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


async def test_a_server_that_forgot_the_functions_learns_them_again(server: Servers) -> None:
    effects = logged(RICH, "feeds")
    async with an_empty(server) as world:
        worker = await world.worker()
        await world.redis.function_flush()

        await worker.apply(effects)

        assert await world.feeds() == await expected_feeds(effects)


# --- caught up --------------------------------------------------------------------------------------------------------


async def test_the_last_of_views_and_feeds_starts_the_epoch(server: Servers) -> None:
    async with an_empty(server) as world:
        views, feeds = await world.worker("views"), await world.worker("feeds")

        await feeds.caught_up()
        assert await world.redis.get(projections.EPOCH) is None
        await views.caught_up()
        epoch = await world.redis.get(projections.EPOCH)
        await feeds.caught_up()

        assert epoch is not None
        assert await world.redis.get(projections.EPOCH) == epoch
