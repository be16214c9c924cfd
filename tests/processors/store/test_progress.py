"""What a store of projections remembers of the log."""

from processors.processor import Effects
from tests import builders as a
from tests.processors.store.house import House


async def test_a_store_that_has_seen_nothing_remembers_nothing(house: House) -> None:
    assert await house.store.progress() == {}


async def test_progress_is_the_next_offset_even_of_records_that_ask_for_nothing(house: House) -> None:
    await house.again(Effects(a.an_origin(41, 1), ()), Effects(a.an_origin(7, 2), ()), Effects(a.an_origin(42, 1), ()))

    assert await house.store.progress() == {("facts.v1", 1): 43, ("facts.v1", 2): 8}


async def test_progress_never_goes_back(house: House) -> None:
    await house.again(Effects(a.an_origin(9), ()))
    await house.again(Effects(a.an_origin(10), ()))
    await house.again(Effects(a.an_origin(9), ()))

    assert await house.store.progress() == {("facts.v1", 0): 11}
