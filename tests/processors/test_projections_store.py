"""One suite on the twin, one real Valkey, and three that share the buckets: what a store of projections promises."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from processors.intents import (
    Arrive,
    Claim,
    Count,
    Exclude,
    Follow,
    Forget,
    Include,
    Insert,
    Intent,
    Mark,
    Point,
    Publish,
    Raise,
    Remove,
    Save,
    Sketch,
    Tally,
    Unfollow,
    Withdraw,
)
from processors.processor import Effects, Store
from processors.stores.projections import Projections
from schemas import conversations, projections
from schemas.ids import PhotoId, UserId
from schemas.projections import place
from tests import builders as a
from tests import talks
from tests.processors.answers import Answers
from tests.spread import spread
from tests.twins.projections import ProjectionsTwin, Value
from tests.valkey import Fleet, Valkey, running_fleet

ANA, BEN, CLEO = a.a_user("ana", 7), a.a_user("ben", 7), a.a_user("cleo", 60)
ROLL = a.a_roll(ANA)
TALK = talks.a_conversation(ANA, CLEO)
MINUTE = projections.minute(a.NOON)


class Questions(Protocol):
    async def views(self) -> dict[str, Value]: ...

    async def feed(self, reader: UserId) -> list[PhotoId]: ...


class Clock:
    """Stands at noon until a test moves it."""

    def __init__(self) -> None:
        self.now = a.NOON

    def __call__(self) -> datetime:
        return self.now


class House:
    """A store, what it says, and the next place in the log."""

    def __init__(self, store: Store, answers: Questions, clock: Clock) -> None:
        self.store, self.answers, self.clock = store, answers, clock
        self._end = 0

    async def do(self, *intents: Intent) -> Effects:
        """One more record whose rule wants these."""
        effects = Effects(a.an_origin(self._end), intents)
        self._end += 1
        await self.store.apply([effects])
        return effects

    async def again(self, *effects: Effects) -> None:
        await self.store.apply(effects)

    async def view(self, key: str) -> Value | None:
        return (await self.answers.views()).get(key)

    async def feed(self, reader: UserId) -> Sequence[PhotoId]:
        return await self.answers.feed(reader)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture(params=["twin", "one server", "three servers"])
async def house(request: pytest.FixtureRequest, server: Valkey, fleet: Fleet) -> AsyncIterator[House]:
    clock = Clock()
    if request.param == "twin":
        twin = ProjectionsTwin(clock)
        yield House(twin, twin, clock)
        return
    url = server.url if request.param == "one server" else fleet.url
    redis = spread(url)
    await redis.flushall()
    store = Projections("feeds", url, clock)
    await store.open()
    yield House(store, Answers(redis, clock), clock)
    await store.close()
    await redis.aclose()


# --- views ------------------------------------------------------------------------------------------------------------


async def test_fields_of_two_facts_stand_side_by_side(house: House) -> None:
    await house.do(Save(projections.profile(ANA), {"username": "ana", "tz": "UTC"}))
    await house.do(Save(projections.profile(ANA), {"tz": "Europe/Lisbon"}))

    assert await house.view(projections.profile(ANA)) == {"username": "ana", "tz": "Europe/Lisbon"}


async def test_a_set_holds_who_came_and_did_not_leave(house: House) -> None:
    key = projections.members(ROLL)
    await house.do(Include(key, ANA), Include(key, BEN), Include(key, CLEO))
    await house.do(Exclude(key, BEN))

    assert await house.view(key) == {ANA, CLEO}


async def test_places_stand_in_the_order_of_the_reveal(house: House) -> None:
    key, (first, second, third) = projections.user_photos(ANA), (a.a_photo(ANA, number) for number in (1, 2, 3))
    await house.do(Insert(key, place(third)), Insert(key, place(first)), Insert(key, place(second)))
    await house.do(Remove(key, place(second)))

    assert await house.view(key) == [place(first), place(third)]


async def test_what_arrives_stands_by_the_offset_of_its_first_record(house: House) -> None:
    key = conversations.messages(TALK)
    late, early = talks.a_message(TALK, 2), talks.a_message(TALK, 1)
    first = await house.do(Arrive(key, late))
    await house.do(Arrive(key, early))
    await house.do(Arrive(key, late))
    await house.again(first)

    assert await house.view(key) == [f"{late} 0", f"{early} 1"]


async def test_a_score_is_only_ever_raised(house: House) -> None:
    key, far = conversations.inbox(ANA), 2**53 - 1
    await house.do(Raise(key, "1", 7), Raise(key, "2", far), Raise(key, "3", 5))
    await house.do(Raise(key, "1", 6), Raise(key, "2", far - 1), Raise(key, "3", 8))

    assert await house.view(key) == ["1 7", "3 8", f"2 {far}"]


async def test_a_mark_is_as_far_as_what_it_names_and_never_goes_back(house: House) -> None:
    order, marks = conversations.messages(TALK), conversations.marks(TALK)
    messages = [talks.a_message(TALK, number) for number in (3, 1, 2)]
    for message in messages:
        await house.do(Arrive(order, message))
    await house.do(Mark(marks, ANA, order, messages[1]), Mark(marks, BEN, order, messages[2]))
    await house.do(Mark(marks, ANA, order, messages[0]), Mark(marks, CLEO, order, talks.a_message(TALK, 9)))

    assert await house.view(marks) == [f"{ANA} 1", f"{BEN} 2"]


async def test_a_text_lives_until_its_time(house: House) -> None:
    await house.do(Point(projections.session("for ever"), ANA), Point(projections.session("long"), ANA, a.FAR))
    await house.do(Point(projections.session("past"), ANA, a.MORNING - timedelta(days=3000)))

    assert await house.view(projections.session("for ever")) == ANA
    assert await house.view(projections.session("long")) == ANA
    assert await house.view(projections.session("past")) is None


async def test_of_several_claims_the_smallest_id_stands_whatever_came_first(house: House) -> None:
    first, second = sorted((ANA, CLEO), key=int)
    await house.do(Claim(projections.username("ana"), second), Claim(projections.username("ben"), first))
    await house.do(Claim(projections.username("ana"), first), Claim(projections.username("ben"), second))
    await house.do(Claim(projections.username("cleo"), UserId("99")))
    await house.do(Claim(projections.username("cleo"), UserId("100")))

    assert await house.view(projections.username("ana")) == first
    assert await house.view(projections.username("ben")) == first
    assert await house.view(projections.username("cleo")) == "99", "ids are numbers, not text"


async def test_a_forgotten_text_is_gone(house: House) -> None:
    await house.do(Point(projections.password(ANA), "hash"))
    await house.do(Forget(projections.password(ANA)))

    assert await house.view(projections.password(ANA)) is None


async def test_a_count_done_twice_counts_once(house: House) -> None:
    first = await house.do(Count(MINUTE, "events", 3), Count(MINUTE, "events:track", 3))
    last = await house.do(Count(MINUTE, "events", 4))

    await house.again(first, last)
    await house.again(last)

    assert await house.view(MINUTE) == {"events": "7", "events:track": "3"}


async def test_a_tally_says_how_many_there_are_and_a_second_delivery_changes_nothing(house: House) -> None:
    photo = a.a_photo(ANA)
    card, said, gone = projections.card(photo), projections.comments(photo), projections.deleted_comments(photo)
    ids = [a.a_comment(BEN, number) for number in (1, 2)]
    likes = Tally(card, "likes", projections.likers(photo))
    liked = await house.do(*(Include(likes.of, user) for user in (ANA, BEN, CLEO)), likes)
    await house.do(Exclude(likes.of, BEN), likes)
    await house.do(Insert(said, place(ids[0])), Insert(said, place(ids[1])), Tally(card, "comments", said, gone))
    await house.do(Include(gone, ids[0]), Tally(card, "comments", said, gone))
    await house.again(liked)

    assert await house.view(card) == {"likes": "2", "comments": "1"}
    await house.do(*(Include(gone, comment) for comment in ("7", "8", "9")), Tally(card, "comments", said, gone))
    assert await house.view(card) == {"likes": "2", "comments": "0"}, "a deletion may come before what it deletes"


async def test_a_sketch_knows_how_many_it_has_seen(house: House) -> None:
    await house.do(Sketch(projections.active(a.NOON), (ANA, BEN)))
    await house.do(Sketch(projections.active(a.NOON), (BEN, CLEO)))

    assert await house.view(projections.active(a.NOON)) == 3


async def test_an_older_record_after_a_newer_one_changes_nothing(house: House) -> None:
    older = await house.do(Include(projections.following(ANA), BEN), Include(projections.followers(BEN), ANA))
    await house.do(Exclude(projections.following(ANA), BEN), Exclude(projections.followers(BEN), ANA))

    await house.again(older)

    assert await house.view(projections.following(ANA)) is None


async def test_another_partition_has_offsets_of_its_own(house: House) -> None:
    await house.do()
    await house.do(Count(MINUTE, "facts", 1))

    await house.again(Effects(a.an_origin(0, partition=1), (Count(MINUTE, "facts", 1),)))

    assert await house.view(MINUTE) == {"facts": "2"}


async def test_many_records_in_one_batch_are_done_in_order(house: House) -> None:
    key = projections.following(ANA)
    batch = [Effects(a.an_origin(n), (Include(key, BEN) if n % 2 else Exclude(key, BEN),)) for n in range(100)]

    await house.again(*batch)

    assert await house.view(key) == {BEN}


# --- feeds ------------------------------------------------------------------------------------------------------------


async def registered(house: House, *users: UserId) -> None:
    for user in users:
        await house.do(Follow(user, user))


async def test_a_photo_reaches_its_author_and_who_follows(house: House) -> None:
    await registered(house, ANA, BEN, CLEO)
    await house.do(Follow(CLEO, ANA))

    await house.do(Publish(ANA, a.a_photo(ANA)))

    assert await house.feed(ANA) == await house.feed(CLEO) == [a.a_photo(ANA)]
    assert await house.feed(BEN) == []


async def test_a_follow_brings_what_was_there_before(house: House) -> None:
    await registered(house, ANA, BEN)
    await house.do(Publish(ANA, a.a_photo(ANA, 1)))
    await house.do(Publish(BEN, a.a_photo(BEN, 2)))
    await house.do(Publish(ANA, a.a_photo(ANA, 3)))

    await house.do(Follow(BEN, ANA))

    assert await house.feed(BEN) == [a.a_photo(ANA, 3), a.a_photo(BEN, 2), a.a_photo(ANA, 1)]


async def test_an_unfollow_takes_it_away_and_nothing_comes_later(house: House) -> None:
    await registered(house, ANA, BEN)
    await house.do(Follow(BEN, ANA))
    await house.do(Publish(ANA, a.a_photo(ANA, 1)))

    await house.do(Unfollow(BEN, ANA))
    await house.do(Publish(ANA, a.a_photo(ANA, 2)))

    assert await house.feed(BEN) == []


async def test_follow_unfollow_follow_is_a_follow(house: House) -> None:
    await registered(house, ANA, BEN)
    await house.do(Publish(ANA, a.a_photo(ANA)))
    for intent in (Follow(BEN, ANA), Unfollow(BEN, ANA), Follow(BEN, ANA)):
        await house.do(intent)

    assert await house.feed(BEN) == [a.a_photo(ANA)]


async def test_a_withdrawn_photo_leaves_every_feed_and_stays_away(house: House) -> None:
    await registered(house, ANA, BEN, CLEO)
    await house.do(Follow(CLEO, ANA))
    published = await house.do(Publish(ANA, a.a_photo(ANA)))

    await house.do(Withdraw(ANA, a.a_photo(ANA)))
    await house.again(published)
    await house.do(Follow(BEN, ANA))

    assert await house.feed(ANA) == await house.feed(BEN) == await house.feed(CLEO) == []


async def test_photos_stand_in_the_order_of_their_reveal_not_of_their_arrival(house: House) -> None:
    await registered(house, ANA)
    for number in (20, 3, 40, 1, 41, 2):
        await house.do(Publish(ANA, a.a_photo(ANA, number)))

    assert await house.feed(ANA) == [a.a_photo(ANA, number) for number in (41, 40, 20, 3, 2, 1)]


async def test_a_sealed_photo_comes_when_its_second_has_come(house: House) -> None:
    await registered(house, ANA, BEN)
    await house.do(Follow(BEN, ANA))
    tomorrow = a.a_photo(ANA, reveal_at=a.TOMORROW)
    await house.do(Publish(ANA, tomorrow))

    house.clock.now = a.TOMORROW - timedelta(seconds=1)
    assert await house.feed(BEN) == []
    house.clock.now = a.TOMORROW
    assert await house.feed(BEN) == [tomorrow]


async def test_a_sealed_photo_that_was_taken_back_never_comes(house: House) -> None:
    await registered(house, ANA, BEN)
    await house.do(Follow(BEN, ANA))
    tomorrow = a.a_photo(ANA, reveal_at=a.TOMORROW)
    await house.do(Publish(ANA, tomorrow))
    await house.do(Withdraw(ANA, tomorrow))

    house.clock.now = a.TOMORROW
    assert await house.feed(ANA) == await house.feed(BEN) == []


async def test_a_later_write_puts_what_came_due_into_its_place(house: House) -> None:
    await registered(house, ANA)
    soon, far = a.NOON + timedelta(seconds=10), a.TOMORROW + timedelta(days=1)
    for reveal in (far, soon, a.TOMORROW, a.MORNING):
        await house.do(Publish(ANA, a.a_photo(ANA, 1, reveal)))

    house.clock.now = a.TOMORROW + timedelta(hours=1)
    await house.do(Publish(ANA, a.a_photo(ANA, 1, a.TOMORROW + timedelta(seconds=1))))

    came = [a.a_photo(ANA, 1, at) for at in (a.TOMORROW + timedelta(seconds=1), a.TOMORROW, soon, a.MORNING)]
    assert await house.feed(ANA) == came


async def test_ids_of_unequal_length_stand_in_the_order_of_numbers(house: House) -> None:
    await registered(house, ANA)
    short, long, longer = (PhotoId(text) for text in ("89", "100", "8223372036854775"))
    for photo in (long, short, longer):
        await house.do(Publish(ANA, photo))

    assert await house.feed(ANA) == [longer, long, short]


async def test_one_feed_of_many_readers_in_one_bucket(house: House) -> None:
    readers = [a.a_user(f"reader {n}", bucket=7 if n % 2 else 9) for n in range(1100)]
    batch = [Effects(a.an_origin(n, 1), (Follow(reader, reader),)) for n, reader in enumerate(readers)]
    batch += [Effects(a.an_origin(n, 2), (Follow(reader, ANA),)) for n, reader in enumerate(readers)]
    await house.again(*batch)

    await house.do(Publish(ANA, a.a_photo(ANA)))

    missed = [reader for reader in readers[::97] + readers[-2:] if list(await house.feed(reader)) != [a.a_photo(ANA)]]
    assert missed == []


async def test_a_feed_keeps_its_newest_photos(house: House) -> None:
    await registered(house, ANA)
    newest_first = [a.a_photo(ANA, number) for number in range(450, 0, -1)]
    await house.again(*(Effects(a.an_origin(n, 1), (Publish(ANA, p),)) for n, p in enumerate(newest_first[::-1])))

    assert await house.feed(ANA) == newest_first[: projections.FEED_CAP]


# --- progress ---------------------------------------------------------------------------------------------------------


async def test_a_store_that_has_seen_nothing_remembers_nothing(house: House) -> None:
    assert await house.store.progress() == {}


async def test_progress_is_the_next_offset_even_of_records_that_ask_for_nothing(house: House) -> None:
    await house.again(Effects(a.an_origin(41, 1), ()), Effects(a.an_origin(7, 2), ()), Effects(a.an_origin(42, 1), ()))

    assert await house.store.progress() == {("facts.v1", 1): 43, ("facts.v1", 2): 8}


async def test_progress_never_goes_back(house: House) -> None:
    await house.again(Effects(a.an_origin(9), ()))
    await house.again(Effects(a.an_origin(10), ()))
    await house.again(Effects(a.an_origin(9), ()))

    assert await house.store.progress() == {("facts.v1", 0): 11}
