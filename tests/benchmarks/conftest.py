"""Rows of the table in docs/benchmarks.md: every benchmark adds its own, printed in the end."""

import numpy as np
import pytest

from styletransfer import load_image
from styletransfer._tensorflow import keras
from styletransfer.pictures.images import resize

PAIR = ("neuschwanstein_castle", "cafe_terrace_at_night")
ROWS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[ROWS] = []


@pytest.fixture
def row(request):
    """Adds a row: what was measured, the goal, and the figure."""

    def add(what: str, goal: str, found: str) -> None:
        request.config.stash[ROWS].append((what, goal, found))

    return add


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash[ROWS]
    if rows:
        terminalreporter.section("the table of docs/benchmarks.md")
        terminalreporter.write_line("| | goal | measured |\n|---|---|---|")
        for row in rows:
            terminalreporter.write_line("| " + " | ".join(row) + " |")


@pytest.fixture(scope="session")
def vgg19(tmp_path_factory):
    """A VGG-19 with random weights, which is as fast as the real one, which may not be there."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "random_vgg19.weights.h5"
    model = keras.applications.VGG19(weights=None, include_top=False)
    for layer in model.layers:
        if (
            layer.weights
        ):  # activations that neither vanish nor grow with depth, as a trained network's
            kernel = layer.get_weights()[0]
            scale = np.sqrt(2 / np.prod(kernel.shape[:3]))
            noise = np.random.default_rng(1).standard_normal(kernel.shape)
            layer.set_weights(
                [(scale * noise).astype(np.float32), np.zeros(kernel.shape[3], np.float32)]
            )
    model.save_weights(path)
    return str(path)


@pytest.fixture
def square():
    """Photograph and painting with both sides of a length, so that pixels are its square."""
    return lambda size: tuple(resize(load_image(name), (size, size)) for name in PAIR)
