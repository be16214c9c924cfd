"""`python -m processors replay` on the real log, beside a live view of its own."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaProducer
from redis import Redis

from local.stack import Stack
from processors import log
from processors.__main__ import main
from processors.replay import Pace, Replay
from processors.stores.projections import Projections
from schemas import facts, projections, secrets
from schemas.ids import UserId
from schemas.settings import Settings
from schemas.topics import FACTS, SECRETS
from tests import builders as a
from tests.processors.replays import ROWS
from tests.valkey import Valkey, running_valkey


@pytest.fixture
def aside(tmp_path: Path) -> Iterator[Valkey]:
    with running_valkey(tmp_path) as server:
        yield server


def appended(settings: Settings) -> tuple[UserId, UserId]:
    """Two people in the log, one of whom follows the other, and what proves who they are."""
    ana, ben = (a.a_user(f"{name} {uuid4()}") for name in ("ana", "ben"))
    producer = KafkaProducer(bootstrap_servers=settings.kafka_brokers.split(","))
    for fact in (a.user_registered(ana, "ana"), a.user_registered(ben, "ben"), a.user_followed(ben, ana)):
        producer.send(FACTS.name, facts.encode(fact), facts.aggregate(fact).encode())
    proof = a.a_password(ana)
    producer.send(SECRETS.name, secrets.encode(proof), secrets.key(proof).encode())
    producer.flush()
    producer.close()
    return ana, ben


async def fill(settings: Settings, url: str) -> None:
    """The live view, as of the whole log."""
    store = Projections("views", url, lambda: a.NOON)
    await store.open()
    with log.opened(settings) as opened:
        work = Replay(ROWS["views"], opened, store, Pace(lambda _: None))
        await work.to(work.ends())
    await store.close()


@pytest.mark.timeout(600)
def test_an_operator_finds_a_hole_and_mends_it(
    parts: Stack, server: Valkey, aside: Valkey, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ana, _ = appended(parts.settings)
    asyncio.run(fill(parts.settings, server.url))
    monkeypatch.setenv("KAFKA_BROKERS", parts.settings.kafka_brokers)
    monkeypatch.setenv("REDIS_URL", server.url)
    command = ["replay", "views", "--shadow", aside.url]

    whole = main([*command, "--compare"]), capsys.readouterr().out
    with Redis.from_url(server.url) as redis:
        redis.delete(projections.followers(ana))
    holed = main([*command, "--compare"]), capsys.readouterr().out
    swapped = main([*command, "--swap"]), capsys.readouterr().out
    mended = main([*command, "--compare"]), capsys.readouterr().out

    print(whole[1], holed[1], swapped[1], mended[1])
    assert [code for code, _ in (whole, holed, swapped, mended)] == [0, 1, 0, 0]
    assert "0 differ" in whole[1].splitlines()
    assert projections.followers(ana) in holed[1]
    assert holed[1].splitlines()[-1] == "1 differ"
    assert "0 differ" in mended[1].splitlines()
