"""Secrets, and analytics as clients send them and as they stand in the log."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from schemas.events import EventsRecord
from schemas.ids import UserId
from schemas.secrets import Password, Session
from tests.builders.ids import (
    FAR,
    NOON,
    a_fact_id,
    a_token,
    a_user,
)


def a_password(user: UserId | None = None, hash: str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA") -> Password:
    return Password(user=user or a_user(), hash=hash)


def a_session(user: UserId | None = None, token_sha256: str | None = None, expires_at: datetime = FAR) -> Session:
    return Session(token_sha256=token_sha256 or a_token(), user=user or a_user(), expires_at=expires_at)


def a_track(event: str = "Photo Taken", **members: object) -> dict[str, object]:
    """One analytics event as a client sends it."""
    return {"type": "track", "event": event, "userId": "ana", "messageId": f"m-{event}", **members}


def an_events_record(
    events: Sequence[Mapping[str, object]] | None = None,
    key: str = "ana",
    received_at: datetime = NOON,
    app: str = "test",
) -> EventsRecord:
    sent = [msgspec.json.encode(event) for event in ([a_track()] if events is None else events)]
    batch, raws = str(a_fact_id("batch", sent)), tuple(map(msgspec.Raw, sent))
    return EventsRecord(app=app, batch_id=batch, received_at=received_at, key=key, events=raws)
