from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.ids import PhotoId

moments = st.integers(0, ids.MAX_SECONDS).map(lambda seconds: ids.EPOCH + timedelta(seconds=seconds, microseconds=7))
buckets = st.integers(0, ids.BUCKETS - 1)
sequences = st.integers(0, 1 << 40)


@given(moments, buckets, sequences)
def test_an_id_carries_its_second_and_its_bucket(at: datetime, bucket: int, sequence: int) -> None:
    id = PhotoId(ids.compose(at, bucket, sequence))

    assert ids.bucket(id) == bucket
    assert ids.second(id) == at.replace(microsecond=0)


@given(moments, moments, buckets, buckets, sequences, sequences)
def test_a_photo_s_id_orders_by_reveal_second(
    one: datetime, other: datetime, b1: int, b2: int, s1: int, s2: int
) -> None:
    first, second = PhotoId(ids.compose(one, b1, s1)), PhotoId(ids.compose(other, b2, s2))

    if ids.second(first) < ids.second(second):
        assert int(first) < int(second)


def test_a_photo_is_revealed_in_its_second_and_not_before() -> None:
    reveal = datetime(2026, 11, 22, 9, tzinfo=UTC)
    photo = int(ids.compose(reveal, 63, ids.SEQUENCES - 1))

    assert photo >= ids.floor_at(reveal - timedelta(seconds=1))
    assert photo < ids.floor_at(reveal)


@pytest.mark.parametrize(
    ("at", "bucket"),
    [
        (datetime(2019, 12, 31, tzinfo=UTC), 0),
        (datetime(2089, 1, 1, tzinfo=UTC), 0),
        (datetime(2026, 1, 1, tzinfo=UTC), 64),
    ],
)
def test_an_id_beyond_its_bits_is_refused(at: datetime, bucket: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        ids.compose(at, bucket, 0)


def test_a_retried_command_makes_the_same_fact_and_another_key_another() -> None:
    once = ids.command_fact_id("7", "POST /v1/photos", "k", "PhotoCaptured")

    assert ids.command_fact_id("7", "POST /v1/photos", "k", "PhotoCaptured") == once
    assert ids.command_fact_id("7", "POST /v1/photos", "other", "PhotoCaptured") != once
    assert ids.command_fact_id("8", "POST /v1/photos", "k", "PhotoCaptured") != once
    assert ids.derived_fact_id(once, "PhotoDeveloped") == ids.derived_fact_id(once, "PhotoDeveloped") != once
