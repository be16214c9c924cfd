"""What a store of projections promises of feeds, on the twin and on real servers."""

from datetime import timedelta

from processors.intents import Follow, Publish, Unfollow, Withdraw
from processors.processor import Effects
from schemas import projections
from schemas.ids import PhotoId, UserId
from tests import builders as a
from tests.processors.store.house import House

ANA, BEN, CLEO = a.a_user("ana", 7), a.a_user("ben", 7), a.a_user("cleo", 60)


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
