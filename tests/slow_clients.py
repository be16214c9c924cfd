"""`python -m tests.slow_clients PORT SECONDS RAMP_S heads=1000 ...`: clients that take their time, in a process apart.

`heads` send a byte of their head now and then (slowloris), `silent` nothing at all; both come again when they are
thrown out. `bodies` send a byte of what they announced, `chunks` a chunk of a body without an end. `readers` ask for
more than a socket buffers, and read a byte now and then. Prints one JSON line, for how many seconds one of each kind
was kept at the shortest and at the longest; then only the readers are left, until the process is ended.
"""

import asyncio
import json
import resource
import socket
import sys
import time

from tests.bad_requests import CHUNKED, HOST, JSON, KEY

PACE_S = 1.0
POST = b"POST /v1/batch?results=all HTTP/1.1\r\n"
ANSWERS = 4  # of 500 results each, some 40 kB: more than the buffers of both sides take
EVENTS = b'{"batch":[{"type":"track","event":"A","userId":"slow"},' + b",".join([b'{"type":"x"}'] * 499) + b"]}"
ASKS = POST + HOST + KEY + JSON + b"Content-Length: %d\r\n\r\n" % len(EVENTS) + EVENTS

KINDS = {  # what they send first, and then at their pace
    "heads": (b"POST /v1/batch HTTP/1.1\r\nX-A: ", b"a"),
    "silent": (b"", b""),
    "bodies": (POST + HOST + KEY + JSON + b"Content-Length: 100000\r\n\r\n{", b" "),
    "chunks": (POST + HOST + KEY + JSON + CHUNKED + b"\r\n\r\n1\r\n{\r\n", b"1\r\n \r\n"),
    "readers": (ASKS * ANSWERS, b""),
}
PATIENT = frozenset({"bodies", "chunks", "readers"})  # come once


async def hold(port: int, kind: str) -> float:
    """Seconds until the server answered, which is the last that it does, or ended the connection."""
    loop, (first, drip) = asyncio.get_running_loop(), KINDS[kind]
    with socket.socket() as held:
        held.setblocking(False)
        if kind == "readers":
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(held, ("127.0.0.1", port))
        began, dripping = time.monotonic(), asyncio.create_task(_drip(held, first, drip))
        try:
            while await loop.sock_recv(held, 1):
                if kind != "readers":
                    break
                await asyncio.sleep(PACE_S)
        except OSError:
            pass  # a reset is an end, too
        dripping.cancel()
        await asyncio.wait([dripping])
        return time.monotonic() - began


async def _drip(held: socket.socket, first: bytes, drip: bytes) -> None:
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(held, first)
        while drip:
            await asyncio.sleep(PACE_S)
            await loop.sock_sendall(held, drip)
    except OSError:
        pass  # heard where it is read


async def client(port: int, kind: str, wait_s: float, until: float) -> list[float]:
    """How long it was kept, each time."""
    await asyncio.sleep(wait_s)
    kept = [await hold(port, kind)]
    while kind not in PATIENT and time.monotonic() < until:
        kept.append(await hold(port, kind))
    return kept


async def main(port: int, seconds: float, ramp_s: float, crowd: dict[str, int]) -> None:
    """All of them, each kind spread over the ramp."""
    until = time.monotonic() + seconds
    tasks = {
        kind: [asyncio.create_task(client(port, kind, ramp_s * n / count, until)) for n in range(count)]
        for kind, count in crowd.items()
    }
    found = {}
    for kind in sorted(crowd.keys() - {"readers"}):
        kept = [seconds for one in await asyncio.gather(*tasks[kind]) for seconds in one]
        found[kind] = (round(min(kept), 2), round(max(kept), 2))
    print(json.dumps(found), flush=True)
    await asyncio.gather(*tasks.get("readers", []))


if __name__ == "__main__":
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = {kind: int(count) for kind, _, count in (given.partition("=") for given in sys.argv[4:])}
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), crowd))
