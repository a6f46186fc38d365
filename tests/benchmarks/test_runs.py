"""Whole runs beside plain L-BFGS (PyTorch, float32, one size, 500 evaluations) on one pair."""

import numpy as np
import pytest

from styletransfer import Run, Settings, load_image
from styletransfer.pictures.images import save_image

from .conftest import PAIR
from .plain import Plain

SIZE, EVALUATIONS = 512, 500
MOST = 800  # evaluations after which ours is given up


@pytest.fixture(scope="module")
def plain():
    content, style = (load_image(name, size=SIZE) for name in PAIR)
    return Plain(content, style).optimise(content, evaluations=EVALUATIONS)


@pytest.mark.parametrize("sizes", [(SIZE // 2, SIZE), (SIZE,)], ids=str)
def test_time_to_the_loss(benchmark, plain, row, sizes):
    picture, target, seconds = plain
    steps = (MOST - EVALUATIONS, EVALUATIONS) if len(sizes) > 1 else (MOST,)
    same = {"form": "gatys-code", "padding": "zero", "backbone": "embedded"}  # as the loop has it
    run = Run(*PAIR, Settings(sizes=sizes, steps=steps, **same))

    def reach():
        return next(
            (step for step in run if step.size == SIZE and step.losses.total <= target), None
        )

    step = benchmark.pedantic(reach)
    save_image(np.clip(picture, 0, 1), "results/bench-plain.png")
    if step is None:
        last = run.history[-1]
        found = f"not in {last['seconds'] / seconds:.2f} of it: {last['loss']:.4g} after"
        found += f" {last['step']} evaluations"
    else:
        found = f"{step.seconds / seconds:.2f}: {step.seconds:.0f} s and {step.step} evaluations"
    found += f" ({' and '.join(map(str, sizes))} px; PyTorch {target:.4g} in {seconds:.0f} s)"
    row(
        f"time to the loss of plain L-BFGS after {EVALUATIONS} evaluations, {SIZE} px",
        "0.25",
        found,
    )


def test_time_of_the_default(benchmark, plain, row):
    run = Run(*PAIR, Settings(size=SIZE, form="gatys-code", backbone="embedded"))
    said = run.forecast().seconds
    result = benchmark.pedantic(run.finish)
    result.save("results/bench-default.png")
    took = run.history[-1]["seconds"]
    row(
        f"time of the default settings over that of plain L-BFGS, {SIZE} px",
        "0.17",
        f"{took / plain[2]:.2f} ({took:.0f} s)",
    )
    row("forecast of that time over the time", "", f"{said / took:.2f}")
