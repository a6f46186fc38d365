import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

# What a user has in the caches of Keras and of this project takes no part in the tests, and nothing is put there. The
# processes of pytest-xdist take the folders of the one that started them: what was computed once serves them all.
if "STYLETRANSFER_TESTS" not in os.environ:
    _CACHES = tempfile.TemporaryDirectory(prefix="styletransfer-tests-")
    os.environ["STYLETRANSFER_TESTS"] = _CACHES.name
    for _name in ("STYLETRANSFER_DATA_DIR", "STYLETRANSFER_CACHE_DIR", "KERAS_HOME"):
        os.environ[_name] = os.path.join(_CACHES.name, _name.lower())
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(scope="session")
def pair():
    """A photograph of 64 x 48 pixels and a painting of 60 x 64."""
    from styletransfer import load_image
    from styletransfer.images import resize

    return resize(load_image("petra"), (48, 64)), resize(load_image("night_cafe"), (64, 60))


@pytest.fixture(scope="session")
def embedded_features():
    """The unscaled features of a picture in the embedded VGG-16, by layer, computed by NumPy."""
    from styletransfer.backbones import load_weights

    from . import reference

    weights = load_weights("embedded")
    return lambda picture: reference.features(picture, weights.kernels, weights.biases, "max")


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.fixture
def command(tmp_path):
    """The command line in a process of its own; gives the finished process."""

    def run(*words, cwd=tmp_path, **environment):
        return subprocess.run(
            [sys.executable, "-m", "styletransfer", *map(str, words)],
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
