from hypothesis import given
from hypothesis import strategies as st

from ingest.rules.segments import FASTEST, LATE_S, MAGIC, MAX_WAVE, SLOWEST, Spooled, frame, paced, scan, waves
from tests.builders import NOON

texts = st.text(st.characters(codec="utf-8"), max_size=20)
RECORDS = st.lists(
    st.builds(
        Spooled,
        since=st.just(NOON),
        app=texts,
        events=st.integers(1, 500),
        trace=texts,
        key=texts,
        value=st.text(st.characters(codec="utf-8"), max_size=60).map(str.encode),
    ),
    min_size=1,
    max_size=5,
)


def written(records: list[Spooled]) -> bytes:
    return b"".join(frame(record) for record in records)


@given(RECORDS)
def test_what_was_written_is_read(records: list[Spooled]) -> None:
    data = written(records)

    found = scan(data)

    assert (list(found.records), found.end, found.damaged) == (records, len(data), 0)


@given(RECORDS, st.data())
def test_a_torn_tail_costs_only_the_record_that_was_being_written(records: list[Spooled], data: st.DataObject) -> None:
    whole = written(records)
    upto = data.draw(st.integers(0, len(whole)))

    found = scan(whole[:upto])

    kept = len(found.records)
    assert list(found.records) == records[:kept]
    assert found.end == len(written(records[:kept])) <= upto
    assert upto < len(written(records[: kept + 1])) or kept == len(records)
    assert found.damaged == 0


@given(RECORDS, st.data())
def test_a_flipped_bit_is_noticed_and_costs_one_record(records: list[Spooled], data: st.DataObject) -> None:
    whole = bytearray(written(records))
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8

    found = scan(bytes(whole))

    hurt = next(n for n in range(len(records)) if bit // 8 < len(written(records[: n + 1])))
    assert list(found.records) == records[:hurt] + records[hurt + 1 :]
    assert found.damaged + len(whole) - found.end == len(frame(records[hurt]))


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_bytes_that_nobody_wrote_hold_no_record_and_break_nothing(before: bytes, after: bytes) -> None:
    found = scan(before + MAGIC + after)

    assert (found.records, found.end) == ((), 0)


def a_record(key: str, number: int) -> Spooled:
    return Spooled(NOON, "app", 1, "trace", key, str(number).encode())


@given(st.lists(st.sampled_from("abcd")))
def test_waves_keep_each_keys_order_and_hold_no_key_twice(keys: list[str]) -> None:
    records = [a_record(key, number) for number, key in enumerate(keys)]

    found = list(waves(records))

    assert all(len({record.key for record in wave}) == len(wave) > 0 for wave in found)
    for key in "abcd":
        assert [r for wave in found for r in wave if r.key == key] == [r for r in records if r.key == key]


def test_a_wave_is_bounded() -> None:
    assert [len(wave) for wave in waves(a_record(str(n), n) for n in range(MAX_WAVE + 1))] == [MAX_WAVE, 1]


def test_a_drain_speeds_up_while_the_loop_is_in_time() -> None:
    pace = SLOWEST
    for _ in range(50):
        pace = paced(pace, LATE_S / 2)

    assert pace == FASTEST


def test_a_drain_gives_way_to_live_requests_but_goes_on() -> None:
    assert paced(FASTEST, 2 * LATE_S) == FASTEST / 2
    assert paced(SLOWEST, 2 * LATE_S) == SLOWEST
