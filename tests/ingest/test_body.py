import gzip
import resource
from collections.abc import Iterable

import cramjam
import msgspec
import pytest
from starlette.types import Message

from ingest import body
from schemas.problems import Refusal


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    count: int = 0


def a_scope(**headers: str) -> dict[str, object]:
    return {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


def zstd(plain: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(plain))


async def received(chunks: Iterable[bytes], *, max_bytes: int = 1000, **headers: str) -> bytes:
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return messages.pop(0)

    return await body.read(a_scope(**headers), receive, max_bytes=max_bytes)


async def test_chunks_are_one_body() -> None:
    assert await received([b"a", b"b", b"c"]) == b"abc"


async def test_a_body_that_is_announced_too_large_is_not_read() -> None:
    async def receive() -> Message:
        raise AssertionError("nothing should be read")

    with pytest.raises(Refusal, match="payload_too_large"):
        await body.read(a_scope(content_length="10737418240"), receive, max_bytes=1000)


async def test_a_body_that_grows_too_large_is_refused_on_its_way() -> None:
    endless = iter(lambda: b"x" * 100, b"")

    async def receive() -> Message:
        return {"type": "http.request", "body": next(endless), "more_body": True}

    with pytest.raises(Refusal, match="payload_too_large"):
        await body.read(a_scope(), receive, max_bytes=1000)


async def test_a_client_that_goes_away_gets_no_answer() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(body.ClientGone):
        await body.read(a_scope(), receive, max_bytes=1000)


async def test_gzip_is_inflated() -> None:
    assert await received([gzip.compress(b"hello")], content_encoding="gzip") == b"hello"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "deflate", "zstd, gzip"])
async def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(Refusal, match="unsupported_encoding"):
        await received([b""], content_encoding=encoding)


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (gzip.compress(b"0" * 100_000_000), "decompressed_too_large"),
        (gzip.compress(b"0" * 1_000_000), "decompressed_too_large"),
        (gzip.compress(b"hello") + b"garbage", "bad_encoding"),
        (gzip.compress(b"hello") + gzip.compress(b"again"), "bad_encoding"),
        (gzip.compress(b"hello")[:-8] + b"\0" * 8, "bad_encoding"),
        (gzip.compress(b"hello")[:-3], "bad_encoding"),
        (b"hello", "bad_encoding"),
    ],
    ids=["bomb", "ratio", "trailing garbage", "two members", "wrong checksum", "cut", "plain"],
)
def test_what_is_not_one_honest_gzip_member_is_refused(packed: bytes, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        body.gunzipped(packed, body.BATCH_BYTES)


async def test_zstd_is_inflated() -> None:
    assert await received([bytes(cramjam.zstd.compress(b"hello"))], content_encoding="zstd") == b"hello"


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (zstd(b"0" * 100_000_000), "decompressed_too_large"),
        (zstd(b"0" * 1_000_000), "decompressed_too_large"),
        (zstd(b"hello") + b"garbage", "bad_encoding"),
        (zstd(b"hello")[:-3], "bad_encoding"),
        (gzip.compress(b"hello"), "bad_encoding"),
    ],
    ids=["bomb", "small bomb", "garbage", "cut", "gzip"],
)
def test_zstd_that_is_not_what_it_says_is_refused(packed: bytes, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        body.unzstd(packed, body.BATCH_BYTES)


def test_zstd_may_inflate_to_the_limit_and_to_nothing() -> None:
    whole = bytes(range(256)) * 4
    assert body.unzstd(zstd(whole), len(whole)) == whole
    assert body.unzstd(zstd(b""), 1000) == b""


def test_a_window_of_128_mb_takes_no_memory() -> None:
    frame = bytes.fromhex("28b52ffd0088290000") + b"hello"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert body.unzstd(frame, body.BATCH_BYTES) == b"hello"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000


def test_gzip_of_nothing_is_nothing() -> None:
    assert body.gunzipped(gzip.compress(b""), 1000) == b""


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty_body"), (b" ", "empty_body"), (b"[]", "not_an_object"), (b"{", "malformed_json"),
        (b"{}", "type_error"), (b'{"name":1}', "type_error"), (b'{"name":null}', "type_error"),
        (b'{"name":"a","count":1.0}', "type_error"), (b'{"name":"a","count":true}', "type_error"),
        (b'{"name":"a","admin":true}', "unknown_field"), (b'{"name":"a","name":"b"}', "malformed_json"),
        (b'{"name":"a","n\\u0061me":"b"}', "malformed_json"), (b'{"name":"\\ude00\\ud83d"}', "invalid_unicode"),
        (b'{"name":"\xff"}', "invalid_utf8"), (b'{"name":"\xed\xa0\xbd\xed\xb8\x80"}', "invalid_utf8"),
        ('{"name":"a"}'.encode("utf-16"), "bad_charset"), ('{"name":"a"}'.encode("utf-32"), "bad_charset"),
        (b'{"a":' * 5000, "too_deep"), (b'{"name":"a"} x', "malformed_json"), (b'{"name":NaN}', "malformed_json"),
    ],
    ids=lambda part: str(part[:24]),
)  # fmt: skip
def test_a_command_is_strict(raw: bytes, code: str) -> None:
    with pytest.raises(Refusal, match=f"^{code}:"):
        body.command(raw, Thing)


def test_a_refusal_never_quotes_the_client() -> None:
    with pytest.raises(Refusal) as refusal:
        body.command(b'{"name":"a","<script>":1}', Thing)
    assert "script" not in repr(refusal.value.refused)


def test_a_refusal_points_at_the_member() -> None:
    with pytest.raises(Refusal) as refusal:
        body.command(b'{"name":"a","count":"7"}', Thing)
    assert [fault.pointer for fault in refusal.value.refused.errors] == ["/count"]


def test_a_good_command_is_itself() -> None:
    assert body.command(b' {"count":7,"name":"a"} ', Thing) == Thing("a", 7)


@pytest.mark.parametrize(
    ("given", "code"),
    [("multipart/form-data", "unsupported_media_type"), ("", "unsupported_media_type"),
     ("application/json; charset=utf-16", "bad_charset")],
)  # fmt: skip
def test_only_json_in_utf_8_is_taken(given: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        body.expect_type(a_scope(content_type=given), "application/json")


def test_a_charset_that_is_utf_8_may_be_said() -> None:
    assert body.expect_type(a_scope(content_type="application/json; charset=UTF-8"), "application/json")
