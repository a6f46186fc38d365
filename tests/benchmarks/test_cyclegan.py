"""A training step of CycleGAN at two sizes and in two precisions, and a translated picture."""

import subprocess
import sys

import pytest

from styletransfer import load_image
from styletransfer.cyclegan import CycleSettings, Generator, Training, open_data
from styletransfer.cyclegan.networks import BYTES

seconds = {}


@pytest.mark.benchmark(
    group="CycleGAN, one step, 32 filters, batch 1", min_rounds=8, warmup=True, warmup_iterations=2
)
@pytest.mark.parametrize(
    ("size", "precision"),
    [(128, "float32"), (128, "mixed"), (256, "float32"), (256, "mixed")],
    ids=str,
)
def test_step(benchmark, row, size, precision):
    settings = CycleSettings(
        size=size,
        blocks=6,
        load_size=286,
        filters=32,
        upsampling="nearest",
        precision=precision,
        steps=10_000,
    )
    training = Training(open_data(short_side=settings.short_side, progress=False), settings)
    benchmark(next, training)
    seconds[size, precision] = benchmark.stats.stats.median
    if precision == "mixed":
        single, mixed = (seconds[size, name] for name in ("float32", "mixed"))
        row(
            f"CycleGAN, one step, {size} px, 32 filters, `mixed` over `float32`",
            "",
            f"{mixed / single:.2f} ({mixed:.2f} s)",
        )


@pytest.mark.benchmark(group="CycleGAN, one picture translated")
@pytest.mark.parametrize("size", [256, 512, 1024])
def test_translation(benchmark, row, size):
    generator, picture = Generator("photo2vangogh"), load_image("petra", size=size)
    benchmark(generator, picture)
    row(
        f"a picture translated by the shipped generator, {size} px",
        "1 s",
        f"{benchmark.stats.stats.median:.2f} s",
    )


MEMORY = """
import resource, sys
import numpy as np
from styletransfer.cyclegan import Generator
generator, side = Generator("photo2vangogh"), int(sys.argv[1])
generator(np.zeros((64, 64, 3), np.float32))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
generator(np.random.default_rng(0).random((side, side, 3), dtype=np.float32))
more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(1024 * more / side**2 / generator.record["settings"]["filters"])
"""


@pytest.mark.parametrize("side", [1024, 1792])
def test_memory_of_a_translation(benchmark, row, side):
    def measured():
        words = [sys.executable, "-c", MEMORY, str(side)]
        return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    found = benchmark.pedantic(measured, rounds=1)
    row(f"memory of a translation, {side} px, over its forecast", "1", f"{found / BYTES:.2f}")
