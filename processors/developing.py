"""The rule of `develop`: pure in what it gives, but the film runs in a child process, so it is a coroutine function."""

from collections.abc import Iterable
from datetime import date

import structlog

from processors.intents import Intent
from processors.rules import develop
from processors.rules.film import Developed, Spoiled
from processors.sandbox import Sandbox
from processors.stores.objects import Missing, Original
from schemas.facts import Fact, PhotoCaptured, PhotoDeleted, UserErased

log = structlog.get_logger(__name__)

_SANDBOX = Sandbox()  # children start with the first photo and die with this process


async def developed(fact: Fact, original: Original | Missing | None) -> Iterable[Intent]:
    """Renditions and the fact that says so, or the fact that the photo is spoiled; what a deletion leaves goes.

    Other facts ask for nothing.

    Raises `OSError` when no child can be started (tried again), `FilmError` when the film has a mistake (dead letter).
    """
    match fact, original:
        case PhotoCaptured(), Original() | Missing():
            made = await _made(fact.film, fact.taken_on, original)
            if isinstance(made, Spoiled):
                log.info("a photo is spoiled", photo=fact.photo, reason=made.reason)
            return tuple(develop.outcome(fact, made))
        case PhotoDeleted() | UserErased(), _:
            return (develop.leftovers(fact),)
        case _:
            return ()


async def _made(film: str, day: date | None, original: Original | Missing) -> Developed | Spoiled:
    if isinstance(original, Missing):
        return Spoiled(original.reason)
    if develop.mislabelled(original.content_type, original.body):
        return Spoiled("another_type")
    return await _SANDBOX.develop(original.body, film, day)
