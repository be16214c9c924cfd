"""What developing costs: `python bench/film.py` prints photos per second and core for every film, and peak memory.

One 12 MP camera JPEG, CPU time. The floor is what libjpeg-turbo needs for the same photo without any film: half decode
and three encodes, measured in turn with the films, so that a busy machine is as unfair to one as to the other.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ |= {"PILLOW_BLOCKS_MAX": "16", "PILLOW_BLOCK_SIZE": "1m"}  # as in the sandbox; read when Pillow is imported

from PIL import Image

from processors.rules.film import QUALITY, develop, load
from schemas.objects import FILMS
from tests.photographs import a_camera_photo, heic, jpeg, saved

ROUNDS = 8
DAY = date(2026, 11, 21)  # for the film that stamps one
MEASURE_PEAK = """
import sys
from processors.rules.film import develop, load
load()
outcome = develop(sys.stdin.buffer.read(), "lantern-800")  # the film with the most layers
with open("/proc/self/status") as status:  # getrusage would count what the parent had before exec
    peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(type(outcome).__name__, peak_kb // 1024)
"""


def main() -> None:
    load()
    photo = a_camera_photo()
    print(f"12 MP camera JPEG, {len(photo) / 1e6:.1f} MB, {ROUNDS} rounds; load before {os.getloadavg()[0]:.1f}")
    costs = measured({"floor": lambda: floor(photo)} | {film: partial(develop, photo, film, DAY) for film in FILMS})
    print(f"  {'':36} {'ms':>8} {'photos/s/core':>14} {'x floor':>8}   claim <= 125 ms, <= 3.5 x")
    for film, cost_ms in costs.items():
        ratio = cost_ms / costs["floor"]
        kept = cost_ms <= 125 and ratio <= 3.5
        print(f"  {film:36} {cost_ms:8.1f} {1000 / cost_ms:14.1f} {ratio:8.1f}   {'' if kept else 'MISSED'}")
    as_heic = heic(Image.open(BytesIO(photo)), tile_size=512)
    cost_ms = measured({"HEIC": partial(develop, as_heic, FILMS[0])})["HEIC"]
    print(f"  {'12 MP HEIC, ' + FILMS[0]:36} {cost_ms:8.1f} {1000 / cost_ms:14.1f}   {len(as_heic) / 1e6:.1f} MB")
    row("two processes against one", speed_up(photo), "x", at_least=1.8)
    for name, original in (*originals(photo), ("12 MP HEIC", as_heic), ("48 MP HEIC", a_large_heic())):
        row(f"peak memory, {name}", peak_mb(original), "MB", 130)


def originals(photo: bytes) -> Iterator[tuple[str, bytes]]:
    """The largest of each kind that is taken, one at a time."""
    yield "12 MP", photo
    yield "50 MP", a_camera_photo(8600, 5800)
    large = Image.effect_noise((8600, 5800), 20)
    yield "50 MP progressive, 4:2:0", jpeg(large.convert("RGB"), quality=75, progressive=True)
    yield "50 MP progressive, 4:4:4", jpeg(large.convert("RGB"), quality=75, progressive=True, subsampling=0)
    smooth = Image.linear_gradient("L").resize((8600, 5800)).convert("RGB")
    yield "50 MP PNG", saved(smooth, "PNG", compress_level=1)
    yield "25 MP WebP", saved(smooth.resize((6100, 4090)), "WEBP", method=0)


def a_large_heic() -> bytes:
    smooth = Image.linear_gradient("L").resize((8064, 6048)).convert("RGB")
    return heic(smooth, tile_size=512)


def row(name: str, value: float, unit: str, at_most: float | None = None, at_least: float | None = None) -> None:
    claim = f"claim <= {at_most:g}" if at_most else f"claim >= {at_least:g}" if at_least else ""
    kept = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    print(f"  {name:36} {value:8.1f} {unit:3} {claim:14} {'' if kept else 'MISSED'}")


def measured(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median milliseconds of CPU of each, in turn."""
    for work in works.values():
        work()
    rounds = [{name: cpu_ms(work) for name, work in works.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in works}


def cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1000


def floor(photo: bytes) -> None:
    image = Image.open(BytesIO(photo))
    image.draft("RGB", (image.width // 2, image.height // 2))
    image.load()
    for quality, edge_px in zip(QUALITY.values(), (2016, 1080, 320), strict=True):
        shown = image if edge_px == 2016 else image.crop((0, 0, edge_px, edge_px * 3 // 4))
        shown.save(BytesIO(), "JPEG", quality=quality, subsampling="4:2:0")


def speed_up(photo: bytes) -> float:
    """How much faster two processes finish than one, by the clock: needs two idle cores to mean anything."""
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=load) as pool:
        list(pool.map(timed, [photo] * 4, [1] * 4))
        alone = pool.submit(timed, photo, ROUNDS).result()
        together = max(pool.map(timed, [photo] * 2, [ROUNDS] * 2))
    return 2 * alone / together


def timed(photo: bytes, times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        develop(photo, FILMS[0])
    return time.perf_counter() - start


def peak_mb(original: bytes) -> int:
    """Peak resident memory of a fresh process that develops this one photo."""
    done = subprocess.run([sys.executable, "-c", MEASURE_PEAK], input=original, capture_output=True, check=True)
    outcome, peak = done.stdout.split()
    assert outcome == b"Developed"
    return int(peak)


if __name__ == "__main__":
    main()
