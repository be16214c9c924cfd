"""The real parts of the test stack, as the bootstrap leaves them."""

import os
import signal

import httpx
import pytest

from local import health, supervision
from local.bootstrap import bootstrap
from local.programs import PARTS
from local.stack import Stack
from schemas.topics import TOPICS
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def test_the_topics_are_the_declared_ones(parts: Stack) -> None:
    with health.admin(parts, 30) as admin:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}

    assert {topic.name: topic.partitions_local for topic in TOPICS}.items() <= found.items()


def test_bootstrapping_again_creates_nothing(parts: Stack) -> None:
    said: list[str] = []

    bootstrap(parts, said.append)

    assert f"topics: {len(TOPICS)} there" in said
    assert "bucket darkroom: there" in said


def test_the_bucket_is_closed_to_strangers(parts: Stack) -> None:
    key = "originals/private"
    health.bucket_client(parts).put_object(Bucket="darkroom", Key=key, Body=b"secret")

    answer = httpx.get(f"{parts.settings.s3_endpoint}/darkroom/{key}")

    assert answer.status_code == 403
    assert b"secret" not in answer.content


def test_a_browser_may_post_an_upload_from_any_page(parts: Stack) -> None:
    asking = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }

    answer = httpx.options(f"{parts.settings.s3_endpoint}/darkroom", headers=asking)

    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_signed_upload_is_held_to_its_size(parts: Stack) -> None:
    ticket = health.bucket_client(parts).generate_presigned_post(
        "darkroom", "originals/small", Conditions=[["content-length-range", 1, 10]], ExpiresIn=60
    )

    codes = [
        httpx.post(ticket["url"], data=ticket["fields"], files={"file": size * b"x"}).status_code for size in (10, 11)
    ]

    assert codes == [204, 400]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_killed_comes_back(parts: Stack, part: str) -> None:
    before = supervision.pid(parts, part)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: supervision.pid(parts, part) not in {0, before} and health.healthy(parts, part), within_s=60)
