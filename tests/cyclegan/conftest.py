import contextlib
import resource
import signal

import numpy as np
import pytest

from styletransfer.cyclegan.data import Data, Side
from styletransfer.pictures.images import save_image

# Networks of some thousand parameters.
TINY = {
    "size": 32,
    "load_size": 40,
    "filters": 4,
    "critic_filters": 4,
    "blocks": 1,
    "pool": 3,
    "precision": "float32",
    "steps": 8,
}

LONGER = {**TINY, "steps": 60, "learning_rate": 2e-3}


def words(settings):
    """Settings as the command line takes them."""
    return [w for name, v in settings.items() for w in (f"--{name.replace('_', '-')}", str(v))]


def side(pictures):
    about = tuple({"name": str(i), "sha256": str(i), "credit": ""} for i in range(len(pictures)))
    return Side(tuple(pictures), about, {})


@pytest.fixture(scope="session")
def data():
    """Two sides of noise: orange paintings, blue photographs."""
    rng = np.random.default_rng(3)
    sides = []
    for colour in ((200, 120, 40), (40, 90, 200)):
        noise = [colour + rng.normal(0, 30, (40, 52 + i, 3)) for i in range(3)]
        sides.append(side([np.clip(picture, 0, 255).astype(np.uint8) for picture in noise]))
    return Data("bundled", *sides, {"A": {}, "B": {}})


@pytest.fixture(scope="session")
def trained(data, tmp_path_factory):
    """A finished training of 60 steps, in a folder that no test changes."""
    from styletransfer.cyclegan import train

    return train(tmp_path_factory.mktemp("trained") / "run", data=data, progress=False, **LONGER)


@pytest.fixture
def folders(tmp_path, rng):
    """A folder with trainA, trainB and testB, of files in different formats and sizes."""
    formats = {
        "trainA": ("a.png", "b.jpg", "c.webp"),
        "trainB": ("a.tif", "b.png"),
        "testB": ("t.png", "u.png"),
    }
    home = tmp_path / "pictures"
    for name, files in formats.items():
        (home / name).mkdir(parents=True)
        for i, file in enumerate(files):
            save_image(rng.random((44 + 3 * i, 60, 3)).astype(np.float32), home / name / file)
    return home


@contextlib.contextmanager
def full_disk(most):
    """A limit on the size of files stands in for it."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
