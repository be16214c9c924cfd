"""Section D of the bad inputs (and a share token): exact status and code, and no key of the views is touched."""

import csv
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from schemas import projections as view
from schemas.ids import RollId, UserId
from tests.api.test_erasure import erase
from tests.api.world import World


class Row(msgspec.Struct, frozen=True):
    """One line of the table; alternatives stand between bars. `later`: why it cannot have its answer yet."""

    id: str
    method: str
    path: str
    input: str
    status: str
    code: str
    notes: str
    later: str


class Scene(msgspec.Struct, frozen=True):
    """Ben, who reads; Ana, whom he follows, with photos and a roll; Eve, who is neither's friend, with hers."""

    world: World
    ben: UserId
    ana: UserId
    eve: UserId
    roll: RollId
    hidden_roll: RollId
    photos: tuple[str, ...]
    hidden_photo: str
    cursor: str
    other_cursors: tuple[str, str]  # of another person, of another endpoint

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.world.get(path, self.ben, **headers)

    async def etag(self) -> str:
        return str((await self.get(f"/v1/photos/{self.photos[0]}")).headers["etag"])


async def set_up(world: World) -> Scene:
    ben, ana, eve = [await world.person(name) for name in ("ben", "ana", "eve")]
    photos = tuple([await world.photo(ana, ben, eve) for _ in range(3)])
    for reader in (ben, eve):
        await world.follow(reader, ana)
    hidden_roll = await world.roll(eve)

    async def next_cursor(path: str, reader: UserId) -> str:
        return str((await world.get(f"{path}?limit=1", reader)).json()["next_cursor"])

    return Scene(
        world=world,
        ben=ben,
        ana=ana,
        eve=eve,
        roll=await world.roll(ana, visibility="public"),
        hidden_roll=hidden_roll,
        photos=photos,
        hidden_photo=await world.photo(eve, roll=hidden_roll, visibility="private"),
        cursor=await next_cursor("/v1/feeds/home", ben),
        other_cursors=(await next_cursor("/v1/feeds/home", eve), await next_cursor(f"/v1/users/{ana}/photos", ben)),
    )


Case = Callable[[Scene], Awaitable[httpx.Response]]


def path(text: str, **headers: str) -> Case:
    return lambda scene: scene.get(text, **headers)


def feed(**parameters: str) -> Case:
    return lambda scene: scene.get(f"/v1/feeds/home?{httpx.QueryParams(parameters)}")


def with_cursor(pick: Callable[[Scene], str]) -> Case:
    return lambda scene: scene.get(f"/v1/feeds/home?{httpx.QueryParams(cursor=pick(scene))}")


def flipped(cursor: str) -> str:
    """One bit of the text is another."""
    return cursor[:4] + ("A" if cursor[4] != "A" else "B") + cursor[5:]


async def blocked(scene: Scene) -> httpx.Response:
    await scene.world.block(scene.ana, scene.ben)
    return await scene.get(f"/v1/users/{scene.ana}")


async def erased(scene: Scene) -> httpx.Response:
    """Ana by herself; Eve, whom a block hides from Ben, and who is private for Ana, who does not follow her."""
    seen = (await scene.get("/v1/feeds/home")).json()["items"]
    await scene.world.block(scene.eve, scene.ben)
    await scene.world.private(scene.eve)
    for user in (scene.ana, scene.eve):
        await erase(scene.world, user)
    assert (len(seen), (await scene.get("/v1/feeds/home")).json()["items"]) == (3, [])
    assert (await scene.get(f"/v1/photos/{scene.photos[0]}")).status_code == 404
    for reader in (scene.ben, scene.ana):
        assert (await scene.world.get(f"/v1/users/{scene.eve}", reader)).status_code == 404
    answer = await scene.get(f"/v1/users/{scene.ana}")
    assert answer.status_code == 410, "404 is for who did not see them"
    return answer


async def suspended(scene: Scene) -> httpx.Response:
    await scene.world.redis.hset(view.profile(scene.ana), "suspended", "spam")
    assert (await scene.get("/v1/feeds/home")).json()["items"] == []
    return await scene.get(f"/v1/photos/{scene.photos[0]}")


async def current(scene: Scene) -> httpx.Response:
    return await scene.get(f"/v1/photos/{scene.photos[0]}", if_none_match=f"W/{await scene.etag()}")


