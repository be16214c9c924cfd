"""What becomes of a captured photo once the film has been at it."""

from collections.abc import Iterator

from processors.intents import Append, Put
from processors.rules.film import Developed, Rendition, Spoiled
from schemas import objects
from schemas.facts import PhotoCaptured, PhotoDeveloped, PhotoSpoiled, RenditionFact
from schemas.ids import derived_fact_id


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
                    id=derived_fact_id(fact.id, "PhotoSpoiled"), at=fact.at, by=fact.by, photo=fact.photo, reason=reason
                )
            )


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
