import pytest

from schemas.topics import TOPICS, Origin, parse_position


def test_every_topic_says_why_it_is_there_and_has_a_name_with_a_version() -> None:
    assert all(topic.why and topic.name.endswith(".v1") for topic in TOPICS)
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_facts_are_kept_for_ever_and_secrets_compacted() -> None:
    configs = {topic.name: topic.config for topic in TOPICS}

    assert configs["facts.v1"]["retention.ms"] == "-1"
    assert configs["credentials.v1"]["cleanup.policy"] == "compact"


def test_a_position_survives_its_header() -> None:
    origin = Origin("facts.v1", 3, 1207)

    assert parse_position(str(origin)) == origin


@pytest.mark.parametrize("text", ["", "facts.v1", "facts.v1:3", "facts.v1:x:1", "facts.v1:3:-1", "a:b:c:d", "²:²:²"])
def test_what_is_no_position_is_none(text: str) -> None:
    assert parse_position(text) is None
