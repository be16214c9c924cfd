"""The injector does what it is told: a fault that was not injected would let every test of it pass."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.proxy import Proxy, a_proxy


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """Says back what it hears, on every connection."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    found, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(found,), daemon=True).start()

        def answer(found: socket.socket) -> None:
            with closing(found):
                try:
                    while data := found.recv(1 << 16):
                        found.sendall(data)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.fixture
def proxy(echo: tuple[str, int]) -> Iterator[Proxy]:
    with a_proxy(echo) as proxy:
        yield proxy


def connected(proxy: Proxy) -> socket.socket:
    found = socket.create_connection(("127.0.0.1", proxy.port), 10)
    found.settimeout(10)
    return found


def heard(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    return connection.recv(1 << 16)


def test_what_is_said_comes_through(proxy: Proxy) -> None:
    with closing(connected(proxy)) as one:
        assert heard(one, b"hello") == b"hello"
        assert heard(one, b"again") == b"again"
    assert proxy.greetings == {b"h"}


def test_latency_delays_each_direction(proxy: Proxy) -> None:
    proxy.rule("requests", latency_s=0.2)
    proxy.rule("answers", latency_s=0.2, jitter_s=0.1)
    with closing(connected(proxy)) as one:
        began = time.monotonic()
        assert heard(one, b"hello") == b"hello"

    assert time.monotonic() - began >= 0.4


def test_a_blackhole_swallows_until_it_is_healed(proxy: Proxy) -> None:
    with closing(connected(proxy)) as one:
        assert heard(one, b"before") == b"before"
        proxy.rule("answers", swallowed=True)
        one.settimeout(0.3)
        with pytest.raises(TimeoutError):
            heard(one, b"lost")
        proxy.heal()
        one.settimeout(10)
        assert heard(one, b"after") == b"after"


def test_an_answer_is_cut_and_the_connection_reset(proxy: Proxy) -> None:
    proxy.rule("answers", cut_after=8)
    with closing(connected(proxy)) as one:
        assert heard(one, b"12345678") == b"12345678"
        with pytest.raises(ConnectionResetError):
            heard(one, b"9")
    assert proxy.cut == 1


def test_open_connections_are_reset_and_new_ones_served(proxy: Proxy) -> None:
    with closing(connected(proxy)) as one:
        assert heard(one, b"a") == b"a"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            heard(one, b"b")
    with closing(connected(proxy)) as again:
        assert heard(again, b"c") == b"c"


def test_while_it_is_down_connections_are_refused(proxy: Proxy) -> None:
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.up()
    proxy.up()
    with closing(connected(proxy)) as one:
        assert heard(one, b"hello") == b"hello"


def test_without_a_server_behind_it_a_client_is_reset() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        nobody = free.getsockname()
    with a_proxy(nobody) as proxy:
        with pytest.raises(ConnectionResetError), closing(connected(proxy)) as one:  # some are reset while they connect
            one.recv(1)
        assert proxy.refused == 1
