"""Runs the BigQuery emulator, made fit for closed networks and mended.

`python bigquery_launcher.py HOST REST_PORT GRPC_PORT DATA_DIR PROJECT`, under the emulator's own Python. Imports
nothing of ours; its own libraries are not in our environment, hence `Any`.

What is changed, and why:
- DuckDB's extensions are loaded from wheels, and nothing is installed; a plain start would download them.
- Append and finalize hold one lock per stream. Offset check, insert and count are three steps in 0.4.0, so two appends
  could take the same offset, and a finalize did not wait for an append in flight: the fence of the sink would leak.
- A batch is tried before it is inserted. In 0.4.0 one malformed JSON value made the good rows go in *and* an error come
  back, without the offset advancing, so the retry doubled them.
- Writers of the store take turns. A DuckLake commit that came second is tried again, 100 times at most: beside a busy
  sink a MERGE ran out of them, and 0.4.0 told of its failed rollback instead of the reason.
- Rows that come as Arrow go in as Arrow (`bigquery_arrow.py`).
- The gRPC server takes messages of any size and enough streams at once (each holds a thread for as long as it is open).
- Every five minutes the store is compacted: it writes one file per append.
"""

import concurrent.futures
import contextlib
import importlib.resources
import importlib.util
import json
import logging
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb  # type: ignore[import-not-found]
import grpc
import uvicorn
from local_bigquery.settings import settings  # type: ignore[import-not-found]

COMPACT_EVERY_S = 300
STREAMS_AT_ONCE = 64
EXTENSIONS = ("ducklake", "spatial")
TURN = threading.RLock()  # held by whoever commits to the store
log = logging.getLogger("bigquery")

Rows = list[tuple[int, dict[str, Any]]]  # index in the batch, and the row


