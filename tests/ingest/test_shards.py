"""What commands must know lies on several servers: each question goes to the one of its bucket, wherever that is."""

from collections.abc import AsyncIterator, Iterator

import pytest
from redis import Redis

from ingest.projections import Projections
from ingest.shards import Shards
from schemas import projections as view
from schemas.ids import bucket
from schemas.problems import Refusal
from schemas.topics import Origin
from tests.builders import a_user
from tests.spread import spread
from tests.valkey import Fleet, running_fleet

ANA, DAN = a_user("ana", 7), a_user("dan", 8)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
async def shards(fleet: Fleet) -> AsyncIterator[Shards]:
    """Empty servers whose views are complete."""
    redis = spread(fleet.url)
    await redis.flushall()
    await redis.set(view.EPOCH, "1")
    for user in (ANA, DAN):
        await redis.hset(
            view.profile(user), mapping={"username": user, "tz": "UTC", "registered_at": "2026-01-01T00:00:00Z"}
        )
        await redis.set(view.session(f"token of {user}"), user)
    await redis.sadd(view.following(ANA), DAN)
    await redis.aclose()
    shards = Shards(fleet.url)
    yield shards
    await shards.close()


async def test_one_question_asks_several_servers(shards: Shards) -> None:
    views = Projections(shards)

    standing = await views.standing(ANA, DAN)

    assert standing is not None
    assert standing.profile.username == DAN
    assert [await views.admit(f"token of {user}") for user in (ANA, DAN)] == [ANA, DAN]


async def test_commands_wait_until_the_views_of_every_server_are_complete(shards: Shards, fleet: Fleet) -> None:
    with Redis.from_url(fleet.servers[2].url) as server:
        server.delete(view.EPOCH)

    with pytest.raises(Refusal, match="rebuilt"):
        await Projections(shards).admit(None)


async def test_a_fact_is_seen_when_every_server_has_it(shards: Shards, fleet: Fleet) -> None:
    views, position = Projections(shards), (Origin("facts.v1", 0, 7),)
    for server in shards.clients:
        await server.hset(view.progress("views"), "facts.v1:0", "8")
    assert await views.seen(position)

    await shards.clients[1].hset(view.progress("views"), "facts.v1:0", "7")

    assert not await views.seen(position, within_s=0.05)


async def test_a_bucket_that_moved_is_found(shards: Shards, fleet: Fleet) -> None:
    views = Projections(shards)
    assert await views.admit(None) is None
    with Redis.from_url(fleet.servers[bucket(DAN) % 3].url) as source, Redis.from_url(fleet.servers[0].url) as target:
        target.restore(view.profile(DAN), 0, source.dump(view.profile(DAN)))
        source.delete(view.profile(DAN))
        source.hset(view.MOVED, str(bucket(DAN)), fleet.servers[0].url)

    await views.admit(None)

    assert await views.profile(DAN) is not None
