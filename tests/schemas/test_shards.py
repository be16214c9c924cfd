import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import BUCKETS
from schemas.shards import Table, TableError, followed, moved, routes, table

A, B, C = (f"redis://{name}:6379/0" for name in "abc")


def test_one_address_holds_every_bucket() -> None:
    assert table(A) == Table((A,), (0,) * BUCKETS)


def test_ranges_and_single_buckets_name_their_server() -> None:
    found = table(f"0-31={A}, 33-63={B},32={C}")

    assert [found.of(bucket) for bucket in (0, 31, 32, 33, 63)] == [A, A, C, B, B]
    assert found.buckets(found.servers.index(C)) == [32]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "entry 1 is not a server"),
        ("http://a", "entry 1 is not a server"),
        (f"0-63={A},", "entry 2 is not a server"),
        (f"0-31={A}", "bucket 32 has no server"),
        (f"0-31={A},31-63={B}", "bucket 31 is given twice"),
        (f"0-64={A}", "entry 1 holds buckets 0-64"),
        (f"9-3={A}", "entry 1 holds buckets 9-3"),
    ],
)
def test_a_table_that_does_not_name_every_bucket_once_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(TableError, match=wrong):
        table(text)


def test_what_is_said_of_a_wrong_table_holds_no_password() -> None:
    with pytest.raises(TableError) as error:
        table("0-31=redis://:geheim@a:6379/0,geheim=redis://:geheim@b")

    assert "geheim" not in str(error.value)


@given(st.lists(st.sampled_from([A, B, C]), min_size=BUCKETS, max_size=BUCKETS))
def test_a_table_is_read_as_it_is_written(owners: list[str]) -> None:
    text = ",".join(f"{bucket}={owner}" for bucket, owner in enumerate(owners))

    assert table(table(text).text()) == table(text)


def test_a_bucket_moves_and_the_others_stay() -> None:
    found = moved(table(f"0-31={A},32-63={B}"), 7, C)

    assert [bucket for bucket in range(BUCKETS) if found.of(bucket) != table(f"0-31={A},32-63={B}").of(bucket)] == [7]
    assert moved(found, 7, A) == table(f"0-31={A},32-63={B}")


def test_a_server_that_holds_nothing_any_more_is_not_in_the_table() -> None:
    assert moved(table(f"0-62={A},63={B}"), 63, A) == table(A)


def test_who_looks_for_a_bucket_follows_it_from_server_to_server() -> None:
    given = table(f"0-31={A},32-63={B}")

    assert followed(given, {A: {"7": C, "40": C}, B: {}, C: {"7": B}}) == moved(given, 7, B)


def test_a_bucket_that_came_back_is_where_it_was() -> None:
    given = table(A)

    assert followed(given, {A: {}, B: {"7": A}}) == given
    assert followed(moved(given, 7, B), {A: {}, B: {"7": A}}) == given


def test_routes_begin_as_the_settings_say_with_everybody_unheard() -> None:
    begun = routes(f"0-31={A},32-63={B}")

    assert begun.table == table(f"0-31={A},32-63={B}")
    assert begun.servers == begun.unheard == (A, B)


def test_who_gave_nothing_away_tells_no_news() -> None:
    begun = routes(A)

    assert begun.knows({A: {}})
    assert not begun.knows({A: {"7": B}})
    assert begun.after({A: {"7": B}}).knows({A: {"7": B}, B: {}})


def test_routes_lead_to_where_a_bucket_went_and_older_ones_stay_as_they_were() -> None:
    begun = routes(A)

    found = begun.after({A: {"7": B}})

    assert (found.table.of(7), found.table.of(8)) == (B, A)
    assert found.unheard == (B,)
    assert begun == routes(A)


def test_what_one_server_tells_does_not_unsay_what_another_told() -> None:
    found = routes(f"0-31={A},32-63={B}").after({A: {"7": C}, B: {"40": C}}).after({A: {}})

    assert (found.table.of(7), found.table.of(40)) == (A, C)


def test_a_server_of_the_settings_is_asked_even_when_it_holds_nothing_any_more() -> None:
    found = routes(f"0-62={A},63={B}").after({B: {"63": A}})

    assert found.table.servers == (A,)
    assert found.servers == (A, B)
