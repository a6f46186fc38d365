"""The default settings against neural-style on pairs that no default was chosen on, judged."""

import time

import numpy as np

from styletransfer import load_image, transfer
from styletransfer.pictures.images import save_image
from styletransfer.study.judge import lpips, style_distance

from .neural_style import HELD_OUT, NeuralStyle, painted

SIZE, ITERATIONS = 512, 500
TIMED = 20
"""Iterations of neural-style whose CPU seconds are measured beside ours: all take an hour."""


def test_against_neural_style(benchmark, row):
    """Style distance, LPIPS and CPU seconds of six pairs; both start from the photograph."""

    def compare(pair):
        content, style = (load_image(name, size=SIZE) for name in pair)
        theirs, _ = painted(pair, size=SIZE, iterations=ITERATIONS, init="image")
        _, cpu, _ = NeuralStyle(content, style).paint(TIMED, init="image")
        began = time.process_time()
        ours = transfer(*pair, size=SIZE, backbone="embedded", progress=False)
        own = time.process_time() - began
        save_image(ours.image, f"results/bench/ours-{'-'.join(pair)}.png")
        distances = [style_distance(picture, style, content) for picture in (ours.image, theirs)]
        apart = [lpips(picture, content) for picture in (ours.image, theirs)]
        print(pair, distances, apart, own, cpu * ITERATIONS / TIMED)
        return distances[0] / distances[1], apart[0] - apart[1], own / (cpu * ITERATIONS / TIMED)

    rows = np.array(benchmark.pedantic(lambda: [compare(pair) for pair in HELD_OUT], rounds=1))
    style, content, seconds = np.median(rows, axis=0)
    what = f"default settings against neural-style, {SIZE} px, median of {len(HELD_OUT)} pairs"
    row(
        f"{what}: style distance",
        "0.7",
        f"{style:.2f} ({rows[:, 0].min():.2f} to {rows[:, 0].max():.2f})",
    )
    row(
        f"{what}: LPIPS less its LPIPS",
        "0",
        f"{content:+.3f} ({rows[:, 1].min():+.3f} to {rows[:, 1].max():+.3f})",
    )
    row(
        f"{what}: CPU seconds",
        f"{1 / 12:.3f}",
        f"{seconds:.3f} ({rows[:, 2].min():.3f} to {rows[:, 2].max():.3f})",
    )
