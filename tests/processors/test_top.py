from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from local.stack import Stack
from processors.intents import Count, Sketch
from processors.lag import Place
from processors.processor import Effects
from processors.stores.projections import Projections
from processors.top import counted, progress, watch
from schemas import projections as view
from schemas.topics import EVENTS
from tests.builders import FAR, an_origin


def test_a_column_for_each_minute_and_a_line_for_each_kind() -> None:
    before = FAR - timedelta(minutes=1)

    lines = counted({FAR: {"events": 3}, before: {"events": 10, "facts": 1}}).splitlines()

    assert [line.split() for line in lines] == [
        ["minute", "00:00", "23:59"],
        ["events", "3", "10"],
        ["facts", "0", "1"],
    ]
    assert counted({FAR: {}}).splitlines()[1] == "(nothing came)"


def test_both_figures_say_how_far_a_processor_is() -> None:
    places = {
        "metrics": {("events.v1", 0): Place(5, 9), ("events.v1", 1): Place(7, 7)},
        "warehouse": {("f", 0): Place(1, 2)},
    }

    lines = progress(places, {"metrics": {("events.v1", 0): 8, ("events.v1", 1): 7}}).splitlines()

    assert [line.split() for line in lines[1:]] == [
        ["metrics", "events.v1", "4", "1", "partition", "0", "by", "4"],
        ["warehouse", "f", "1", "-", "partition", "0", "by", "1"],
    ]


@pytest.fixture
async def counts(parts: Stack) -> AsyncIterator[None]:
    """A minute so far away that nobody else counts in it."""
    store = Projections("metrics", parts.settings.redis_url, lambda: FAR)
    await store.open()
    named = (Count(view.minute(FAR), "events:track", 42), Sketch(view.active(FAR), ("ana", "bob")))
    await store.apply([Effects(an_origin(0, 77, EVENTS), named)])
    yield
    await store.close()
    redis = Redis.from_url(parts.settings.redis_url)
    await redis.delete(view.minute(FAR), view.active(FAR))
    await redis.hdel(view.progress("metrics"), "events.v1:77")
    for key in (view.minute(FAR), view.active(FAR)):
        await redis.hdel(view.watermark(view.bucket_of_key(key), "metrics"), "events.v1:77")
    await redis.aclose()


@pytest.mark.usefixtures("counts")
async def test_the_page_shows_what_the_views_hold(parts: Stack) -> None:
    said: list[str] = []

    await watch(parts.settings, 2, None, lambda: FAR, said.append)

    assert "2 people active on 2080-01-01 (UTC)" in said[0]
    assert ["events:track", "42", "0"] in [line.split() for line in said[0].splitlines()]
