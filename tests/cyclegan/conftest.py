import numpy as np
import pytest

from styletransfer.cyclegan.data import Data, Side
from styletransfer.pictures.images import save_image

# Networks of some thousand parameters.
TINY = {
    **{"size": 32, "load_size": 40, "filters": 4, "critic_filters": 4, "blocks": 1, "pool": 3},
    **{"precision": "float32", "steps": 8},
}


def side(pictures):
    about = tuple({"name": str(i), "sha256": str(i), "credit": ""} for i in range(len(pictures)))
    return Side(tuple(pictures), about, {})


@pytest.fixture(scope="session")
def data():
    """Two sides of noise: orange paintings, blue photographs."""
    rng = np.random.default_rng(3)
    colours = {"a": (200, 120, 40), "b": (40, 90, 200)}
    sides = {
        name: side(
            [
                np.clip(colour + rng.normal(0, 30, (40, 52 + i, 3)), 0, 255).astype(np.uint8)
                for i in range(3)
            ]
        )
        for name, colour in colours.items()
    }
    return Data("bundled", sides["a"], sides["b"], {"A": {}, "B": {}})


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
