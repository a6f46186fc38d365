import os
import subprocess
import sys

import numpy as np
import pytest

# The tests need no network: the papers' pictures are looked for in an empty place, VGG-19 in an empty cache.
os.environ.pop("STYLETRANSFER_DATA_DIR", None)
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(scope="session")
def pair():
    """A photograph of 64 x 48 pixels and a painting of 60 x 64."""
    from styletransfer import load_image
    from styletransfer.images import resize

    return resize(load_image("petra"), (48, 64)), resize(load_image("night_cafe"), (64, 60))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def command(tmp_path, tmp_path_factory):
    """The command line in a process of its own, with an empty Keras cache; gives the finished process."""

    keras_home = tmp_path_factory.mktemp("keras")

    def run(*words, cwd=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", "styletransfer", *map(str, words)],
            cwd=cwd,
            env={**os.environ, "KERAS_HOME": str(keras_home), **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
