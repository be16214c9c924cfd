"""One roll, from capture to reveal, through the running stack and its public address only."""

import io
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from PIL import Image

from local.people import Phone, Unexpected
from local.photographs import photographs
from tests.journey.conftest import Register
from tests.waiting import eventually

pytestmark = pytest.mark.stack


def feed(reader: Phone) -> list[str]:
    return [item["id"] for item in reader.get("/v1/feeds/home")["items"]]


def test_a_private_roll_is_revealed_at_once_to_its_members_and_to_nobody_else(register: Register) -> None:
    ana, ben, cleo = register("ana"), register("ben"), register("cleo")
    ben.post(f"/v1/users/{ana.user}/follow")
    cleo.post(f"/v1/users/{ana.user}/follow")
    uploads = [ana.upload(picture) for picture in photographs()[:2]]  # the slow part, before the fifteen seconds begin
    roll = ana.post("/v1/rolls", name="Lake", develop="15s", visibility="private")["roll"]["id"]
    ben.post(f"/v1/invites/{ana.post(f'/v1/rolls/{roll}/invites')['token']}")

    photos = [ana.post("/v1/photos", upload_id=upload, roll=roll, caption="one")["photo"] for upload in uploads]

    sealed = ana.get(f"/v1/users/{ana.user}/photos")["items"]
    assert [(card["id"], card["sealed"]) for card in sealed] == [
        (photo["id"], True) for photo in sorted(photos, key=lambda photo: -int(photo["id"]))
    ]
    assert not any("media" in card or "caption" in card for card in sealed)
    assert feed(ben) == feed(cleo) == []
    assert ben.get(f"/v1/rolls/{roll}/photos")["items"] == []
    with pytest.raises(Unexpected, match="404"):
        ben.get(f"/v1/photos/{photos[0]['id']}")
    (reveal,) = {datetime.fromisoformat(photo["reveal_at"]) for photo in photos}
    assert datetime.now(UTC) < reveal, "the checks above must have run before the reveal"

    eventually(lambda: len(feed(ben)) == 2)

    assert datetime.now(UTC) >= reveal
    assert feed(ben) == sorted((photo["id"] for photo in photos), key=int, reverse=True)
    assert feed(cleo) == [], "a follower who is not on the private roll sees nothing of it"
    with pytest.raises(Unexpected, match="404"):
        cleo.get(f"/v1/rolls/{roll}")
    assert_clean_renditions(ben.get("/v1/feeds/home")["items"])


def assert_clean_renditions(items: list[dict[str, Any]]) -> None:
    for item in items:
        for name, long_edge in (("large", 2048), ("medium", 1080), ("small", 320)):
            picture = httpx.get(item["media"][name]).raise_for_status().content
            assert max(Image.open(io.BytesIO(picture)).size) <= long_edge
            assert not any(mark in picture for mark in (b"Exif", b"xpacket", b"ICC_PROFILE"))


def test_a_command_s_effect_is_seen_by_whoever_gave_it_at_once(register: Register) -> None:
    ana, ben = register("ana"), register("ben")

    ben.post(f"/v1/users/{ana.user}/follow")

    assert ben.get(f"/v1/users/{ana.user}")["you_follow"] is True


def test_a_retried_command_with_one_key_takes_effect_once(register: Register) -> None:
    ana = register("ana")
    again = {"headers": {"idempotency-key": "the-same"}, "json": {"name": "Once"}}

    rolls = {ana.call("POST", "/v1/rolls", **{**again, "headers": dict(again["headers"])})["roll"]["id"] for _ in "123"}

    assert len(rolls) == 1


def test_a_file_that_is_no_photograph_is_spoiled_for_its_author_and_never_shown(
    register: Register, tmp_path: Any
) -> None:
    ana, ben = register("ana"), register("ben")
    ben.post(f"/v1/users/{ana.user}/follow")
    roll = ana.post("/v1/rolls", name="Junk", develop="1s", visibility="public")["roll"]["id"]
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"\xff\xd8 this is no photograph" * 50)

    photo = ana.take(junk, roll=roll)["photo"]["id"]

    eventually(lambda: ana.get(f"/v1/photos/{photo}").get("spoiled"))
    assert feed(ben) == []
    with pytest.raises(Unexpected, match="404"):
        ben.get(f"/v1/photos/{photo}")
