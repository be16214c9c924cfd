"""What belongs to whom, what counts as a difference, and what is said: without a server."""

import inspect
import pkgutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, get_args, get_type_hints
from uuid import UUID

import pytest
from redis.asyncio import Redis

import schemas
from processors.log import Span
from processors.replay import TELL_EVERY_S, Pace, Replay
from processors.rules.replay import KINDS, Held, Unit, Values, code, same, told, units
from processors.stores.dead_letters import ONLY_FOR
from processors.stores.projections import Projections
from processors.stores.shadow_diff import Comparison, report
from schemas import facts, projections, tails
from schemas.projections import Key, Processor
from schemas.topics import FACTS
from tests import builders as a
from tests.processors.replays import ROWS, LogTwin
from tests.valkey import Valkey

ANA = a.a_user("ana", 7)
FEED: Unit = (projections.feed(ANA), projections.sealed(ANA))
OUTBOX: Unit = (projections.outbox(ANA),)
FOLLOWERS: Unit = (projections.followers(ANA),)


def every_key() -> Iterator[Key]:
    """One key of each function of the language that makes keys with a bucket."""
    given = {"bucket": 7, "at": a.NOON, "day": a.NOON, "name": "ana", "token_sha256": "ff", "fact": UUID(int=1)}
    given["processor"] = "feeds"
    for module in (import_module(f"schemas.{each.name}") for each in pkgutil.iter_modules(schemas.__path__)):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            ours = function.__module__ == module.__name__ and not name.startswith("_")
            if ours and get_type_hints(function).get("return") is Key:
                key = function(*(given.get(word, ANA) for word in inspect.signature(function).parameters))
                if key.startswith("{b"):
                    yield key


def test_every_kind_of_key_has_an_owner() -> None:
    missing = {code(key) for key in every_key()} - KINDS.keys()

    assert not missing, "say in processors/rules/replay.py whose these are, else a replay leaves them out"


def test_what_is_compared_is_the_processors_own_and_a_feed_is_one_thing() -> None:
    keys = [*FEED, *OUTBOX, *FOLLOWERS, projections.watermark(7, "feeds"), projections.sequence(7)]
    keys += [projections.opened(7), projections.minute(a.NOON), projections.pulled(7), Key("{b07}:unheard-of:1")]

    assert units(keys, "feeds") == [FEED, OUTBOX]
    assert units(keys, "views") == [FOLLOWERS]


def test_only_processors_whose_effects_may_be_applied_twice_are_replayed() -> None:
    owners = {kind.owner for kind in KINDS.values()} & set(get_args(Processor))

    assert owners == {"feeds", "views", "metrics"}, "metrics counts: a record that comes again would count twice"


def a_list(*entries: object) -> Held:
    return Held("list", tuple(map(str, entries)))


def lists(revealed: list[int], sealed: list[int] | None = None, tail: str = "0") -> Values:
    return [a_list(*revealed, tail), a_list(*(sealed or []), "0")]


@pytest.mark.parametrize(
    ("live", "replayed", "verdict"),
    [
        (lists([9, 5, 3]), lists([9, 5, 3]), True),
        (lists([9, 5]), lists([9, 5, 3]), False),
        (lists([9, 5, 3]), lists([9, 5]), False),
        (lists([5, 3], [9]), lists([9, 5, 3]), True),  # not promoted yet
        (lists([9, 5], tail="-5"), lists([9, 5, 3]), True),  # trimmed
        (lists([9, 5, 3]), lists([9, 5], tail="-5"), True),
        (lists([9, 4], tail="-4"), lists([9, 5, 3]), False),
        (lists([9, 6], tail="-4"), lists([9, 6, 5, 4]), False),
        (lists([5, 9]), lists([9, 5]), False),
        (lists([9, 9]), lists([9]), False),
        ([a_list(9, "no", 0), a_list(0)], lists([9]), False),
        ([None, None], lists([9]), None),
        ([a_list(9, 0), None], lists([9]), None),
        (lists([9]), [None, None], None),
        (lists([], tail=f"-{tails.NO_ID + 5}"), lists([9]), None),  # is being built
        ([a_list(9), a_list(0)], lists([9]), None),  # lost its tail
        ([Held("string", "9"), a_list(0)], lists([9]), None),
    ],
)
def test_a_feed_is_the_same_when_it_offers_the_same(live: Values, replayed: Values, verdict: bool | None) -> None:
    assert same(FEED, live, replayed) is verdict


def test_photos_of_pulled_authors_may_stand_in_a_feed_or_not() -> None:
    assert same(FEED, lists([9, 5]), lists([9]), loose={"5"})
    assert not same(FEED, lists([9, 5]), lists([9]), loose={"4"})


def outbox(newest: int, oldest: int, without: tuple[int, ...] = (), *, is_trimmed: bool = True) -> Values:
    mark = [-oldest] if is_trimmed else []
    return [a_list(*(n for n in range(newest, oldest - 1, -1) if n not in without), *mark)]


