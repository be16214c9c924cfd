"""A Kafka of the test's own, with two doors: one for the oracle, and one that leads through a proxy.

The proxied listener advertises the proxy's port; a client that is told the broker's own would leave the proxy at its
first metadata answer.
"""

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from local import cache, recipes
from local.programs import HERE, cluster_id
from local.stack import Stack
from schemas.settings import Settings
from schemas.topics import EVENTS
from tests.conftest import NAME
from tests.faults.proxy import Proxy, a_proxy
from tests.waiting import eventually

START_S = 240  # a JVM beside other tests on two cores


@dataclass
class Broker:
    """One process; its data outlives it. `direct` is the oracle's address, `proxied` the collector's."""

    argv: tuple[str, ...]
    direct: str
    proxy: Proxy
    log: Path
    limits: Mapping[int, int] = field(default_factory=dict)  # resource.RLIMIT_* -> what the process may have
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def proxied(self) -> str:
        """host:port of the collector's listener."""
        return f"127.0.0.1:{self.proxy.port}"

    @property
    def settings(self) -> Settings:
        """For the oracle: past the proxy."""
        return msgspec.structs.replace(Stack.named(NAME).settings, kafka_brokers=self.direct)

    def start(self) -> None:
        """Returns when it leads every partition that it has."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.argv, stdout=log, stderr=log)
        self._limit(self._process.pid)
        eventually(self.leads, within_s=START_S, every_s=0.25)

    def _limit(self, process: int) -> None:
        """From outside: a hook between fork and exec runs beside gRPC's threads, and may end the child."""
        for which, most in self.limits.items():
            resource.prlimit(process, which, (most, most))

    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def leads(self) -> bool:
        """Whether it answers, and every partition has a leader."""
        assert self.runs(), f"the broker ended: {cache.tail(self.log)}"
        host, port = self.direct.split(":")
        try:
            with socket.create_connection((host, int(port)), 3), closing(self.admin()) as admin:
                topics = admin.describe_topics()
        except (OSError, KafkaError):
            return False
        return all(p["leader_id"] >= 0 for topic in topics for p in topic["partitions"])

    def admin(self) -> KafkaAdminClient:
        """Past the proxy; close it."""
        return KafkaAdminClient(bootstrap_servers=[self.direct], bootstrap_timeout_ms=5000, request_timeout_ms=20000)

    def kill(self) -> None:
        """-9, and gone; a frozen one too."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """SIGTERM: it hands over, and ends."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()

    def bounce(self) -> None:
        """Stopped cleanly and started again."""
        self.stop()
        self.start()

    def signal(self, number: signal.Signals) -> None:
        """To the broker's process, as SIGSTOP and SIGCONT."""
        assert self._process is not None
        os.kill(self._process.pid, number)


@contextmanager
def a_broker(folder: Path, *, limits: Mapping[int, int] | None = None, **given: object) -> Iterator[Broker]:
    """Runs, with an empty events.v1; `given` are further settings of the broker, `_` for `.`."""
    with ExitStack() as stack:
        direct, inner, controller = (f"127.0.0.1:{port}" for port in free_ports(3))
        host, port = inner.split(":")
        proxy = stack.enter_context(a_proxy((host, int(port))))
        settings = _settings(folder, direct, inner, controller, proxy, given)
        broker = Broker(_argv(folder, settings), direct, proxy, folder / "kafka.log", limits or {})
        stack.callback(broker.kill)
        broker.start()
        _create_events(broker)
        yield broker


def free_ports(count: int) -> list[int]:
    """Where nobody listens; all held until all are found, so that they differ."""
    with ExitStack() as stack:
        probes = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in probes]


def _settings(
    folder: Path, direct: str, inner: str, controller: str, proxy: Proxy, given: Mapping[str, object]
) -> Path:
    """The local stack's file; of a setting that stands there twice Kafka takes the last."""
    text = (HERE / "kafka.properties").read_text()
    for name, value in {"broker": direct, "controller": controller, "data": folder / "data"}.items():
        text = text.replace(f"{{{name}}}", str(value))
    own: dict[str, object] = {
        "listeners": f"DIRECT://{direct},PROXIED://{inner},CONTROLLER://{controller}",
        "advertised.listeners": f"DIRECT://{direct},PROXIED://127.0.0.1:{proxy.port}",
        "listener.security.protocol.map": "DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "DIRECT",
        "log.segment.bytes": 64 << 20,
    }
    own |= {name.replace("_", "."): value for name, value in given.items()}
    written = folder / "kafka.properties"
    written.write_text(text + "".join(f"{name}={value}\n" for name, value in own.items()))
    return written


def _argv(folder: Path, settings: Path) -> tuple[str, ...]:
    """The command line; the data folder is formatted."""
    place = cache.install(next(recipe for recipe in recipes.RECIPES if recipe.name == "kafka"), lambda _: None)
    java = (str(recipes.java(place)), "-cp", str(place / "jars" / "*"), "-Xmx384m", "-XX:+UseSerialGC")
    formatting = (*java, "kafka.tools.StorageTool", "format", "-t", cluster_id(), "-c", str(settings))
    subprocess.run(formatting, capture_output=True, check=True)
    return (*java, f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}", "kafka.Kafka", str(settings))


def _create_events(broker: Broker) -> None:
    with closing(broker.admin()) as admin:
        wanted = {"num_partitions": EVENTS.partitions_local, "replication_factor": 1, "configs": dict(EVENTS.config)}
        admin.create_topics({EVENTS.name: wanted}, wait_for_metadata=True)
    eventually(broker.leads, within_s=START_S)