async def any_etag(scene: Scene) -> httpx.Response:
    hidden = await scene.get(f"/v1/photos/{scene.hidden_photo}", if_none_match="*")
    assert hidden.status_code == 404
    return await scene.get(f"/v1/photos/{scene.photos[0]}", if_none_match="*")


MANY = ",".join(f'"{number:08}"' for number in range(1400))  # 15 kB
CASES: dict[str, Case] = {
    "in-D1.1": path("/v1/users/%201"),
    "in-D1.2": path("/v1/rolls/%D9%A1"),
    "in-D1.3": path("/v1/photos/10000000000000000000000"),
    "in-D2.1": lambda scene: scene.get(f"/v1/rolls/{scene.hidden_roll}"),
    "in-D2.2": lambda scene: scene.get(f"/v1/photos/{scene.hidden_photo}"),
    "in-D3.1": feed(limit="0"),
    "in-D3.2": feed(limit="1e2"),
    "in-D3.3": feed(limit=""),
    "in-D4.1": feed(cursor="garbage"),
    "in-D4.2": with_cursor(lambda scene: scene.cursor[:-3]),
    "in-D4.3": with_cursor(lambda scene: scene.other_cursors[0]),
    "in-D4.4": with_cursor(lambda scene: scene.other_cursors[1]),
    "in-D4.5": with_cursor(lambda scene: flipped(scene.cursor)),
    "in-D5.1": feed(offset="1000000000"),
    "in-D6.1": path("/v1/users/1%0d%0a*1%0d%0a$8%0d%0aFLUSHALL"),
    "in-D6.2": path("/v1/rolls/{a}:b"),
    "in-D7.1": lambda scene: scene.get(f"/v1/photos/{scene.photos[0]}?fields={','.join('a' * 5000)}"),
    "in-D7.2": lambda scene: scene.get(f"/v1/rolls/{scene.roll}?include=photos.author.photos.author.photos"),
    "in-D8.1": lambda scene: scene.get(f"/v1/photos/{scene.photos[0]}", if_none_match=MANY),
    "in-D8.2": current,
    "in-D8.3": any_etag,
    "in-D9.1": erased,
    "in-D9.2": blocked,
    "in-D9.3": suspended,
    "in-D10.1": path("/v1/feeds/home", accept="image/png"),
    "in-D10.2": path("/v1/feeds/home", accept="*/*;q=nonsense, x"),
    "in-E12.1": lambda scene: scene.get(f"/v1/rolls/{scene.hidden_roll}"),  # the token is none of a read's affair
}


def rows() -> list[Row]:
    with Path(__file__).with_name("bad_inputs_d.csv").open(newline="") as table:
        return [msgspec.convert(line, Row) for line in csv.DictReader(table)]


def test_every_row_has_a_case_or_a_reason() -> None:
    assert {row.id for row in rows() if not row.later} == CASES.keys()


@pytest.mark.parametrize("row", [row for row in rows() if not row.later], ids=lambda row: row.id)
async def test_a_bad_read_has_its_exact_answer(world: World, row: Row, capfd: pytest.CaptureFixture[str]) -> None:
    scene = await set_up(world)
    before = await world.redis.dbsize()
    capfd.readouterr()

    answer = await CASES[row.id](scene)

    statuses = row.status.replace("2xx", "200").split("|")
    assert str(answer.status_code) in statuses, answer.text
    if answer.status_code >= 400:
        assert answer.json()["code"] in row.code.split("|")
    told = "".join(capfd.readouterr())
    assert ("seclog" in told) >= ("seclog" in row.notes)
    assert scene.ana not in told, "the security log names no one"
    blocks = 2 if row.id in ("in-D9.1", "in-D9.2") else 0  # the case's own keys
    assert await world.redis.dbsize() == before + blocks
    assert (await scene.world.get("/v1/users/me", scene.ben)).status_code == 200


async def test_what_is_hidden_and_what_is_missing_are_answered_alike(world: World) -> None:
    scene = await set_up(world)
    pairs = [(scene.hidden_roll, "/v1/rolls/{}"), (scene.hidden_photo, "/v1/photos/{}"), (scene.eve, "/v1/users/{}")]
    await world.block(scene.eve, scene.ben)

    for hidden, where in pairs:
        answers = [await scene.get(where.format(id)) for id in (hidden, "4242")]
        bodies = [{**answer.json(), "instance": "", "request_id": ""} for answer in answers]
        assert bodies[0] == bodies[1]
        assert bodies[0]["status"] == 404
