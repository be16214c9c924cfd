"""What a reader's candidates are, whichever keys there are: pushed or pulled, dropped or lost."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.stores.calls import Call
from schemas import projections, tails
from tests import builders as a
from tests.processors.feeds.readings import EVERYBODY, LATER, Pulling, happened, pulling, read, reads, taken
from tests.processors.histories import PEOPLE, History, histories, logged
from tests.processors.worlds import World, an_empty, expected_feeds
from tests.valkey import Servers

ANA, BEN, CLEO, DAN = PEOPLE
EXAMPLES = settings(max_examples=50, deadline=None)
LISTS = [kind(user) for user in PEOPLE for kind in (projections.feed, projections.sealed)]


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
    assert await world.redis.lrange(projections.sealed(BEN), 0, -1) == [tomorrow, tails.SENTINEL]


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
