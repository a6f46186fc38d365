"""One evaluation (loss and gradient) beside PyTorch's on the same pictures, weights and layers."""

import itertools

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer.pictures import datasets
from styletransfer.pictures.images import resize

from .plain import Plain

SIZE = 512
MAIN = ("gatys", "gatys-code", "proposal")
GOALS = {"float32": 0.8, "winograd": 0.5, "mixed": 0.4}
seconds = {}


@pytest.mark.benchmark(
    group=f"one evaluation, VGG-19, {SIZE} x {SIZE} px",
    min_rounds=7,
    warmup=True,
    warmup_iterations=2,
)
@pytest.mark.parametrize("name", ["plain PyTorch", *GOALS])
def test_evaluation(benchmark, square, vgg19, row, name):
    content, style = square(SIZE)
    plain = Plain(content, style, backbone=vgg19)
    if name == "plain PyTorch":
        benchmark(plain, content)
    else:
        options = {"form": "gatys-code", "padding": "zero", "precision": name}  # as the loop has it
        objective = Objective(content, style, backbone=vgg19, **options)
        losses, _ = benchmark(objective.value_and_gradient, content)
        assert losses.total == pytest.approx(plain(content)[0], rel=1e-2)
    seconds[name] = benchmark.stats.stats.median
    if name != "plain PyTorch":
        ratio = seconds[name] / seconds["plain PyTorch"]
        found = f"{ratio:.2f} ({seconds[name]:.2f} s, PyTorch {seconds['plain PyTorch']:.2f} s)"
        row(
            f"one evaluation, VGG-19, {SIZE} px, `{name}`, over plain PyTorch",
            f"{GOALS[name]}",
            found,
        )


@pytest.mark.parametrize(("name", "pairs"), [("winograd", 44), ("mixed", 8)])
def test_error_of_the_gradient(benchmark, row, name, pairs):
    """Relative L2, the largest over forms and photographs, with the paintings in turn."""

    def error(form, photo, painting):
        # one shape for all, so that each network is compiled once
        content, style = (resize(load_image(name), (192, 256)) for name in (photo, painting))
        # away from the start, where the content term has a gradient too
        noise = np.random.default_rng(0).standard_normal(content.shape)
        away = np.clip(content + 0.05 * noise, 0, 1).astype(np.float32)
        exact, found = (
            Objective(
                content, style, form=form, backbone="embedded", precision=each
            ).value_and_gradient(away)[1]
            for each in ("float32", name)
        )
        return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))

    def errors():
        both = list(
            zip(
                list(datasets.photos())[:pairs], itertools.cycle(datasets.paintings()), strict=False
            )
        )
        return {form: np.array([error(form, *pair) for pair in both]) for form in MAIN}

    found = ", ".join(
        f"{form} {100 * np.median(values):.2g} % and {100 * values.max():.2g} % "
        f"({np.sum(values <= 1e-3)} within 0.1 %)"
        for form, values in benchmark.pedantic(errors).items()
    )
    row(
        f"error of the gradient of `{name}`, median and largest, {pairs} pairs, 256 px",
        "0.1 %; fastest mode 1 %",
        found,
    )
