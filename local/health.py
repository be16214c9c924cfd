"""Whether a program really works: one true round trip each, not a look at its port alone."""

import socket
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import boto3
import grpc
import httpx
import redis
from botocore.config import Config
from kafka import KafkaAdminClient

from local.cache import tail
from local.stack import Stack
from local.supervision import SupervisionError, statuses

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROUND_TRIP_S = 3.0
PATIENCE_S = 120.0  # all that are waited for together; the slowest, the emulator on a cold disk, was measured at 15 s
SAY_EVERY_S = 5.0


class NotReady(Exception):
    """A room answers, but with what it still lacks."""


def _kafka(stack: Stack) -> None:
    with socket.create_connection(stack.addresses()["kafka"], ROUND_TRIP_S):
        pass  # first, because a client that cannot connect leaves a thread behind
    with admin(stack) as client:
        client.describe_cluster()


def admin(stack: Stack, timeout_s: float = ROUND_TRIP_S) -> KafkaAdminClient:
    """kafka-python's admin client; close it."""
    limit = int(timeout_s * 1000)
    brokers = stack.settings.brokers
    return KafkaAdminClient(bootstrap_servers=brokers, bootstrap_timeout_ms=limit, request_timeout_ms=limit)


def _valkey(stack: Stack) -> None:
    with redis.Redis.from_url(stack.settings.redis_url, socket_timeout=ROUND_TRIP_S) as client:
        client.ping()  # answers LOADING, an error, while it reads its file


def _s3(stack: Stack) -> None:
    bucket_client(stack).list_buckets()


def bucket_client(stack: Stack) -> "S3Client":
    """S3 as the rooms see it."""
    settings = stack.settings
    signing = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=ROUND_TRIP_S,
        read_timeout=ROUND_TRIP_S,
        retries={"total_max_attempts": 1},
    )
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        config=signing,
    )


def _bigquery(stack: Stack) -> None:
    """A query over REST, and a handshake with the gRPC side."""
    host, rest = stack.addresses()["bigquery"]
    url = f"http://{host}:{rest}/bigquery/v2/projects/{stack.settings.warehouse_project}/queries"
    answer = httpx.post(url, json={"query": "SELECT 1", "useLegacySql": False}, timeout=ROUND_TRIP_S)
    answer.raise_for_status()
    grpc_host, grpc_port = stack.addresses()["bigquery grpc"]
    with grpc.insecure_channel(f"{grpc_host}:{grpc_port}") as channel:
        grpc.channel_ready_future(channel).result(ROUND_TRIP_S)


def _public(stack: Stack) -> None:
    """A view, which only api can refuse: the way through is open. Its own probes the public address does not show."""
    answer = httpx.get(f"{stack.settings.public_url}/v1/feeds/home", timeout=ROUND_TRIP_S)
    if answer.status_code != 401:
        raise NotReady(f"{answer.status_code} {' '.join(answer.text.split())}")


def _ready(name: str) -> Callable[[Stack], None]:
    def ask(stack: Stack) -> None:
        host, port = stack.addresses()[name]
        answer = httpx.get(f"http://{host}:{port}/ready", timeout=ROUND_TRIP_S)
        if not answer.is_success:
            raise NotReady(f"{answer.status_code} {' '.join(answer.text.split())}")

    return ask


def expect_free(stack: Stack, name: str) -> None:
    """Nobody listens where the program will; else that one would be taken for ours, and filled with our data."""
    host, port = stack.addresses()[name]
    try:
        socket.create_connection((host, port), ROUND_TRIP_S).close()
    except OSError:
        return
    raise SupervisionError(f"{host}:{port} is taken: another program listens where {name} would; end it, or edit .env")


CHECKS: dict[str, Callable[[Stack], None]] = {
    "kafka": _kafka,
    "valkey": _valkey,
    "s3": _s3,
    "bigquery": _bigquery,
    "ingest": _ready("ingest"),
    "processors": _ready("processors"),
    "api": _ready("api"),
    "public": _public,
}


def healthy(stack: Stack, name: str) -> bool:
    """Whether one round trip to the program works now."""
    return problem(stack, name) is None


def problem(stack: Stack, name: str) -> str | None:
    """Why the round trip fails, in few words; None when it works."""
    try:
        CHECKS[name](stack)
    except Exception as error:  # whatever a client raises means the same here: not yet
        return f"{type(error).__name__}: {error}".splitlines()[0][:120]
    return None


def wait(stack: Stack, names: Iterable[str], say: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
    """Returns when all answer; `SupervisionError` with the end of the log of the first that does not in time."""
    started, said = time.monotonic(), 0.0
    waiting: dict[str, str] = dict.fromkeys(names, "starting")
    while waiting:
        for name in tuple(waiting):
            why = problem(stack, name)
            if why is None:
                del waiting[name]
                say(f"{name} answers after {time.monotonic() - started:.1f} s")
            else:
                waiting[name] = why
        spent = time.monotonic() - started
        if waiting and spent > patience_s:
            raise SupervisionError(_despair(stack, waiting, spent))
        if waiting and spent - said > SAY_EVERY_S:
            said = spent
            say(f"waiting for {', '.join(waiting)} ({spent:.0f} s): {next(iter(waiting.values()))}")
        time.sleep(0.1 if waiting else 0)


def _despair(stack: Stack, waiting: dict[str, str], spent_s: float) -> str:
    name, why = next(iter(waiting.items()))
    status = statuses(stack).get(name)
    log = stack.log / f"{name}.log"
    state = status.state if status else "not supervised"
    return f"{name} ({state}) does not answer after {spent_s:.0f} s: {why}\n{log} ends:\n{tail(log)}"
