"""`POST /v1/batch` and the single-call forms: raw ASGI, since a FastAPI route costs as much as the whole batch.

Redis, S3 and BigQuery may be away. 200 means: every accepted event is in Kafka with acks=all, or on our disk (`store`).
"""

import asyncio
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, get_args
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.types import Receive, Scope

from ingest import answers, body
from ingest.admission import Admission, Held
from ingest.answers import Answer
from ingest.doors import Clock
from ingest.keys import Holder, Keys
from ingest.rules import batch as rules
from ingest.rules.batch import Accepted, Envelope, Result
from ingest.rules.quotas import Headers
from ingest.rules.records import Record
from ingest.store import Durability, Store
from ingest.telemetry import Telemetry
from schemas.events import EventType
from schemas.problems import Refusal, Refused, refusal
from schemas.telemetry import EVENTS_RECEIVED, EVENTS_REJECTED

SINGLES: dict[str, EventType] = {f"/v1/{kind}": kind for kind in get_args(EventType)}
Named = Mapping[bytes, bytes]  # a request's headers, those that it names once
PATHS = frozenset({"/v1/batch", *SINGLES})
PARAMETERS = frozenset({"results", "writeKey"})
TYPES = ("application/json", "text/plain", "")  # text/plain: navigator.sendBeacon cannot say otherwise


class Collector:
    """Answers one batch; every refusal is raised as `Refusal`."""

    def __init__(self, store: Store, telemetry: Telemetry, keys: Keys, admission: Admission, clock: Clock) -> None:
        self._store = store
        self._admission = admission
        self._telemetry = telemetry
        self._keys = keys
        self._clock = clock

    async def __call__(self, scope: Scope, named: Named, receive: Receive, trace: str) -> Answer:
        """The answer to one POST to one of `PATHS`; `named` as `front.by_name` makes it."""
        query = _query(scope)
        key = given_key(named, query)
        holder = None if key is None else self._keys.holder(key)
        body.expect_type(scope, *TYPES)
        held = Held(self._admission, receive)
        try:
            raw = await body.read(scope, held.receiver(named), max_bytes=body.BATCH_BYTES)
            held.expect(len(raw))
            envelope = _envelope(scope["path"], raw)
            holder = holder or self._keys.holder(rules.text(envelope.write_key) or "")
            self._keys.take(holder, len(envelope.batch) - 1)
            return await self._stored(named, envelope, raw, holder, trace, told_all="all" in query.get("results", ()))
        finally:
            held.release()

    async def _stored(
        self, named: Named, envelope: Envelope, raw: bytes, holder: Holder, trace: str, *, told_all: bool
    ) -> Answer:
        app = holder.app
        country = _text(named, b"cf-ipcountry")
        judged = rules.accept(
            envelope, raw, app=app, batch_id=str(uuid4()), received_at=self._clock(), country=country, told_all=told_all
        )  # fmt: skip
        self._telemetry.count(EVENTS_RECEIVED, len(envelope.batch), app=app)
        self._count_rejected(judged, app)
        if not judged.records:
            raise Refusal(rules.refused(judged.results))
        kept = await self._kept(judged.records, trace)
        return _answer(judged.results, kept, self._keys.headers(holder), told_all=told_all)

    async def _kept(self, records: tuple[Record, ...], trace: str) -> Sequence[Durability]:
        if len(records) == 1:  # a phone's batch; tasks for one would cost as much as judging it
            return [await self._store.events(records[0], trace)]
        return await asyncio.gather(*(self._store.events(record, trace) for record in records))

    def _count_rejected(self, judged: Accepted, app: str) -> None:
        for result in judged.results:
            if result.result in ("rejected", "duplicate"):
                self._telemetry.count(EVENTS_REJECTED, app=app, code=result.code or "duplicate")


def _query(scope: Scope) -> dict[str, list[str]]:
    if not scope["query_string"]:
        return {}
    found = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if unknown := found.keys() - PARAMETERS:
        raise body.unknown_parameters(len(unknown), PARAMETERS)
    return found


def _envelope(path: str, raw: bytes) -> Envelope:
    """The batch in the body; refused when it cannot be read."""
    found = rules.envelope(raw) if path == "/v1/batch" else rules.single(raw, SINGLES[path])
    if isinstance(found, Refused):
        raise Refusal(found)
    return found


def _answer(results: tuple[Result, ...], kept: Sequence[Durability], limits: Headers, *, told_all: bool) -> Answer:
    """200; of the events only those that were not simply accepted, unless all are asked for."""
    shown = results if told_all else [result for result in results if result.result != "accepted"]
    told = {"success": True, "results": shown}
    answer = answers.told(200, {**told, "durability": "spool"} if "spool" in kept else told)
    return Answer(200, answer.body, {**answer.headers, **dict(limits)}) if limits else answer


def given_key(named: Named, query: dict[str, Any]) -> str | None:
    """The write key outside the body: Basic user name, X-Write-Key, or query (for sendBeacon)."""
    if b"authorization" in named:
        scheme, _, credentials = named[b"authorization"].decode("latin-1").partition(" ")
        if scheme.lower() == "basic":
            return _basic_user(credentials)
    return _text(named, b"x-write-key") or next(iter(query.get("writeKey", ())), None)


def _text(named: Named, name: bytes) -> str | None:
    value = named.get(name)
    return None if value is None else value.decode("latin-1")


def _basic_user(credentials: str) -> str:
    try:
        return b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError as error:  # of base64 and of UTF-8 alike
        raise refusal("invalid_key", "the Basic credentials are not base64") from error
