from hypothesis import given
from hypothesis import strategies as st

from processors.portions import Portion, Size, portions

SIZES = st.lists(st.builds(Size, st.integers(0, 20), st.integers(0, 20)), max_size=30)


@given(SIZES, st.integers(0, 25), st.integers(0, 25))
def test_portions_hold_all_records_in_order_and_no_more_than_they_may(sizes: list[Size], rows: int, size: int) -> None:
    parts = [sizes[share] for share in portions(sizes, Portion(rows, size))]

    assert [each for part in parts for each in part] == sizes
    assert all(parts)
    for part in parts:
        assert len(part) == 1 or not rows or sum(each.intents for each in part) <= rows
        assert len(part) == 1 or not size or sum(each.bytes for each in part) <= size


def test_a_portion_is_as_large_as_it_may_be() -> None:
    sizes = [Size(300, 10)] * 5

    assert list(portions(sizes, Portion(intents=900))) == [slice(0, 3), slice(3, 5)]
    assert list(portions(sizes, Portion(bytes=20))) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert list(portions(sizes, Portion())) == [slice(0, 5)]
