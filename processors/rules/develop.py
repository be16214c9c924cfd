"""What becomes of a captured photo once the film has been at it."""

from collections.abc import Iterator

from processors.intents import Append, Put, Sweep
from processors.rules.film import Developed, Rendition, Spoiled
from schemas import objects
from schemas.facts import PhotoCaptured, PhotoDeleted, PhotoDeveloped, PhotoSpoiled, RenditionFact, UserErased
from schemas.ids import derived_fact_id

# How a file of each type that we take begins.
BEGINS = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF", b"WEBP"),
    **dict.fromkeys(("image/heic", "image/heif"), (b"ftyp",)),  # phones use either name; which kind, the film tells
}

# What a person is told. The film's own words tell more, to operators in the log: they change with the film, and a fact
# is for ever. A reason that is not here (a missing original, a limit of the sandbox) is told as it is.
TOLD = {
    "too_many_pixels": "image_too_large",
    "too_much_memory": "image_too_large",
    "original_too_large": "image_too_large",
    **dict.fromkeys(
        ("not_an_image", "unsupported_type", "another_type", "too_many_scans", "truncated", "damaged"), "bad_image"
    ),
}


def mislabelled(content_type: str, original: bytes) -> bool:
    """True when `original` does not begin as a file of the type that its ticket was for."""
    return not all(part in original[:16] for part in BEGINS.get(content_type, (b"",)))


def outcome(fact: PhotoCaptured, made: Developed | Spoiled) -> Iterator[Put | Append]:
    """Renditions into the bucket first, then the fact that names them: who reads the fact finds them there.

    The new fact has the id and the moment of its source, so developing twice makes the same fact twice.
    """
    match made:
        case Developed():
            for rendition in made.renditions:
                yield Put(objects.rendition(fact.photo, fact.secret, rendition.name), "image/jpeg", rendition.jpeg)
            yield Append(_developed(fact, made))
        case Spoiled(reason=reason):
            yield Append(
                PhotoSpoiled(
                    id=derived_fact_id(fact.id, "PhotoSpoiled"),
                    at=fact.at,
                    by=fact.by,
                    photo=fact.photo,
                    reason=TOLD.get(reason, reason),
                )
            )


def leftovers(fact: PhotoDeleted | UserErased) -> Sweep:
    """What is of no use to anybody once this has happened. Of a photo that is taken back the original stays for now.

    A deletion stands after its photo in the log, so whatever is developed in between goes, too. A photo whose original
    is gone before it is developed is spoiled.
    """
    match fact:
        case PhotoDeleted(photo=photo):
            return Sweep(objects.renditions(photo))
        case UserErased(by=user):
            return Sweep(objects.originals(user))


def _developed(fact: PhotoCaptured, made: Developed) -> PhotoDeveloped:
    return PhotoDeveloped(
        id=derived_fact_id(fact.id, "PhotoDeveloped"),
        at=fact.at,
        by=fact.by,
        photo=fact.photo,
        width_px=made.width_px,
        height_px=made.height_px,
        placeholder=made.placeholder,
        renditions=tuple(_named(fact, rendition) for rendition in made.renditions),
        roll=fact.roll,
        visibility=fact.visibility,
    )


def _named(fact: PhotoCaptured, rendition: Rendition) -> RenditionFact:
    return RenditionFact(
        name=rendition.name,
        key=objects.rendition(fact.photo, fact.secret, rendition.name),
        width_px=rendition.width_px,
        height_px=rendition.height_px,
        bytes=len(rendition.jpeg),
    )
