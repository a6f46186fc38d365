"""The button that chooses the painting, without a browser."""

import asyncio

import numpy as np

from styletransfer.explorer.controls import Controls
from styletransfer.explorer.pictures import Chooser
from styletransfer.explorer.suggesting import take_suggestion
from styletransfer.explorer.workbench import Workbench
from styletransfer.pictures import datasets
from styletransfer.pictures.images import save_image
from styletransfer.runs.store import Store
from styletransfer.settings import Settings
from styletransfer.study import suggestions


def test_the_painting_and_its_part_are_taken(tmp_path, monkeypatch):
    """The photograph is a lower right quarter of one of three paintings."""
    names = "night_cafe", "great_wave", "composition_viii"
    paintings = {name: datasets.paintings()[name] for name in names}
    monkeypatch.setattr(suggestions.datasets, "paintings", lambda: paintings)
    part = paintings["great_wave"].load()
    height, width = (side // 2 for side in part.shape[:2])
    place = tmp_path / "part.png"
    save_image(part[-height:, -width:], place)
    photos = {"part": datasets.Picture("part", place)}
    choosers = [
        Chooser("photograph", photos, str(place), folder=tmp_path, painting=False),
        Chooser("painting", paintings, "composition_viii", folder=tmp_path, painting=True),
    ]
    controls = Controls()
    controls.show(Settings(backbone="embedded"))
    bench = Workbench(*choosers, controls, folder=tmp_path, store=Store(tmp_path / "runs"))
    asyncio.run(take_suggestion(bench))
    assert bench.painting.gallery.value == "great_wave"
    np.testing.assert_allclose(bench.painting.crop.corners, [0.5, 0.5, 1, 1], atol=0.03)
    shape = bench.painting.source.picture.shape
    assert np.abs(np.subtract(shape, (height, width, 3))).max() < 20
    assert "part that is marked" in bench.message.value
