"""What developing costs: `python bench/film.py` prints CPU per 12 MP photo, its ratio to the floor, and peak memory.

The floor is what libjpeg-turbo needs for the same photo without any film: half decode and three encodes, in the same
run. The claim on memory is missed by progressive files, of which libjpeg keeps all coefficients at full size; the
sandbox bounds them.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ |= {"PILLOW_BLOCKS_MAX": "16", "PILLOW_BLOCK_SIZE": "1m"}  # as in the sandbox; read when Pillow is imported

from PIL import Image

from processors.rules.film import QUALITY, develop, load
from tests.photographs import a_camera_photo, jpeg

FILM = "darkroom-400"
ROUNDS = 8
MEASURE_PEAK = """
import sys
from processors.rules.film import develop, load
load()
outcome = develop(sys.stdin.buffer.read(), "darkroom-400")
with open("/proc/self/status") as status:  # getrusage would count what the parent had before exec
    peak_kb = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(type(outcome).__name__, peak_kb // 1024)
"""


def main() -> None:
    load()
    photo = a_camera_photo()
    film_ms, floor_ms = measured(lambda: develop(photo, FILM)), measured(lambda: floor(photo))
    print(
        f"12 MP camera JPEG, {len(photo) / 1e6:.1f} MB, CPU, median of {ROUNDS}; load before {os.getloadavg()[0]:.1f}"
    )
    row("develop", film_ms, "ms", 125)
    row("floor (half decode, three encodes)", floor_ms, "ms")
    row("ratio", film_ms / floor_ms, "x", 3.5)
    row("two processes against one", speed_up(photo), "x", at_least=1.8)
    for name, original in (
        ("12 MP", photo),
        ("50 MP", a_camera_photo(8600, 5800)),
        ("50 MP progressive", progressive()),
    ):
        row(f"peak memory, {name}", peak_mb(original), "MB", 130)


def row(name: str, value: float, unit: str, at_most: float | None = None, at_least: float | None = None) -> None:
    claim = f"claim <= {at_most:g}" if at_most else f"claim >= {at_least:g}" if at_least else ""
    kept = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
    print(f"  {name:36} {value:8.1f} {unit:3} {claim:14} {'' if kept else 'MISSED'}")


def measured(work: Callable[[], object]) -> float:
    """Median milliseconds of CPU."""
    work()
    return statistics.median(cpu_ms(work) for _ in range(ROUNDS))


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
        develop(photo, FILM)
    return time.perf_counter() - start


def progressive() -> bytes:
    return jpeg(Image.effect_noise((8600, 5800), 20).convert("RGB"), quality=75, progressive=True, subsampling=0)


def peak_mb(original: bytes) -> int:
    """Peak resident memory of a fresh process that develops this one photo."""
    done = subprocess.run([sys.executable, "-c", MEASURE_PEAK], input=original, capture_output=True, check=True)
    outcome, peak = done.stdout.split()
    assert outcome == b"Developed"
    return int(peak)


if __name__ == "__main__":
    main()
