"""The phases, without Kafka: what an exception in each of them means."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import pytest

from processors.batch import Item, Phases
from processors.cap import DEAD_IN_A_ROW, CapReached
from processors.intents import Intent, Point
from processors.patience import Abandoned, Patience
from processors.portions import Portion
from processors.processor import Effects, Known, Poison, Record, Rule, nothing
from processors.stores.dead_letters import DeadLetters, Headers
from processors.telemetry import Telemetry
from schemas.projections import Key
from schemas.topics import FACTS
from tests.builders import NOON, an_origin
from tests.processors.flows import NUMBERS


class Remembering:
    """A store that remembers; it fails as often as it is told to, and refuses the numbers it is told to."""

    def __init__(self, failures: int = 0, refuses: Sequence[int] = ()) -> None:
        self.applied: list[Effects] = []
        self.attempts: list[list[int]] = []
        self.calls = 0
        self._failures = failures
        self._refuses = {an_origin(number) for number in refuses}

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def progress(self) -> Mapping[tuple[str, int], int] | None:
        return None

    async def apply(self, effects: Sequence[Effects]) -> None:
        self.calls += 1
        self.attempts.append([each.origin.offset for each in effects])
        if self.calls <= self._failures:
            raise RuntimeError("away")
        refused = {each.origin: "no" for each in effects if each.intents and each.origin in self._refuses}
        if refused:
            raise Poison(refused)
        self.applied += effects


class Desk:
    """A processor's phases with twins around them; `dead` is what it wrote as (stage, offset)."""

    def __init__(
        self, store: Remembering, rule: Rule | None = None, known: Known = nothing, gives_up: str = "", at_once: int = 0
    ) -> None:
        self.store = store
        self.finished: list[int] = []
        self.dead: list[tuple[str, int]] = []
        self.dead_failures = 0
        self._phases = Phases(
            name="views",
            reads=[NUMBERS],
            rule=rule or said,
            known=known,
            store=store,
            dead_letters=DeadLetters(self._send, "views", lambda: NOON),
            patience=Patience("views", lambda: gives_up or None, lambda: None, Telemetry(), Random(1)),
            telemetry=Telemetry(),
            guard=unguarded,
            at_once=Portion(at_once),
        )

    async def process(self, values: Sequence[bytes | None], headers: Headers = ()) -> None:
        await self._phases.process([an_item(value, offset, headers) for offset, value in enumerate(values)], self._done)

    @property
    def done(self) -> dict[int, int]:
        """Offset -> how many intents of it were applied."""
        return {each.origin.offset: len(each.intents) for each in self.store.applied}

    async def _done(self, count: int) -> None:
        self.finished.append(count)

    async def _send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        if self.dead_failures:
            self.dead_failures -= 1
            raise RuntimeError("away")
        told = dict(headers)
        self.dead.append((told["stage"].decode(), int(told["offset"])))


async def unguarded(attempt: Callable[[], Awaitable[None]]) -> None:
    await attempt()


def an_item(value: bytes | None, offset: int, headers: Headers = ()) -> Item:
    return Item(Record(an_origin(offset), b"k", value, {}), headers)


def said(number: int) -> Iterator[Intent]:
    if number < 0:
        raise ValueError("negative")
    yield Point(Key("{b00}:x"), str(number))


async def test_a_record_that_cannot_be_decoded_is_dead_and_the_others_are_applied() -> None:
    desk = Desk(Remembering())

    await desk.process([b"0", b"x", None, b"3"])

    assert desk.dead == [("decode", 1), ("decode", 2)]
    assert desk.done == {0: 1, 1: 0, 2: 0, 3: 1}  # the dead ones too, so that the store's progress moves


async def test_a_record_whose_rule_raises_is_dead_even_after_its_first_intent() -> None:
    def rule(number: int) -> Iterator[Intent]:
        yield Point(Key("{b00}:x"), str(number))
        if number == 1:
            raise KeyError(number)

    desk = Desk(Remembering(), rule)

    await desk.process([b"0", b"1"])

    assert desk.dead == [("rule", 1)]
    assert desk.done == {0: 1, 1: 0}


async def test_a_store_that_is_away_costs_time_and_no_record() -> None:
    desk = Desk(Remembering(failures=3))

    await desk.process([b"0", b"1"])

    assert desk.dead == []
    assert desk.done == {0: 1, 1: 1}


async def test_what_the_store_refuses_for_good_is_dead_and_the_others_are_applied_again() -> None:
    desk = Desk(Remembering(refuses=[1, 2]))

    await desk.process([b"0", b"1", b"2", b"3"])

    assert desk.dead == [("apply", 1), ("apply", 2)]
    assert desk.done == {0: 1, 1: 0, 2: 0, 3: 1}