def load_extensions() -> None:
    """Makes every new DuckDB connection load the extensions from their wheels, then set the time zone."""
    plain = duckdb.connect

    def connect(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("config", None)  # its only entry is the time zone, which is set below
        connection = plain(*args, **kwargs)
        for name in EXTENSIONS:
            connection.execute(f"LOAD '{_extension(name)}'")
        # a folder of ours that stays empty: what somebody's home happens to hold must not hide a missing wheel
        connection.execute(f"SET extension_directory = '{settings.data_dir / 'extensions'}'")
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection

    duckdb.connect = connect


def _extension(name: str) -> Path:
    wheel = importlib.resources.files(f"duckdb_extension_{name}")
    return Path(str(wheel)) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


class Script:
    """A SQL file of the emulator without its INSTALL lines, which would download what the wheels brought."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read_text(self) -> str:
        """What the emulator runs of it."""
        return "\n".join(line for line in self._path.read_text().splitlines() if not line.startswith("INSTALL "))


def install_nothing() -> None:
    """The emulator's own functions come without downloads."""
    from local_bigquery.engine import database  # type: ignore[import-not-found]

    database.FUNCTIONS = [Script(path) for path in database.FUNCTIONS]


def lock_streams() -> None:
    """One thing at a time per stream. Before `local_bigquery.grpc.server` is imported: it keeps what it finds."""
    from local_bigquery.grpc import write  # type: ignore[import-not-found]

    append, finalize = write._append, write.finalize
    locks: dict[str, threading.Lock] = defaultdict(threading.Lock)  # an entry outlives its stream: a few hundred bytes

    def append_alone(stream: Any, rows: Any, offset: int | None) -> Any:
        with locks[stream.name]:
            return append(stream, rows, offset)

    def finalize_alone(request: Any) -> Any:
        with locks[request.name]:
            return finalize(request)

    write._append, write.finalize = append_alone, finalize_alone


def take_turns() -> None:
    """One insert, statement that writes, or compaction at a time; readers go on beside it."""
    import sqlglot  # type: ignore[import-not-found]
    from local_bigquery.catalog import tabledata  # type: ignore[import-not-found]
    from local_bigquery.jobs import query  # type: ignore[import-not-found]

    insert, run = tabledata._insert, query._run

    def insert_in_turn(table: str, schema: Any, rows: Rows) -> Any:
        with TURN:
            return insert(table, schema, rows)

    def run_in_turn(cursor: Any, tree: Any, *rest: Any) -> Any:
        reads = isinstance(tree, sqlglot.exp.Query)
        with contextlib.nullcontext() if reads else TURN:
            return run(cursor, tree, *rest)

    tabledata._insert, query._run = insert_in_turn, run_in_turn


def insert_all_or_none() -> None:
    """Rows of a batch go in together or not at all; the ones that cannot be converted are named. After `take_turns`.

    With `skipInvalidRows` (REST only) the good rows of such a batch stay out as well; we never ask for it.
    """
    from local_bigquery.catalog import tabledata
    from local_bigquery.engine import database

    insert = tabledata._insert

    def insert_probed(table: str, schema: Any, rows: Rows) -> Any:
        probe = _probe(tabledata, schema, rows)
        if probe is None:
            return insert(table, schema, rows)
        with database.cursor() as cursor:
            problems = _problems(cursor, probe, rows)
        if not problems:
            return insert(table, schema, rows)
        return [{"index": index, "errors": [_error(problems.get(index))]} for index, _ in rows]

    tabledata._insert = insert_probed


def _probe(tabledata: Any, schema: Any, rows: Rows) -> tuple[str, str] | None:
    """The emulator's own conversion without its insert; hashing makes DuckDB compute every value."""
    keys = list(dict.fromkeys(key for _, row in rows for key in row))
    if not keys:
        return None
    columns = [(tabledata.quote(key), schema[key.casefold()][1]) for key in keys]
    struct = f"STRUCT({', '.join(f'{name} {tabledata._spec_type(kind)}' for name, kind in columns)})"
    values = ", ".join(tabledata._select(name, kind) for name, kind in columns)
    sql = f"SELECT max(hash({values})) FROM (SELECT unnest(from_json($payload, $spec)) AS r)"  # noqa: S608
    return sql, json.dumps([struct])


def _problems(cursor: Any, probe: tuple[str, str], rows: Rows) -> dict[int, str]:
    """What is wrong with which row; by halves, so that one of thousands costs a dozen questions."""
    problem = _problem(cursor, probe, rows)
    if problem is None or len(rows) == 1:
        return {} if problem is None else {rows[0][0]: problem}
    half = len(rows) // 2
    return _problems(cursor, probe, rows[:half]) | _problems(cursor, probe, rows[half:])


def _problem(cursor: Any, probe: tuple[str, str], rows: Rows) -> str | None:
    sql, spec = probe
    try:
        cursor.execute(sql, {"payload": json.dumps([row for _, row in rows]), "spec": spec}).fetchall()
    except duckdb.Error as error:
        return str(error)
    return None


def _error(problem: str | None) -> dict[str, str]:
    """A good row beside a bad one is `stopped`, as BigQuery says; the gRPC side names the bad ones only."""
    if problem is None:
        return {"reason": "stopped", "location": "", "message": ""}
    return {"reason": "invalid", "location": "", "debugInfo": "", "message": problem}


def beside(name: str) -> Any:
    """A module of this folder; our own environment is not the emulator's, and its path must not be either."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serve_grpc(host: str, port: int) -> grpc.Server:
    """The emulator's services on a server of our own making; refuses a port that is taken instead of sharing it."""
    from local_bigquery.grpc import server as emulator

    sizes = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=STREAMS_AT_ONCE)
    server = grpc.server(pool, options=sizes)
    handlers = [grpc.method_handlers_generic_handler(name, of) for name, of in emulator.SERVICES.items()]
    server.add_generic_rpc_handlers(handlers)
    if not server.add_insecure_port(f"{host}:{port}"):
        raise SystemExit(f"gRPC port {port} is taken")
    server.start()
    return server


def compact_forever(stop: threading.Event) -> None:
    """Merges the small files of every project and drops what they replaced; a conflict waits for the next turn."""
    from local_bigquery.engine import database

    while not stop.wait(COMPACT_EVERY_S):
        for project in database.projects():
            try:
                compact(database, project)
            except duckdb.Error as error:
                log.warning("compacting %s: %s", project, error)


def compact(database: Any, project: str) -> None:
    """Once for one project."""
    with TURN:
        database.execute(f"CHECKPOINT {database.quote(project)}")
        database.execute(f"SELECT count(*) FROM ducklake_cleanup_old_files('{project}', cleanup_all => true)")  # noqa: S608


def main() -> None:
    """Mends, then serves REST and gRPC until SIGTERM."""
    host, rest_port, grpc_port, data, project = sys.argv[1:]
    settings.bigquery_host, settings.bigquery_port, settings.grpc_port = host, int(rest_port), int(grpc_port)
    settings.data_dir, settings.default_project_id = Path(data), project
    load_extensions()
    install_nothing()
    lock_streams()
    take_turns()
    insert_all_or_none()
    beside("bigquery_arrow").insert_whole(TURN)
    server = serve_grpc(host, int(grpc_port))
    stop = threading.Event()
    threading.Thread(target=compact_forever, args=(stop,), daemon=True).start()
    uvicorn.run("local_bigquery:app", host=host, port=int(rest_port), log_level="warning", access_log=False)
    stop.set()
    server.stop(None)


if __name__ == "__main__":
    main()
