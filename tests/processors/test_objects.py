"""The door to S3, on the real server."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.stack import Stack
from processors.intents import Append, Put, Sweep
from processors.processor import Effects
from processors.stores.objects import Missing, Original, Originals, Renditions, client
from schemas.facts import Fact, PhotoCaptured
from schemas.settings import Settings
from tests.builders import a_user, an_origin, photo_captured, user_followed


@pytest.fixture
def settings(parts: Stack) -> Settings:
    return parts.settings


def uploaded(settings: Settings, body: bytes) -> PhotoCaptured:
    """A fact about an original that is really there."""
    key = f"uploads/tests/{uuid4().hex}"
    put = client(settings).put_object
    etag = put(Bucket=settings.s3_bucket, Key=key, Body=body, ContentType="image/webp")["ETag"]
    return msgspec.structs.replace(photo_captured(), original=key, etag=etag)


async def test_originals_are_found_in_order_and_other_facts_need_none(settings: Settings) -> None:
    one, two = uploaded(settings, b"one"), uploaded(settings, b"two")

    found = await Originals(settings)([one, user_followed(a_user("ana"), a_user("ben")), two])

    assert found == [Original(b"one", "image/webp"), None, Original(b"two", "image/webp")]


async def test_an_etag_is_the_same_with_and_without_its_quotes(settings: Settings) -> None:
    fact = uploaded(settings, b"one")
    bare = msgspec.structs.replace(fact, etag=fact.etag.strip('"'))

    assert await Originals(settings)([fact, bare]) == [Original(b"one", "image/webp")] * 2


async def test_what_is_not_there_or_was_replaced_is_a_value(settings: Settings) -> None:
    fact = uploaded(settings, b"one")
    replaced = msgspec.structs.replace(fact, etag='"d41d8cd98f00b204e9800998ecf8427e"')
    missing = msgspec.structs.replace(fact, original="uploads/tests/none")

    assert await Originals(settings)([replaced, missing]) == [Missing("original_changed"), Missing("original_missing")]


async def test_a_server_that_is_away_or_has_no_such_bucket_raises(settings: Settings) -> None:
    fact = uploaded(settings, b"one")
    away = msgspec.structs.replace(settings, s3_endpoint="http://127.0.0.1:9")
    elsewhere = msgspec.structs.replace(settings, s3_bucket="no-such-bucket")

    with pytest.raises(BotoCoreError):
        await Originals(away)([fact])
    with pytest.raises(ClientError, match="NoSuchBucket"):
        await Originals(elsewhere)([fact])


async def test_a_fact_is_appended_when_its_pictures_are_there(settings: Settings) -> None:
    appended: list[tuple[Fact, bytes]] = []
    key = f"tests/{uuid4().hex}/large.jpg"

    async def append(fact: Fact) -> None:
        appended.append((fact, client(settings).get_object(Bucket=settings.s3_bucket, Key=key)["Body"].read()))

    store = Renditions(settings, append)
    await store.open()
    fact = user_followed(a_user("ana"), a_user("ben"))
    effects: Sequence[Effects] = [Effects(an_origin(), (Append(fact), Put(key, "image/jpeg", b"picture")))]

    await store.apply(effects)
    await store.apply(effects)
    await store.close()

    assert appended == [(fact, b"picture")] * 2
    assert client(settings).head_object(Bucket=settings.s3_bucket, Key=key)["ContentType"] == "image/jpeg"


async def test_what_is_swept_is_gone_and_its_neighbours_stay(settings: Settings) -> None:
    told, photo = client(settings), str(uuid4().int)[:18]
    keys = [f"{photo}/{name}/large.jpg" for name in range(3)]
    neighbour = f"{photo}1/0/large.jpg"
    for key in (*keys, neighbour):
        told.put_object(Bucket=settings.s3_bucket, Key=key, Body=b"picture")
    store = Renditions(settings, nothing)
    await store.open()
    late = Put(f"{photo}/9/small.jpg", "image/jpeg", b"late")  # of the same batch, and of a photo that is gone

    for _ in range(2):
        await store.apply([Effects(an_origin(), (Sweep(f"{photo}/"), late))])
    await store.close()

    assert names(told.list_objects_v2(Bucket=settings.s3_bucket, Prefix=f"{photo}")) == [neighbour]


async def test_more_is_swept_than_one_answer_lists(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    told, prefix = client(settings), f"{uuid4().hex}/"
    for number in range(5):
        told.put_object(Bucket=settings.s3_bucket, Key=f"{prefix}{number}", Body=b"picture")
    store = Renditions(settings, nothing)
    await store.open()
    listed = store._client.get_paginator("list_objects_v2")
    pages = lambda **asked: listed.paginate(**asked, PaginationConfig={"PageSize": 2})  # noqa: E731
    monkeypatch.setattr(store._client, "get_paginator", lambda _: SimpleNamespace(paginate=pages))

    await store.apply([Effects(an_origin(), (Sweep(prefix),))])
    await store.close()

    assert names(told.list_objects_v2(Bucket=settings.s3_bucket, Prefix=prefix)) == []


async def nothing(fact: Fact) -> None:
    raise AssertionError(f"{fact} was not asked for")


def names(listed: Mapping[str, Any]) -> list[str]:
    return [each["Key"] for each in listed.get("Contents", ())]
