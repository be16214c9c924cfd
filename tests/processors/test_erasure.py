"""Who erased themselves stays erased on a real server: whatever comes late, and whatever a replay does."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from processors.processor import Effects
from processors.rules import views
from processors.stores.tombstones import Incomplete, Tombstones
from schemas import projections
from schemas.facts import Fact
from schemas.secrets import Ended, Secret
from tests import builders as a
from tests.processors.worlds import World, an_empty, expected
from tests.valkey import Servers, running_servers

ANA, BEN = a.a_user("ana", 7), a.a_user("ben", 60)
PHOTO = a.a_photo(ANA)
LIFE = (
    a.user_registered(ANA, "ana", "Ana"), a.user_registered(BEN, "ben"), a.user_followed(BEN, ANA),
    a.photo_captured(ANA, PHOTO), a.photo_developed(ANA, PHOTO), a.a_password(ANA), a.a_session(ANA),
)  # fmt: skip
END = (
    a.user_erased(ANA), Ended(key=f"password:{ANA}"), Ended(key=f"session:{a.a_token()}"),
)  # fmt: skip
LATE = (
    a.user_registered(ANA, "ana", "Ana"), a.preferences_changed(ANA), a.user_erased(ANA, a.NOON + timedelta(days=9)),
    a.photo_captured(ANA, a.a_photo(ANA, 2)), a.user_followed(ANA, BEN), a.photo_developed(ANA, PHOTO),
)  # fmt: skip


@pytest.fixture(scope="module", params=["one", "three"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(request.param, tmp_path_factory.mktemp("valkey")) as servers:
        yield servers


@pytest.fixture
async def world(servers: Servers) -> AsyncIterator[World]:
    async with an_empty(servers) as world:
        yield world


def logged(*said: Fact | Secret) -> list[Effects]:
    return [Effects(a.an_origin(n), tuple(views.changes(each))) for n, each in enumerate(said)]


async def test_late_facts_change_nothing_of_a_tombstone_and_a_replay_makes_the_same(world: World) -> None:
    effects = logged(*LIFE, *END, *LATE)
    worker = await world.worker("views")

    await worker.apply(effects)

    live = await world.answers.views()
    tombstone = {"username": "", "display_name": "", "tz": "UTC", "erased_at": "2026-11-21T12:00:00Z"}
    assert live[projections.profile(ANA)] == {**tombstone, "registered_at": "2026-11-21T12:00:00Z"}
    assert projections.password(ANA) not in live
    assert projections.session(a.a_token()) not in live
    assert live[projections.username("ana")] == ANA, "the name stays taken"
    assert live == await (await expected(effects)).views()
    await world.redis.flushall()
    again = await world.worker("views")
    for each in effects:
        await again.apply([each])
    await again.apply(effects)
    assert await world.answers.views() == live


async def test_what_a_session_is_found_by_goes_when_its_day_is_over(world: World) -> None:
    worker = await world.worker("views")
    ends = a.FAR.replace(hour=7)
    over = a.NOON - timedelta(days=400)  # a server has a clock of its own

    await worker.apply(logged(*(a.a_session(ANA, a.a_token(name), at) for name, at in (("x", ends), ("y", over)))))

    key = projections.sessions(ANA, ends)
    assert (await world.answers.views())[key] == {a.a_token("x")}
    assert await world.redis.expiretime(key) == int(projections.day_after(ends).timestamp())
    assert await world.redis.exists(projections.sessions(ANA, over)) == 0


async def test_whose_events_come_late_is_known_wherever_they_live(world: World, servers: Servers) -> None:
    worker = await world.worker("views")
    await worker.apply(logged(*LIFE, *END))
    known = Tombstones(servers.url)
    senders = (ANA, BEN, "an anonymous id", "0", a.a_user("nobody"), ANA)
    values = [a.an_events_record([a.a_track()], key=sender) for sender in senders]

    with pytest.raises(Incomplete):  # a rebuild must count as it was counted before
        await known(values)
    assert await known([a.an_events_record(key="ana"), a.user_erased(ANA)]) == [None, None], "nothing has to be asked"
    await world.redis.set(projections.EPOCH, "1")
    found = await known([*values, a.user_erased(ANA)])

    assert found == [a.NOON, None, None, None, None, a.NOON, None]
    assert await known([]) == []
    await known.close()
