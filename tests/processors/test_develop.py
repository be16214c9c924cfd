from processors.developing import developed
from processors.intents import Append, Put
from processors.rules.develop import outcome
from processors.rules.film import Developed, Rendition, Spoiled
from processors.stores.objects import Missing
from schemas.facts import PhotoDeveloped, PhotoSpoiled
from schemas.ids import derived_fact_id
from tests.builders import a_user, photo_captured, user_followed

MADE = Developed(
    (
        Rendition("large", 2048, 1536, b"L" * 9),
        Rendition("medium", 1080, 810, b"M"),
        Rendition("small", 320, 240, b"S"),
    ),
    2048,
    1536,
    "LEHV6nWB2yk8",
)


def test_a_developed_photo_lies_in_the_bucket_before_a_fact_names_it() -> None:
    fact = photo_captured()

    *puts, append = outcome(fact, MADE)

    assert [intent.body for intent in puts if isinstance(intent, Put)] == [b"L" * 9, b"M", b"S"]
    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoDeveloped)
    assert [found.key for found in append.fact.renditions] == [put.key for put in puts if isinstance(put, Put)]
    assert all(fact.secret in found.key for found in append.fact.renditions)
    assert (append.fact.by, append.fact.photo, append.fact.roll) == (fact.by, fact.photo, fact.roll)
    assert append.fact.visibility == fact.visibility


def test_developing_twice_makes_the_same_fact() -> None:
    fact = photo_captured()

    assert list(outcome(fact, MADE)) == list(outcome(fact, MADE))


def test_a_photo_that_cannot_be_developed_is_spoiled_and_leaves_no_picture() -> None:
    fact = photo_captured()

    (append,) = outcome(fact, Spoiled("not_an_image"))

    assert append == Append(
        PhotoSpoiled(
            id=derived_fact_id(fact.id, "PhotoSpoiled"), at=fact.at, by=fact.by, photo=fact.photo, reason="not_an_image"
        )
    )


async def test_a_missing_original_spoils_its_photo() -> None:
    (append,) = await developed(photo_captured(), Missing("original_missing"))

    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoSpoiled)
    assert append.fact.reason == "original_missing"


async def test_other_facts_ask_for_nothing() -> None:
    assert list(await developed(user_followed(a_user("ana"), a_user("ben")), None)) == []
