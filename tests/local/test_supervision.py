import configparser
from pathlib import Path

from local.programs import Program, rooms
from local.stack import ROOT, Stack
from local.supervision import MAX_SOCKET_PATH, config, socket_path

A_PROGRAM = Program("odd", ("/bin/a b", "--rate=5%", "it's"), stop_s=7)


def parsed(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


def test_every_program_is_restarted_for_ever_and_stops_with_its_children() -> None:
    written = parsed(config(Stack.named("test"), rooms()))

    for program in rooms():
        section = written[f"program:{program.name}"]
        assert section["autorestart"] == "true"
        assert int(section["startretries"]) >= 1_000_000
        assert (section["stopasgroup"], section["killasgroup"]) == ("true", "true")


def test_processors_get_the_time_to_drain() -> None:
    written = parsed(config(Stack.named("test"), rooms()))

    assert int(written["program:processors"]["stopwaitsecs"]) == 30


def test_blanks_quotes_and_percent_signs_reach_the_program_as_they_are() -> None:
    written = parsed(config(Stack.named("test"), [A_PROGRAM]))

    assert written["program:odd"]["command"] == """'/bin/a b' --rate=5%% 'it'"'"'s'"""


def test_programs_stop_in_the_reverse_of_their_order() -> None:
    written = parsed(config(Stack.named("test"), rooms()))

    priorities = [int(written[f"program:{program.name}"]["priority"]) for program in rooms()]

    assert priorities == sorted(priorities)  # supervisord stops the highest first


def test_the_socket_stands_in_the_run_folder() -> None:
    stack = Stack("test", {}, Path("/home/someone/darkroom/.local/test"))

    assert socket_path(stack) == stack.run / "supervisor.sock"


def test_a_checkout_in_a_deep_folder_still_gets_a_socket() -> None:
    deep = Stack("test", {}, ROOT / ("deep/" * 40))

    assert len(str(socket_path(deep)).encode()) <= MAX_SOCKET_PATH
    assert socket_path(deep) != socket_path(Stack("test", {}, ROOT / ("deep/" * 41)))
