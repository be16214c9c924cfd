import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.stack import ROOT, SHIFTS, Stack, example, move_hosts, parse_env, shifted
from schemas.settings import Settings, SettingsError, explained


def test_the_example_env_file_holds_every_setting_with_its_explanation() -> None:
    assert (ROOT / ".env.example").read_text() == example(explained())


def test_the_example_env_file_is_what_a_room_without_settings_reads_but_for_the_docs() -> None:
    given = parse_env((ROOT / ".env.example").read_text())

    assert Settings.read(given) == Settings(docs=True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A=1", {"A": "1"}),
        ("# a comment\n\nA=1\n", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A='a b'\nB=\"c\"", {"A": "a b", "B": "c"}),
        ("A=b=c", {"A": "b=c"}),
        ("A=1\nA=2", {"A": "2"}),
    ],
)
def test_an_env_file_is_lines_of_name_and_value(text: str, found: dict[str, str]) -> None:
    assert parse_env(text) == found


@pytest.mark.parametrize("line", ["A", "=1", "A B=1", "export A=1"])
def test_a_line_that_is_no_setting_is_named(line: str) -> None:
    with pytest.raises(SettingsError, match="expected NAME=value"):
        parse_env(line)


@given(
    st.dictionaries(st.from_regex(r"[A-Z_]{1,9}", fullmatch=True), st.from_regex(r"[a-z0-9:/,=.-]*", fullmatch=True))
)
def test_what_is_written_is_read_back(settings: dict[str, str]) -> None:
    assert parse_env("\n".join(f"{name}={value}" for name, value in settings.items())) == settings


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("127.0.0.1:8001", "127.0.0.1:18001"),
        ("a:1,b:2", "a:10001,b:10002"),
        ("http://127.0.0.1:7070", "http://127.0.0.1:17070"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:16379/0"),
        ("redis://:secret@127.0.0.1:6379/0", "redis://:secret@127.0.0.1:16379/0"),
    ],
)
def test_only_the_port_moves(text: str, moved: str) -> None:
    assert move_hosts(text, 10_000) == moved


def test_two_stacks_share_no_port_and_no_folder() -> None:
    stacks = [Stack.named(name) for name in SHIFTS]

    ports = [port for stack in stacks for _, port in stack.addresses().values()]

    assert len(ports) == len(set(ports))
    assert len({stack.folder for stack in stacks}) == len(stacks)


def test_every_address_of_the_test_stack_is_moved() -> None:
    plain, moved = Settings(), Stack.named("test").settings

    kept = {name for name in Settings.__struct_fields__ if getattr(plain, name) == getattr(moved, name)}

    assert not any("127.0.0.1" in str(getattr(plain, name)) for name in kept)


def test_a_stack_without_a_shift_is_the_env_file() -> None:
    assert shifted({"KAFKA_BROKERS": "127.0.0.1:1"}, 0) == {"KAFKA_BROKERS": "127.0.0.1:1"}


def test_two_programs_on_one_port_are_refused() -> None:
    stack = Stack("default", {"API_BIND": "127.0.0.1:8001"}, ROOT)

    with pytest.raises(SettingsError, match="ingest and api both want port 8001"):
        stack.addresses()


def test_the_port_above_the_brokers_is_its_controllers() -> None:
    stack = Stack("default", {"API_BIND": "127.0.0.1:9093"}, ROOT)

    with pytest.raises(SettingsError, match="9093"):
        stack.addresses()


def test_an_unknown_stack_is_refused() -> None:
    with pytest.raises(SettingsError, match="default, test"):
        Stack.named("other")


def test_the_env_file_alone_says_what_a_room_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BROKERS", "elsewhere:9092")

    assert Stack.named("test").env()["KAFKA_BROKERS"] == "127.0.0.1:19092"
