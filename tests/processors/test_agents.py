"""The table, and that nothing of ours reads the log past the loop."""

import ast
import subprocess
import sys
from pathlib import Path

from processors.agents import PROCESSORS, topology
from processors.patience import TIMEOUT_S
from processors.portions import Size, portions
from schemas.projections import Processor as ProcessorName

ROOM = Path(__file__).parents[2] / "processors"
LOOP = "consume.py"
ONLY_THE_LOOP = {"noack_take", "ack"}  # attributes
NEVER = {
    "take",
    "take_events",
    "events",
    "take_with_timestamp",
    "items_unordered",
    "noack",
    "group_by",
    "through",
    "stream",
}


def _trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(ROOM)): ast.parse(path.read_text()) for path in ROOM.rglob("*.py")}


def _called(tree: ast.Module) -> set[str]:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {call.attr for call in calls if isinstance(call, ast.Attribute)}


def test_only_the_loop_takes_and_acknowledges() -> None:
    found = {name: _called(tree) & ONLY_THE_LOOP for name, tree in _trees().items()}

    assert {name for name, calls in found.items() if calls} == {LOOP}
    assert found[LOOP] == ONLY_THE_LOOP


def test_nothing_reads_a_stream_in_a_way_that_acknowledges_by_itself() -> None:
    assert {name: _called(tree) & NEVER for name, tree in _trees().items() if _called(tree) & NEVER} == {}


def test_only_the_loop_iterates_what_comes_later() -> None:
    loops = {
        name: [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFor)] for name, tree in _trees().items()
    }

    assert {name: len(found) for name, found in loops.items() if found and not name.startswith("stores/")} == {LOOP: 1}


def test_an_agent_is_registered_in_one_place_and_runs_the_loop() -> None:
    registering = {name for name, tree in _trees().items() if "agent" in _called(tree)}
    agent = next(node for node in ast.walk(_trees()["app.py"]) if getattr(node, "name", "") == "agent")

    assert registering == {"app.py"}
    assert isinstance(agent, ast.AsyncFunctionDef)
    assert [ast.unparse(line).partition("(")[0] for line in agent.body] == ["await app.loop_of_agent.run"]


def test_faust_is_imported_by_the_composition_root_alone() -> None:
    importing = set()
    for name, tree in _trees().items():
        for node in ast.walk(tree):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            importing |= {name for module in modules if module.partition(".")[0] in ("faust", "mode", "aiokafka")}

    assert importing == {"app.py"}


def test_every_processor_of_the_language_is_a_row_of_the_table() -> None:
    assert {processor.name for processor in PROCESSORS} == set(ProcessorName.__args__)  # type: ignore[attr-defined]


def test_the_topology_is_printed_without_kafka() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "processors", "agents"],
        cwd=ROOM.parent,
        env={"KAFKA_BROKERS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert printed.stdout.strip() == topology()
    assert all(processor.says in printed.stdout for processor in PROCESSORS)


def test_an_attempt_of_the_sink_carries_what_a_busy_machine_writes_in_half_its_time() -> None:
    warehouse = next(each for each in PROCESSORS if each.name == "warehouse")
    rows, rows_per_s = 500, 1_600  # the largest batch of a client; seen beside four other test runs
    sizes = [Size(rows, 75_000)] * warehouse.batch

    largest = max(sum(size.intents for size in sizes[share]) for share in portions(sizes, warehouse.at_once))

    assert largest <= rows_per_s * TIMEOUT_S / 2