async def test_nothing_is_applied_before_the_dead_letters_are_written() -> None:
    desk = Desk(Remembering())
    desk.dead_failures = 2

    await desk.process([b"x", b"1"])

    assert desk.dead == [("decode", 0)]
    assert desk.done == {0: 0, 1: 1}


async def test_a_batch_that_is_no_longer_ours_is_given_back_when_it_fails_and_not_before() -> None:
    well, away = Desk(Remembering(), gives_up="rebalancing"), Desk(Remembering(failures=1), gives_up="rebalancing")

    await well.process([b"0"])
    with pytest.raises(Abandoned, match="rebalancing"):
        await away.process([b"0"])

    assert well.done == {0: 1}


async def test_a_store_that_takes_long_gets_a_batch_in_portions_and_each_is_finished_by_itself() -> None:
    desk = Desk(Remembering(), at_once=2)

    await desk.process([b"0", b"1", b"x", b"3", b"4", b"5"])

    assert desk.store.attempts == [[0, 1, 2], [3, 4], [5]]
    assert desk.finished == [3, 2, 1]
    assert desk.dead == [("decode", 2)]


async def test_an_attempt_that_fails_repeats_its_own_portion_only() -> None:
    desk = Desk(Remembering(refuses=[3]), at_once=2)

    await desk.process([b"0", b"1", b"2", b"3"])

    assert desk.store.attempts == [[0, 1], [2, 3], [2, 3]]
    assert desk.dead == [("apply", 3)]


async def test_what_is_left_of_a_batch_is_given_back_when_it_is_no_longer_ours() -> None:
    desk = Desk(Remembering(), gives_up="stopping", at_once=2)

    with pytest.raises(Abandoned, match="stopping"):
        await desk.process([b"0", b"1", b"2", b"3"])

    assert desk.store.attempts == [[0, 1]]
    assert desk.finished == [2]


async def test_dead_letters_of_all_portions_count_towards_the_cap() -> None:
    desk = Desk(Remembering(refuses=range(DEAD_IN_A_ROW)), at_once=1)

    with pytest.raises(CapReached):
        await desk.process([b"%d" % number for number in range(DEAD_IN_A_ROW)])

    assert len(desk.dead) == DEAD_IN_A_ROW - 1


async def test_what_a_rule_must_know_is_asked_again_when_the_answer_does_not_come() -> None:
    asked: list[Sequence[Any]] = []

    async def doubled(values: Sequence[Any]) -> Sequence[Any]:
        asked.append(values)
        if len(asked) == 1:
            raise RuntimeError("away")
        return [2 * value for value in values]

    def rule(number: int, double: int) -> Iterator[Intent]:
        assert double == 2 * number
        yield from said(number)

    desk = Desk(Remembering(), rule, doubled)

    await desk.process([b"1", b"x", b"2"])

    assert asked == [[1, 2], [1, 2]]
    assert desk.done == {0: 1, 1: 0, 2: 1}


async def test_a_rule_that_could_not_be_run_is_run_again_and_one_that_raises_is_dead() -> None:
    tried: list[int] = []

    async def rule(number: int) -> Iterator[Intent]:
        tried.append(number)
        if tried.count(number) == 1:
            raise OSError("no child could be started")
        return iter(list(said(-1 if number == 1 else number)))

    desk = Desk(Remembering(), rule)

    await desk.process([b"0", b"1"])

    assert sorted(tried) == [0, 0, 1, 1]
    assert desk.dead == [("rule", 1)]


async def test_at_the_cap_nothing_is_written_and_nothing_applied() -> None:
    desk = Desk(Remembering())

    with pytest.raises(CapReached) as stopped:
        await desk.process([b"0"] + [b"x"] * DEAD_IN_A_ROW)

    assert stopped.value.back_to == {(FACTS.name, 0): 1}
    assert desk.dead == []
    assert desk.done == {}


async def test_the_cap_counts_what_the_store_refuses_too() -> None:
    desk = Desk(Remembering(refuses=range(DEAD_IN_A_ROW)))

    with pytest.raises(CapReached):
        await desk.process([b"1"] * DEAD_IN_A_ROW)


@pytest.mark.parametrize(("who", "done"), [(b"views", {0: 1}), (b"metrics", {0: 0})])
async def test_what_was_driven_again_concerns_the_processor_that_had_refused_it(
    who: bytes, done: dict[int, int]
) -> None:
    desk = Desk(Remembering())

    await desk.process([b"1"], headers=(("only-for", b"an older try"), ("only-for", who)))

    assert desk.done == done
    assert desk.dead == []


async def test_anothers_dead_letter_does_not_die_here() -> None:
    desk = Desk(Remembering())

    await desk.process([b"not a number"], headers=(("only-for", b"metrics"),))

    assert desk.dead == []
