"""The public address between real sockets: two small rooms behind it, a plain client in front."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ingest import workers
from local import documents, public
from local.public import end_to_end
from schemas.settings import Settings
from tests.bad_requests import head
from tests.local.rooms import Room, a_room, port, serving
from tests.ports import free_bind
from tests.wire import Served


@pytest.fixture
def settings() -> Settings:
    return Settings(ingest_bind=free_bind(), api_bind=free_bind(), public_url=f"http://{free_bind()}", docs=True)


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Room]:
    room = Room("api")
    async with serving(a_room(room, settings.api_bind)):
        yield room


@pytest.fixture
async def ingest(settings: Settings) -> AsyncIterator[Room]:
    room = Room("ingest")
    async with serving(a_room(room, settings.ingest_bind)):
        yield room


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(public.server(settings)),
        httpx.AsyncClient(base_url=settings.public_url) as client,
    ):
        yield client


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_what_reads_goes_to_api_and_everything_else_to_ingest(
    api: Room, ingest: Room, client: httpx.AsyncClient, method: str
) -> None:
    answer = await client.request(method, "/v1/photos")

    assert answer.headers["x-room"] == ("api" if method in {"GET", "HEAD"} else "ingest")
    assert answer.status_code == 418


async def test_path_and_query_arrive_as_they_were_sent(api: Room, client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/a%2Fb?q=%20x&q=&r")

    assert answer.json()["target"] == "/v1/a%2Fb?q=%20x&q=&r"


async def test_a_path_is_the_rooms_to_read(settings: Settings, api: Room, client: httpx.AsyncClient) -> None:
    served = Served(port(settings.public_url))
    for path in (b"/v1/a/../b", b"/v1/./a", b"/v1/%2e%2e/a", b"/v1%2fa", b"//a", b"/a;b=1", b"/a%00"):
        heard = await served.hear([head(b"Connection: close", request=b"GET " + path)])

        assert b'"target": "%s"' % path in heard.body


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_what_is_for_the_inside_is_not_shown(
    api: Room, ingest: Room, client: httpx.AsyncClient, method: str
) -> None:
    for path in ("/live", "/ready", "/metrics", "/%6cive", "/metrics?a=1"):
        answer = await client.request(method, path)

        assert answer.status_code == 404
        assert "x-room" not in answer.headers
        assert answer.headers["content-type"] == "application/problem+json"


async def test_what_the_edge_refuses_is_a_problem(settings: Settings, api: Room, client: httpx.AsyncClient) -> None:
    strange = await client.get("/", headers={"host": "evil.example"})
    large = await Served(port(settings.public_url)).hear([head(b"Content-Length: 99999999")])

    assert (strange.status_code, strange.json()["code"]) == (400, "bad_host")
    assert (large.status, large.problem["code"]) == (413, "payload_too_large")


def test_bodies_may_be_as_large_as_ingest_takes_them() -> None:
    assert workers.bounds() == public.BOUNDS


async def test_a_body_that_stops_is_not_half_a_request_to_the_room(
    settings: Settings, ingest: Room, client: httpx.AsyncClient
) -> None:
    said = head(b"Content-Length: 100", request=b"POST /v1/rolls") + b"{"

    heard = await Served(port(settings.public_url)).hear([said], ends=True)

    assert (heard.status, heard.problem["code"]) == (400, "incomplete_body")
    assert ingest.answered == 0


async def test_a_body_without_a_length_is_streamed_through(ingest: Room, client: httpx.AsyncClient) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield 10_000 * b"x"

    assert (await client.post("/v1/batch", content=chunks())).json()["bytes"] == 500_000


async def test_a_compressed_body_stays_compressed(ingest: Room, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/batch", content=b"not really gzip", headers={"content-encoding": "gzip"})

    assert answer.json()["bytes"] == 15
    assert answer.json()["headers"]["content-encoding"] == "gzip"


async def test_a_room_hears_who_the_client_is_and_nothing_it_claims(api: Room, client: httpx.AsyncClient) -> None:
    answer = await client.get("/", headers={"x-forwarded-for": "1.2.3.4", "authorization": "Bearer t", "te": "gzip"})

    headers = answer.json()["headers"]
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["authorization"] == "Bearer t"
    assert headers["host"].startswith("127.0.0.1:")
    assert "te" not in headers


async def test_spaces_behind_a_value_are_not_part_of_it(
    settings: Settings, api: Room, client: httpx.AsyncClient
) -> None:
    lines = (b"Authorization: Bearer ", b"X-Empty: \t ", b"Connection: close")

    heard = await Served(port(settings.public_url)).hear([head(*lines, request=b"GET /")])

    size, document, *_ = heard.body.split(b"\r\n")  # one chunk
    headers = json.loads(document)["headers"]
    assert len(document) == int(size, 16)
    assert (headers["authorization"], headers["x-empty"]) == ("Bearer", "")


async def test_two_headers_of_one_name_stay_two(api: Room, client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_what_connection_names_is_of_one_connection_too() -> None:
    headers = [(b"Connection", b"close, X-Private"), (b"X-Private", b"1"), (b"X-Other", b"2"), (b"TE", b"gzip")]

    assert end_to_end(headers) == [(b"x-other", b"2")]


async def test_a_room_that_is_away_is_a_503_with_a_time_to_come_back(client: httpx.AsyncClient) -> None:
    for answer in (await client.get("/v1/feeds/home"), await client.post("/v1/photos", content=b"{}")):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["code"] == "unavailable"


async def test_an_endless_answer_ends_with_its_reader(api: Room, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/endless") as answer:
        assert await anext(answer.aiter_bytes()) == b"tick"

    await asyncio.wait_for(api.left.wait(), 5)


async def test_the_documents_of_both_rooms_are_one(api: Room, ingest: Room, client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    assert document["paths"] == {"/x": {"api": {}, "ingest": {}}}
    assert "/openapi.json" in (await client.get("/docs")).text


async def test_without_docs_their_paths_are_like_any_other(settings: Settings, api: Room) -> None:
    plain = msgspec.structs.replace(settings, docs=False)
    async with serving(public.server(plain)), httpx.AsyncClient(base_url=plain.public_url) as client:
        assert (await client.get("/docs")).json()["room"] == "api"


def test_of_two_equal_names_the_first_rooms_stands() -> None:
    first = {"info": {"version": "1"}, "components": {"schemas": {"A": 1}}, "tags": [{"name": "x"}]}
    second = {"info": {"version": "2"}, "components": {"schemas": {"A": 2, "B": 2}}, "tags": [{"name": "x"}]}

    whole = documents.merged([first, second])

    assert whole["components"]["schemas"] == {"A": 1, "B": 2}
    assert whole["tags"] == [{"name": "x"}]
    assert whole["info"] == {"version": "1", "title": "Darkroom"}


def socket_url(settings: Settings, path: str) -> str:
    return settings.public_url.replace("http", "ws") + path


async def test_a_websocket_carries_both_kinds_both_ways(
    settings: Settings, api: Room, client: httpx.AsyncClient
) -> None:
    url = socket_url(settings, "/v1/stream?after=1")
    async with connect(url, subprotocols=["v1"], proxy=None) as phone:  # type: ignore[list-item]
        for message in ("text", b"bytes"):
            await phone.send(message)
            assert await phone.recv() == message
        assert phone.subprotocol == "v1"


async def test_the_rooms_close_code_reaches_the_client(
    settings: Settings, api: Room, client: httpx.AsyncClient
) -> None:
    async with connect(socket_url(settings, "/v1/stream"), proxy=None) as phone:
        await phone.send("bye")
        with pytest.raises(ConnectionClosed) as closed:
            await phone.recv()

    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "as you wish")


async def test_a_websocket_that_the_room_refuses_hears_why(
    settings: Settings, api: Room, client: httpx.AsyncClient
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_url(settings, "/forbidden"), proxy=None)

    assert refused.value.response.status_code == 401
    assert refused.value.response.body == b"who are you"


async def test_a_websocket_to_a_room_that_is_away_is_a_503(settings: Settings, client: httpx.AsyncClient) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_url(settings, "/v1/stream"), proxy=None)

    assert refused.value.response.status_code == 503
    assert refused.value.response.headers["retry-after"] == "1"
