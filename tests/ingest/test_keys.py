"""Who may post: keys of the setting and of a file that changes while we serve."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import pytest

from ingest.keys import LOOK_S, Keys
from ingest.rules.keys import KeysFile, WriteKey, encode, fingerprint
from ingest.telemetry import Telemetry
from schemas.problems import Refusal
from schemas.settings import Settings, SettingsError
from tests.builders import NOON, a_track
from tests.ingest.world import World


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def a_key(text: str, app: str = "shop", *, revoked: bool = False, per_s: float | None = None) -> WriteKey:
    burst = None if per_s is None else 5
    return WriteKey(
        sha256=fingerprint(text), app=app, revoked_at=NOON if revoked else None, events_per_s=per_s, burst=burst
    )


def write(file: Path, *keys: WriteKey) -> None:
    """As the tool does: another file takes the place of the one before."""
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(encode(KeysFile(keys)))
    fresh.replace(file)


class Given:
    """Keys with a file, a clock and their metrics."""

    def __init__(self, folder: Path, *keys: WriteKey, **settings: str | float | int) -> None:
        self.file, self.clock, self.telemetry = folder / "keys.json", Clock(), Telemetry()
        write(self.file, *keys)
        made = Settings(write_keys="env=shop", write_keys_file=str(self.file))
        self.keys = Keys(msgspec.structs.replace(made, **settings), self.telemetry, self.clock)

    def answer(self, key: str) -> str | int:
        """The app, or the status of the refusal."""
        try:
            return self.keys.holder(key).app
        except Refusal as refusal:
            return refusal.refused.status

    def later(self, seconds: float = LOOK_S) -> "Given":
        self.clock.now += seconds
        return self


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path, a_key("a"), a_key("b", revoked=True))


def test_keys_of_the_setting_and_of_the_file_are_good_and_others_are_not(given: Given) -> None:
    assert [given.answer(key) for key in ("env", "a", "b", "c", "", fingerprint("a"))] == ["shop", "shop", *[401] * 4]


def test_a_key_is_revoked_and_another_made_while_we_serve(given: Given) -> None:
    given.answer("a")
    write(given.file, a_key("a", revoked=True), a_key("c", "blog"), a_key("env", revoked=True))

    assert given.answer("a") == "shop", "the file is not looked at for every request"
    assert [given.later().answer(key) for key in ("a", "c", "env")] == [401, "blog", 401]
    assert LOOK_S <= 0.5, "a revoked key is refused within a second"


@pytest.mark.parametrize("broken", [b"", b"{}}", b'{"keys":[{"sha256":"x","app":"y"}]}', None])
def test_a_broken_file_leaves_the_good_keys_and_is_told(
    given: Given, capsys: pytest.CaptureFixture[str], broken: bytes | None
) -> None:
    given.file.unlink() if broken is None else given.file.write_bytes(broken)

    assert [given.later().answer(key) for key in ("a", "b")] == ["shop", 401]
    assert b'keys_file_broken{room="ingest"} 1.0' in given.telemetry.exposition()
    assert "the keys file is broken" in capsys.readouterr().out
    write(given.file, a_key("c"))
    assert [given.later().answer(key) for key in ("a", "c")] == [401, "shop"]
    assert b'keys_file_broken{room="ingest"} 0.0' in given.telemetry.exposition()


def test_a_broken_file_at_the_start_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="WRITE_KEYS_FILE"):
        Keys(Settings(write_keys_file=str(tmp_path / "missing")), Telemetry())


def test_another_app_s_key_is_good_elsewhere(tmp_path: Path) -> None:
    given = Given(tmp_path, a_key("a"), a_key("b", "blog"), a_key("c", "wiki"), ingest_apps="shop, blog")

    assert [given.answer(key) for key in ("a", "b", "c", "d")] == ["shop", "blog", 403, 401]


def test_beyond_its_limit_a_key_waits_and_the_others_do_not(tmp_path: Path) -> None:
    given = Given(tmp_path, a_key("a", per_s=1), a_key("b", per_s=1))
    given.keys.take(given.keys.holder("a"), 7)

    assert [given.answer(key) for key in ("a", "b", "env")] == [429, "shop", "shop"]
    with pytest.raises(Refusal) as refused:
        given.keys.holder("a")
    assert refused.value.refused.retry_after_s == 4
    assert dict(refused.value.refused.headers)["ratelimit-remaining"] == "0"
    assert given.later(4).answer("a") == "shop"


def test_what_is_used_up_stays_so_when_the_file_is_read_again(tmp_path: Path) -> None:
    given = Given(tmp_path, a_key("a", per_s=1))
    given.keys.take(given.keys.holder("a"), 50)
    write(given.file, a_key("a", per_s=1), a_key("b"))

    assert [given.later().answer(key) for key in ("b", "a")] == ["shop", 429]


def test_the_setting_limits_keys_without_a_limit_of_their_own(tmp_path: Path) -> None:
    given = Given(tmp_path, a_key("a", per_s=0), write_key_events_per_s=1.0, ingest_workers=2)
    given.keys.take(given.keys.holder("a"), 5_000)
    given.keys.take(given.keys.holder("env"), 19)

    assert [given.answer(key) for key in ("a", "env")] == ["shop", 429]


# --- through the app --------------------------------------------------------------------------------------------------


async def posted(world: World, key: str, events: int = 1) -> httpx.Response:
    content = msgspec.json.encode({"batch": [a_track(f"E{n}") for n in range(events)]})
    headers = {"content-type": "application/json", "x-write-key": key}
    return await world.http.post("/v1/batch", content=content, headers=headers)


@pytest.fixture
def running(settings: Settings, tmp_path: Path) -> AbstractAsyncContextManager[tuple[World, Path]]:
    """The room with a file of the keys "a" and "b" (one event a second, five at once)."""

    @asynccontextmanager
    async def run() -> AsyncIterator[tuple[World, Path]]:
        file = tmp_path / "keys.json"
        write(file, a_key("a"), a_key("b", per_s=1), a_key("c", "wiki"))
        made = msgspec.structs.replace(settings, write_keys_file=str(file), ingest_apps="shop")
        async with World.running(made) as world:
            yield world, file

    return run()


Running = AbstractAsyncContextManager[tuple[World, Path]]


async def test_a_revoked_key_is_refused_within_a_second(running: Running) -> None:
    async with running as (world, file):
        before = await posted(world, "a")
        write(file, a_key("a", revoked=True))
        await asyncio.sleep(LOOK_S + 0.1)
        after = await posted(world, "a")

    assert (before.status_code, after.status_code, after.json()["code"]) == (200, 401, "invalid_key")


async def test_the_key_of_another_project_is_403(running: Running) -> None:
    async with running as (world, _):
        answer = await posted(world, "c")

    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (403, 403, "invalid_key")


async def test_beyond_the_quota_the_answer_is_429_and_says_when_to_come_back(running: Running) -> None:
    async with running as (world, _):
        good, bad, other = await posted(world, "b", 100), await posted(world, "b"), await posted(world, "a", 100)

    assert [answer.status_code for answer in (good, bad, other)] == [200, 429, 200]
    assert (bad.json()["code"], bad.json()["retryable"]) == ("rate_limited", True)
    assert 1 <= int(bad.headers["retry-after"]) <= 96
    assert {name: bad.headers[name] for name in ("ratelimit-limit", "ratelimit-remaining")} == {
        "ratelimit-limit": "5", "ratelimit-remaining": "0",
    }  # fmt: skip
    assert good.headers["ratelimit-limit"] == "5"
    assert "ratelimit-limit" not in other.headers, "it has none"


async def test_a_key_in_the_body_has_its_limit_too(running: Running) -> None:
    async with running as (world, _):
        content = msgspec.json.encode({"batch": [a_track(f"E{n}") for n in range(100)], "writeKey": "b"})
        plain = {"content-type": "text/plain"}
        answers = [await world.http.post("/v1/batch", content=content, headers=plain) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
