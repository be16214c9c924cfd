"""`python -m tests.slow_clients PORT SECONDS`: 1,000 slowloris and 100 slow readers, in a process of their own.

A slowloris sends a byte of its head each second, and comes again when it is thrown out. A slow reader asks for more
than a socket buffers, and reads a byte each second. Prints one JSON line, how long a slowloris was kept at the longest;
then only the readers are left, until the process is ended.
"""

import asyncio
import json
import socket
import sys
import time
from itertools import count

from tests.bad_requests import HOST, JSON, KEY

SLOWLORIS, READERS = 1_000, 100
RAMP_S = 6.0
ANSWERS = 4  # of 500 results each, some 40 kB: more than the buffers of both sides take
EVENTS = b'{"batch":[{"type":"track","event":"A","userId":"slow"},' + b",".join([b'{"type":"x"}'] * 499) + b"]}"


async def hold(port: int, first: bytes, drip: bytes, *, reads: bool) -> float:
    """Seconds until the server ended the connection."""
    loop = asyncio.get_running_loop()
    with socket.socket() as held:
        held.setblocking(False)
        if reads:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await loop.sock_connect(held, ("127.0.0.1", port))
        began = time.monotonic()
        try:
            await loop.sock_sendall(held, first)
            for _ in count():
                await asyncio.sleep(1)
                if reads:
                    if not await loop.sock_recv(held, 1):
                        break
                else:
                    await loop.sock_sendall(held, drip)
                    if _said(held):
                        break
        except OSError:
            pass  # a reset is an end, too
        return time.monotonic() - began


def _said(held: socket.socket) -> bool:
    """Whether the server has answered or ended: a slowloris is answered once, and last."""
    try:
        held.recv(65536)
    except BlockingIOError:
        return False
    return True


async def slowloris(port: int, wait_s: float, until: float) -> list[float]:
    await asyncio.sleep(wait_s)
    kept = list[float]()
    while time.monotonic() < until:
        kept.append(await hold(port, b"POST /v1/batch HTTP/1.1\r\nX-A: ", b"a", reads=False))
    return kept


async def reader(port: int, wait_s: float) -> float:
    await asyncio.sleep(wait_s)
    asks = b"POST /v1/batch?results=all HTTP/1.1\r\n" + HOST + KEY + JSON + b"Content-Length: %d\r\n\r\n" % len(EVENTS)
    return await hold(port, (asks + EVENTS) * ANSWERS, b"", reads=True)


async def main(port: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    readers = [asyncio.create_task(reader(port, RAMP_S * n / READERS)) for n in range(READERS)]
    kept = await asyncio.gather(*(slowloris(port, RAMP_S * n / SLOWLORIS, until) for n in range(SLOWLORIS)))
    heads = [time_s for one in kept for time_s in one]
    print(json.dumps({"head_s": round(max(heads), 2), "heads": len(heads)}), flush=True)
    await asyncio.gather(*readers)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
