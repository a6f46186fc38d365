"""Cost against size: time, memory beside the forecast, and the largest picture."""

import functools
import time

import numpy as np
import pytest

from styletransfer import Objective
from styletransfer.fast.timing import fastest
from styletransfer.study.costs import peak_memory

from .conftest import PAIR

SIZES = (256, 512, 1024, 2048)
seconds = {}

OPTIONS = {"form": "gatys-code", "backbone": "embedded"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(group="one evaluation by size")
def test_time_by_size(benchmark, square, size):
    content, style = square(size)
    objective = Objective(content, style, form="gatys-code", backbone="embedded")
    benchmark.pedantic(
        objective.value_and_gradient, (content,), rounds=5 if size < 1000 else 3, warmup_rounds=1
    )
    seconds[size] = benchmark.stats.stats.median / (size**2 / 1e6)


def test_time_per_megapixel(benchmark, row):
    benchmark.pedantic(lambda: None)
    spread = max(seconds.values()) / min(seconds.values()) - 1
    found = ", ".join(f"{size} px {rate:.2f} s" for size, rate in seconds.items())
    row(
        f"seconds per megapixel, {SIZES[0]} to {SIZES[-1]} px",
        "within 15 %",
        f"within {100 * spread:.0f} % ({found})",
    )


def test_memory_by_size(benchmark, row):
    def errors():
        for size, precision in [
            *((size, "auto") for size in SIZES),
            (1024, "float32"),
            (1024, "mixed"),
        ]:
            found = peak_memory(
                *PAIR, {"sizes": [size], "steps": 6, "precision": precision, **OPTIONS}
            )
            yield size, precision, found["forecast"], found["peak"]

    found = benchmark.pedantic(lambda: list(errors()))
    worst = max(abs(said / peak - 1) for *_, said, peak in found)
    text = ", ".join(
        f"{size} px {name} {peak / 1e9:.2f} of {said / 1e9:.2f} GB"
        for size, name, said, peak in found
    )
    row("peak memory against its forecast", "within 15 %", f"within {100 * worst:.0f} % ({text})")


def test_the_largest_picture(benchmark, row):
    options = {"sizes": [512, 4096], "steps": [60, 3], "tile": 512, **OPTIONS}
    began = time.perf_counter()
    pair = ("chateau_de_chambord", PAIR[1])  # a photograph of 4:3
    found = benchmark.pedantic(lambda: peak_memory(*pair, options, save="results/bench-large.jpg"))
    (height, width, _), gigabytes = found["shape"], f"{found['peak'] / 1e9:.1f} GB"
    text = f"{gigabytes} (forecast {found['forecast'] / 1e9:.1f} GB), {width} x {height}"
    text += f" in tiles of {found['tile']}, {time.perf_counter() - began:.0f} s"
    row("memory of 4096 x 3072 px", "8 GB", text)


def test_seams(benchmark, square, row):
    """Tiles against the whole: what differs beside the borders of tiles, and elsewhere."""
    content, style = square(2048)
    options = {"form": "gatys-code", "backbone": "embedded", "precision": "float32"}
    objectives = [Objective(content, style, tile=tile, **options) for tile in (None, 512)]
    whole, tiled = (objective.value_and_gradient(content)[1] for objective in objectives)
    calls = [functools.partial(objective.value_and_gradient, content) for objective in objectives]
    seconds = benchmark.pedantic(lambda: fastest(*calls, trials=2))
    difference = np.abs(tiled - whole).mean(axis=2) / np.abs(whole).mean()
    near = np.zeros(difference.shape, bool)
    for border in (512, 1024, 1536):
        near[border - 8 : border + 8] = near[:, border - 8 : border + 8] = True
    beside, elsewhere = difference[near].mean(), difference[~near].mean()
    found = f"{beside:.0e} at the borders of tiles, {elsewhere:.0e} elsewhere"
    row("gradient in tiles against that of the whole, 2048 x 2048 px, float32", "no seam", found)
    row(
        "time of an evaluation in tiles over that of the whole",
        "",
        f"{seconds[1] / seconds[0]:.2f}",
    )
