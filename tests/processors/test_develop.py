from typing import get_args

import pytest
from PIL import Image

from processors.developing import developed
from processors.intents import Append, Put, Sweep
from processors.rules.develop import TOLD, mislabelled, outcome
from processors.rules.film import Developed, Rendition, Spoiled
from processors.rules.negatives import Refusal
from processors.stores.objects import Missing
from schemas.facts import PhotoDeveloped, PhotoSpoiled
from schemas.ids import UploadId, derived_fact_id
from schemas.objects import UPLOAD_TYPES, original
from tests import photographs as pictures
from tests.builders import a_user, photo_captured, photo_deleted, user_erased, user_followed

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


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("not_an_image", "bad_image"),
        ("too_many_pixels", "image_too_large"),
        ("film_timeout", "film_timeout"),
        *((reason, TOLD[reason]) for reason in get_args(Refusal)),
    ],
)
def test_a_photo_that_cannot_be_developed_is_spoiled_and_leaves_no_picture(reason: str, told: str) -> None:
    fact = photo_captured()

    (append,) = outcome(fact, Spoiled(reason))

    assert append == Append(
        PhotoSpoiled(id=derived_fact_id(fact.id, "PhotoSpoiled"), at=fact.at, by=fact.by, photo=fact.photo, reason=told)
    )


@pytest.mark.parametrize("label", UPLOAD_TYPES)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_file_of_another_type_than_its_ticket_is_mislabelled(label: str, kind: str) -> None:
    original = pictures.saved(Image.new("RGB", (8, 8)), kind)

    assert mislabelled(label, original) == (label != f"image/{kind.lower()}")
    assert mislabelled(label, b"")


async def test_a_missing_original_spoils_its_photo() -> None:
    (append,) = await developed(photo_captured(), Missing("original_missing"))

    assert isinstance(append, Append)
    assert isinstance(append.fact, PhotoSpoiled)
    assert append.fact.reason == "original_missing"


async def test_other_facts_ask_for_nothing() -> None:
    assert list(await developed(user_followed(a_user("ana"), a_user("ben")), None)) == []


async def test_what_a_deletion_leaves_is_swept_away_and_nothing_else() -> None:
    taken, ana = photo_captured(), a_user("ana")
    keys = [put.key for put in outcome(taken, MADE) if isinstance(put, Put)]

    (renditions,) = await developed(photo_deleted(taken.by, taken.photo), None)
    (originals,) = await developed(user_erased(ana), None)

    assert isinstance(renditions, Sweep)
    assert renditions.prefix == f"{taken.photo}/"
    assert all(key.startswith(renditions.prefix) for key in keys)
    assert originals == Sweep(f"uploads/{ana}/")
    assert original(ana, UploadId("0" * 32)).startswith(f"uploads/{ana}/")
