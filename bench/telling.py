"""What the app tells of a visit, as docs/analysts.md asks of apps. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bench.community import Visit

BETWEEN = timedelta(seconds=7)  # one thing and the next


class Told(NamedTuple):
    """One event."""

    at: datetime
    name: str
    properties: dict[str, Any]


def told(visit: Visit, views: Sequence[str], shares: Sequence[str]) -> list[Told]:
    """Everything, in the order in which the app says it; `views` and `shares` are photos."""
    during: list[tuple[str, dict[str, Any]]] = [("App Opened", {})]
    during += [("Photo Viewed", {"photo": photo, "feed": "home"}) for photo in views]
    during.append(("Feed Scrolled", {"feed": "home", "depth": visit.depth}))
    during += [("Photo Shared", {"photo": photo, "to": "message"}) for photo in shares]
    return [
        *_push(visit),
        *(Told(visit.at + number * BETWEEN, name, properties) for number, (name, properties) in enumerate(during)),
    ]


def _push(visit: Visit) -> list[Told]:
    """The one that came before the visit, and perhaps led to it."""
    if visit.push is None:
        return []
    named = {"push": f"{visit.push.kind}-{visit.person}-{visit.at:%m%d%H%M%S}", "kind": visit.push.kind}
    received = Told(visit.at - visit.push.waited, "Push Received", named)
    return [received, Told(visit.at, "Push Opened", named)] if visit.push.is_opened else [received]