@pytest.mark.parametrize(
    ("live", "replayed", "verdict"),
    [
        (outbox(900, 101), outbox(900, 85), True),  # trimmed at another moment
        (outbox(900, 85), outbox(900, 101), True),
        (outbox(900, 101, without=(500,)), outbox(900, 101), False),
        (outbox(899, 101), outbox(900, 101), False),
        (outbox(900, 100), outbox(900, 1, is_trimmed=False), True),
        (outbox(900, 800, without=(850,)), outbox(900, 1), False),  # of a short one nothing else is believed either
        (outbox(900, 2, is_trimmed=False), outbox(900, 1, is_trimmed=False), False),  # all of it counts
        ([None], outbox(900, 101), False),
        ([None], [None], True),
    ],
)
def test_an_outbox_is_compared_as_far_as_both_go(live: Values, replayed: Values, verdict: bool) -> None:
    assert same(OUTBOX, live, replayed) is verdict


def test_all_else_is_the_same_or_not() -> None:
    ana, both = Held("set", frozenset("a")), Held("set", frozenset("ab"))

    assert same(FOLLOWERS, [ana], [ana])
    assert not same(FOLLOWERS, [ana], [both])
    assert not same(FOLLOWERS, [ana], [None])
    assert not same(FOLLOWERS, [Held("string", "a", 5)], [Held("string", "a", 6)])


@pytest.mark.parametrize(
    ("live", "replayed", "said"),
    [
        (Held("set", frozenset("ab")), Held("set", frozenset("bc")), "only live: a; only replayed: c"),
        (Held("hash", {"f": "1"}), Held("hash", {"f": "2"}), "only live: f=1; only replayed: f=2"),
        (Held("set", frozenset(map(str, range(9)))), None, "live 0, 1, 2, 3, 4 and 4 more; replayed (nothing)"),
        (Held("string", "x", 5), Held("string", "x", -1), "live expires at 5, replayed at -1"),
        (Held("string", "x"), Held("set", frozenset("x")), "live is a string, replayed a set"),
        (a_list(1, 2), a_list(2, 1), "another order"),
    ],
)
def test_a_difference_is_told_by_what_stands_on_one_side_only(
    live: Held | None, replayed: Held | None, said: str
) -> None:
    assert told(FOLLOWERS, [live], [replayed]) == f"{FOLLOWERS[0]}  {said}"


def test_a_secret_is_not_told() -> None:
    unit = (projections.session("5ec3e7"),)

    assert "5ec3e7" not in told(unit, [Held("string", "a hash")], [None])
    assert "a hash" not in told((projections.password(ANA),), [Held("string", "a hash")], [None])


def test_the_report_counts_by_kind_and_shows_some() -> None:
    found = Comparison()
    found.compared.update({"followers": 1_200})
    found.cold.update({"feeds": 3})
    found.differing = {(Key(f"{{b07}}:fr:{n}"),): ([None], [Held("string", "x")]) for n in range(3)}

    lines = report(found, 2).splitlines()

    assert [line.split() for line in lines[1:3]] == [["feeds", "0", "3", "0"], ["followers", "1,200", "0", "3"]]
    assert lines[3:] == [
        "{b07}:fr:0  live (nothing); replayed x",
        "{b07}:fr:1  live (nothing); replayed x",
        "and 1 more",
        "3 differ",
    ]


def test_a_long_replay_says_now_and_then_how_far_it_is() -> None:
    said: list[str] = []
    times = iter([0.0, 1.0, 2 * TELL_EVERY_S, 2 * TELL_EVERY_S + 1])
    pace = Pace(said.append, clock=lambda: next(times))

    pace.begin(4_000)
    for _ in range(3):
        pace.add(1_000)

    assert said == ["replayed 2,000 of 4,000 records (50 %), 200/s, 10 s left"]


class CutLog(LogTwin):
    """Its first records are gone, and those amid it were compacted away."""

    def spans(self, topic: str) -> dict[int, Span]:
        return {n: Span(min(2, span.end), span.end) for n, span in super().spans(topic).items()}

    def records(self, topic: str, number: int, span: Span) -> Iterator[Any]:
        assert span.first >= 2, "what is gone cannot be read"
        return (each for each in super().records(topic, number, span) if each.offset % 2 == 0)


async def test_a_replay_reads_what_is_left_of_the_log_and_ends_where_it_was_told_to(server: Valkey) -> None:
    log, user = CutLog(), a.a_user("ana", 7)
    for n in range(6):
        log.add(FACTS.name, 0, (b"", facts.encode(a.user_registered(user, f"name {n}")), ()))
    async with a_replay(log, server) as work:
        await work.to({(FACTS.name, 0): 6})

        assert (await work.store.progress())[FACTS.name, 0] == 6
        read = log.read
        await work.to({(FACTS.name, 0): 6})
        assert log.read == read, "the last record was compacted away, and is not looked for again"


async def test_what_cannot_be_read_or_is_anothers_is_passed_over(server: Valkey) -> None:
    log = LogTwin()
    good = facts.encode(a.user_registered(a.a_user("ben", 8), "ben"))
    log.add(FACTS.name, 0, (b"", b"not a fact", ()))
    log.add(FACTS.name, 0, (b"", good, ((ONLY_FOR, b"feeds"),)))
    async with a_replay(log, server) as work:
        await work.to({(FACTS.name, 0): 2})

        assert work.unreadable == 1
        assert await work.store.hashes([projections.profile(a.a_user("ben", 8))]) == [{}]


@asynccontextmanager
async def a_replay(log: LogTwin, server: Valkey) -> AsyncIterator[Replay]:
    """Of views, into an empty server."""
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()
    store = Projections("views", server.url, lambda: a.NOON)
    work = Replay(ROWS["views"], log, store, Pace(lambda _: None))
    work.ends()
    try:
        await store.open()
        yield work
    finally:
        await store.close()
