import asyncio
import hashlib
from datetime import datetime
from typing import Any

import httpx
import pytest

from local.stack import Stack
from schemas import hashes, ids, projections
from schemas.facts import PhotoCaptured, PhotoDeleted
from schemas.hashes import Card
from schemas.settings import Settings
from tests.builders import a_photo
from tests.ingest.recorded import fact_of
from tests.ingest.world import Person, World

IMAGE = b"\xff\xd8\xff\xe0 not much of a picture \xff\xd9"


async def uploaded(world: World, by: Person, image: bytes = IMAGE, **members: Any) -> str:
    """Puts the image into the store with a ticket, as a phone does."""
    ticket = (await world.post("/v1/uploads", by, content_type="image/jpeg", bytes=len(image), **members)).json()
    stored = await put(ticket, image)
    assert stored.status_code in (200, 204), stored.text
    return str(ticket["upload_id"])


async def put(ticket: dict[str, Any], image: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as phone:
        return await phone.post(ticket["url"], data=ticket["fields"], files={"file": ("a.jpg", image, "image/jpeg")})


async def test_an_upload_becomes_a_photo_whose_id_says_when_it_is_revealed(world: World, parts: Stack) -> None:
    ana = await world.person()
    roll, upload = await world.roll(ana, develop="10s"), await uploaded(world, ana)

    answer = await world.post("/v1/photos", ana, upload_id=upload, roll=roll, caption="Fog.")

    fact, told = fact_of(parts.settings, answer), answer.json()["photo"]
    assert answer.status_code == 201
    assert isinstance(fact, PhotoCaptured)
    assert (told["id"], datetime.fromisoformat(told["reveal_at"])) == (fact.photo, fact.reveal_at)
    assert ids.second(fact.photo) == fact.reveal_at
    assert 0 < (fact.reveal_at - fact.at).total_seconds() <= 10, "every ten seconds, counted from the roll's opening"
    assert fact.original == f"uploads/{ana.user}/{upload}"
    assert fact.etag.strip('"') == hashlib.md5(IMAGE).hexdigest()
    assert (fact.visibility, fact.personal.caption, len(fact.secret)) == ("private", "Fog.", 32)


async def test_an_upload_becomes_one_photo_however_often_it_is_told(world: World) -> None:
    ana = await world.person()
    upload = await uploaded(world, ana)

    first = await world.post("/v1/photos", ana, upload_id=upload)
    again = await world.post("/v1/photos", ana, upload_id=upload, caption="changed")
    at_once = await asyncio.gather(*(world.post("/v1/photos", ana, upload_id=upload) for _ in range(5)))

    assert {answer.json()["photo"]["id"] for answer in (first, again, *at_once)} == {first.json()["photo"]["id"]}
    assert "x-position" not in again.headers


async def test_a_key_must_not_come_back_with_another_upload(world: World) -> None:
    ana = await world.person()
    headers = {"idempotency-key": "k", **ana.headers}

    codes = [
        (
            await world.http.post("/v1/photos", json={"upload_id": await uploaded(world, ana)}, headers=headers)
        ).status_code
        for _ in range(2)
    ]

    assert codes == [201, 422]


async def test_a_ticket_that_was_not_used_or_is_another_s_makes_no_photo(world: World) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    bens = await uploaded(world, ben)
    unused = (await world.post("/v1/uploads", ana, content_type="image/jpeg", bytes=9)).json()["upload_id"]

    answers = [await world.post("/v1/photos", ana, upload_id=upload) for upload in (unused, bens)]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(422, "upload_missing"), (404, "not_found")]
    await put_late(world, ana, unused)


async def put_late(world: World, ana: Person, upload: str) -> None:
    """A refused photo leaves nothing behind that hinders a second try."""
    await world.room.doors.objects.put(ana.user, upload, "image/jpeg", IMAGE)  # type: ignore[arg-type]
    assert (await world.post("/v1/photos", ana, upload_id=upload)).status_code == 201


async def test_a_ticket_takes_one_key_one_type_and_one_size(world: World) -> None:
    ana = await world.person()
    ticket = (await world.post("/v1/uploads", ana, content_type="image/jpeg", bytes=len(IMAGE))).json()
    fields = ticket["fields"]

    refused = [
        await put(ticket, IMAGE + b"!"),
        await put(ticket, IMAGE[:-1]),
        await put({**ticket, "fields": {**fields, "key": fields["key"] + "x"}}, IMAGE),
        await put({**ticket, "fields": {**fields, "Content-Type": "text/html"}}, IMAGE),
        await put({**ticket, "fields": {**fields, "policy": "A" + fields["policy"][1:]}}, IMAGE),
    ]

    assert all(400 <= answer.status_code < 500 for answer in refused), [answer.status_code for answer in refused]
    assert fields["key"] == f"uploads/{ana.user}/{ticket['upload_id']}"


async def test_a_ticket_with_a_checksum_takes_these_bytes_only(world: World) -> None:
    ana = await world.person()
    digest = hashlib.sha256(IMAGE).hexdigest()
    ticket = (await world.post("/v1/uploads", ana, content_type="image/jpeg", bytes=len(IMAGE), sha256=digest)).json()

    good, other = await put(ticket, IMAGE), await put(ticket, IMAGE[::-1])

    assert (good.status_code < 300, other.status_code >= 400) == (True, True), (good.status_code, other.status_code)


async def test_a_picture_may_be_the_body_itself(world: World, parts: Stack) -> None:
    ana = await world.person()
    roll = await world.roll(ana)
    headers = {"content-type": "image/jpeg", "idempotency-key": "k", **ana.headers}
    where = f"/v1/photos?roll={roll}&caption=Fog&taken_at=2026-11-21T12:00:00%2B01:00"

    answers = [await world.http.post(where, content=IMAGE, headers=headers) for _ in range(2)]

    fact = fact_of(parts.settings, answers[0])
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert isinstance(fact, PhotoCaptured)
    assert (fact.roll, fact.personal.caption) == (roll, "Fog")
    found = await world.room.doors.objects.head(ana.user, fact.upload)
    assert found is not None
    assert (found.etag, found.bytes) == (fact.etag, len(IMAGE))


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("?debug=1", IMAGE, 422, "unknown_param"),
        ("?roll=x", IMAGE, 422, "bad_id"),
        ("?upload_id=" + "0" * 32, IMAGE, 422, "unknown_param"),
        ("", b"", 400, "empty_body"),
    ],
)
async def test_a_picture_s_query_is_as_strict_as_a_body(
    world: World, query: str, content: bytes, status: int, code: str
) -> None:
    ana = await world.person()

    answer = await world.http.post(
        f"/v1/photos{query}",
        content=content,
        headers={"content-type": "image/jpeg", "idempotency-key": "k", **ana.headers},
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_author_takes_a_photo_back_and_nobody_else_does(world: World, settings: Settings) -> None:
    ana, ben = await world.person("ana"), await world.person("ben")
    photo = a_photo(ana.user)
    await world.redis.hset(projections.card(photo), mapping=hashes.fields(Card(author=ana.user)))

    bens = await world.http.delete(f"/v1/photos/{photo}", headers=ben.headers)
    anas = await world.http.delete(f"/v1/photos/{photo}", headers=ana.headers)

    assert (bens.status_code, anas.status_code) == (404, 204)
    fact = fact_of(settings, anas)
    assert isinstance(fact, PhotoDeleted)
    assert fact.photo == photo
