import asyncio

from ingest.deadline import Deadline


async def test_a_deadline_passes_once() -> None:
    passed = list[float]()
    loop = asyncio.get_running_loop()
    deadline, began = Deadline(loop, lambda: passed.append(loop.time())), loop.time()

    deadline.after(0.05)
    await asyncio.sleep(0.2)

    assert len(passed) == 1
    assert passed[0] - began > 0.04


async def test_the_latest_word_counts_later_or_earlier() -> None:
    passed = list[float]()
    loop = asyncio.get_running_loop()
    deadline, began = Deadline(loop, lambda: passed.append(loop.time())), loop.time()

    for moved_s in (0.05, 0.5, 0.1, 0.2):
        deadline.after(moved_s)
    await asyncio.sleep(0.4)

    assert len(passed) == 1
    assert passed[0] - began > 0.19  # not at an earlier word


async def test_off_is_off_until_the_next_one() -> None:
    passed = list[int]()
    deadline = Deadline(asyncio.get_running_loop(), lambda: passed.append(1))

    deadline.after(0.03)
    deadline.off()
    await asyncio.sleep(0.08)
    assert passed == []

    deadline.after(0.03)
    await asyncio.sleep(0.08)
    assert passed == [1]


async def test_nothing_passes_after_the_close() -> None:
    passed = list[int]()
    deadline = Deadline(asyncio.get_running_loop(), lambda: passed.append(1))

    deadline.after(0.02)
    deadline.close()
    await asyncio.sleep(0.05)

    assert passed == []
