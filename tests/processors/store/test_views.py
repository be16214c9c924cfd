"""What a store of projections promises of views, on the twin and on real servers."""

from datetime import timedelta

from processors.intents import (
    Arrive,
    Claim,
    Count,
    Exclude,
    Forget,
    Include,
    Insert,
    Mark,
    Point,
    Raise,
    Remove,
    Save,
    Sketch,
    Tally,
)
from processors.processor import Effects
from schemas import conversations, projections
from schemas.ids import UserId
from schemas.projections import place
from tests import builders as a
from tests import talks
from tests.processors.store.house import House

ANA, BEN, CLEO = a.a_user("ana", 7), a.a_user("ben", 7), a.a_user("cleo", 60)
ROLL = a.a_roll(ANA)
TALK = talks.a_conversation(ANA, CLEO)
MINUTE = projections.minute(a.NOON)


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
