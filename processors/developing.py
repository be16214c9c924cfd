"""The rule of `develop`: pure in what it gives, but the film runs in a child process, so it is a coroutine function."""

from collections.abc import Iterable

from processors.intents import Intent
from processors.rules import develop
from processors.rules.film import Spoiled
from processors.sandbox import Sandbox
from processors.stores.objects import Missing
from schemas.facts import Fact, PhotoCaptured

_SANDBOX = Sandbox()  # children start with the first photo and die with this process


async def developed(fact: Fact, original: bytes | Missing | None) -> Iterable[Intent]:
    """Renditions and the fact that says so, or the fact that the photo is spoiled. Other facts ask for nothing.

    Raises `OSError` when no child can be started (tried again), `FilmError` when the film has a mistake (dead letter).
    """
    match fact, original:
        case PhotoCaptured(), bytes():
            return tuple(develop.outcome(fact, await _SANDBOX.develop(original, fact.film)))
        case PhotoCaptured(), Missing(reason=reason):
            return tuple(develop.outcome(fact, Spoiled(reason)))
        case _:
            return ()
