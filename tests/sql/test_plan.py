"""The plan is pure: text in, models in their order out."""

from itertools import permutations

import pytest

from sql.plan import Model, PlanError, ordered, parse, parse_check

HEADER = {"grain": "one day", "reads": "raw.events_v1", "partition": "day", "owner": "analytics", "limits": "none"}


def a_file(query: str = "select * from raw.events_v1", **header: str) -> str:
    return "\n".join([f"-- {word}: {value}" for word, value in {**HEADER, **header}.items()] + [query])


def a_model(path: str, *reads: str) -> Model:
    query = f"select * from {', '.join(reads)}"
    dataset, name = path.split(".")
    return parse(dataset, name, a_file(query, reads=", ".join(reads)))


def test_the_path_is_the_table_and_the_header_says_the_rest() -> None:
    model = parse("marts", "daily_v1", a_file())

    assert (model.path, model.kind, model.reads) == ("marts.daily_v1", "table", ("raw.events_v1",))
    assert (model.grain, model.partition, model.owner) == ("one day", "day", "analytics")


def test_a_header_line_goes_on_when_the_next_is_indented() -> None:
    model = parse("marts", "daily_v1", a_file(limits="the day\n--         is ours"))

    assert model.limits == "the day is ours"


@pytest.mark.parametrize(("takes", "kind"), [("", "view"), ("day DATE", "table function")])
def test_staging_is_computed_where_it_is_read(takes: str, kind: str) -> None:
    assert parse("staging", "stg_x", a_file(takes=takes)).kind == kind


@pytest.mark.parametrize("word", HEADER)
def test_a_header_without_one_of_its_words_is_refused(word: str) -> None:
    with pytest.raises(PlanError, match=f"marts.daily_v1 has no `-- {word}: ...`"):
        parse("marts", "daily_v1", a_file(**{word: ""}))


def test_a_misspelt_word_is_refused() -> None:
    with pytest.raises(PlanError, match="`-- limit:`"):
        parse("marts", "daily_v1", a_file(limit="none"))


@pytest.mark.parametrize("query", ["select 1", "select * from raw.events_v1, raw.facts_v1"])
def test_reads_must_be_what_the_query_names(query: str) -> None:
    with pytest.raises(PlanError, match="its query reads"):
        parse("marts", "daily_v1", a_file(query))


def test_a_table_in_a_comment_is_not_read() -> None:
    assert parse("marts", "daily_v1", a_file("-- unlike raw.facts_v1\nselect * from raw.events_v1"))


def test_each_model_comes_after_what_it_reads_however_they_are_listed() -> None:
    models = [
        a_model("marts.a_v1", "marts.b_v1", "staging.c"),
        a_model("marts.b_v1", "staging.c"),
        a_model("staging.c", "raw.events_v1"),
        a_model("staging.d", "raw.events_v1"),
    ]

    plans = {tuple(m.path for m in ordered(order, ["raw.events_v1"])) for order in permutations(models)}

    assert plans == {("staging.c", "staging.d", "marts.b_v1", "marts.a_v1")}


def test_a_circle_is_refused() -> None:
    with pytest.raises(PlanError, match="in a circle"):
        ordered([a_model("marts.a_v1", "marts.b_v1"), a_model("marts.b_v1", "marts.a_v1")], [])


def test_reading_what_nobody_makes_is_refused() -> None:
    with pytest.raises(PlanError, match=r"marts\.a_v1 reads raw\.event_v1"):
        ordered([a_model("marts.a_v1", "raw.event_v1")], ["raw.events_v1"])


def test_a_check_says_what_it_claims() -> None:
    assert parse_check("once", "-- claim: rows are one\nselect 1").claim == "rows are one"
    with pytest.raises(PlanError, match="claim"):
        parse_check("once", "select 1")
