"""What baked pages hold, and what is not written."""

import numpy as np
import pytest

from styletransfer import load_image
from styletransfer.errors import InputError
from styletransfer.pictures import datasets
from styletransfer.pictures.images import resize
from styletransfer.runs.code import code_of
from styletransfer.runs.record import Result
from styletransfer.study import judge
from styletransfer.study.page import Kept, bake
from styletransfer.study.sweeps import Sweep

from .pages import POINTS, TINY, data_of


@pytest.mark.slow
def test_sixty_pictures_have_less_than_ten_megabytes(runs, tmp_path):
    """Paintings of 512 px with noise, which are no smaller than what runs of that size make."""
    record = runs.record(0)
    record["history"] = (record["history"] * 20)[:140]
    request, chance = runs.requests[0], np.random.default_rng(1)
    paintings = [resize(each.load(), (384, 512)) for each in datasets.paintings().values()]

    def kept():
        for i in range(60):
            noisy = paintings[i % len(paintings)] + chance.normal(0, 0.02, (384, 512, 3))
            image = np.clip(noisy, 0, 1).astype(np.float32)
            yield Kept({"seed": i}, Result(image, record), request)

    bake(kept(), tmp_path / "page.html", judged=False, progress=False)
    pictures = [len(run["picture"]) * 3 / 4 for run in data_of(tmp_path / "page.html")["runs"]]
    assert np.mean(pictures) > 57e3
    assert (tmp_path / "page.html").stat().st_size < 10e6


def test_the_judge(judges, runs, tmp_path):
    runs.to_html(tmp_path / "page.html", progress=False)
    data = data_of(tmp_path / "page.html")
    assert data["unjudged"] == ""
    for i in (0, 4):
        image = runs[i].image
        photo, painting = resize(load_image("petra"), image.shape[:2]), POINTS[i]["style"]
        distance = judge.style_distance(image, load_image(painting, size=64), photo)
        expected = {"style": distance, "lpips": judge.lpips(image, photo)}
        assert data["runs"][i]["judged"] == pytest.approx(expected, rel=1e-6)


def test_code_of_a_record(runs):
    """Is as short as it can be, and asks for the run that it was taken from."""
    lines = code_of(runs.record(2)).splitlines()
    assert lines[5:-2] == [
        "    size=64,",
        "    steps=8,",
        "    lam=0.001,",
        "    backbone='embedded',",
        "    init='noise',",
    ]
    record = runs.record(5)
    assert "form='proposal'" in code_of(record)
    others = {"style_layers": ["block1_conv1"], "omega": [2.0], "sizes": [48, 64], "steps": [3, 5]}
    code = code_of({**record, "settings": {**record["settings"], **others}})
    for line in ("style_layers='block1_conv1'", "omega=2.0", "sizes=(48, 64)", "steps=(3, 5)"):
        assert f"    {line}," in code.splitlines()
    array = {"picture": None, "sha256": "0" * 64, "width": 64, "height": 48}
    code = code_of({**record, "content": array, "style": {"pictures": [array, record["style"]]}})
    assert code.splitlines()[3:5] == ["    photo,", "    [painting, 'night_cafe'],"]


def test_what_cannot_be_written(runs, tmp_path, monkeypatch):
    empty = Sweep("petra", "night_cafe", {"lam": [0.5]}, store=tmp_path / "runs", **TINY)
    for sweep, name, message in (
        (empty, "page.html", "none of its runs is made yet"),
        (runs, "page.txt", "must end in .html"),
        (runs, "nowhere/page.html", "there is no folder"),
    ):
        with pytest.raises(InputError, match=message):
            sweep.to_html(tmp_path / name)

    def interrupted():
        yield Kept({"lam": 1}, runs[0], runs.requests[0])
        raise KeyboardInterrupt

    (tmp_path / "page.html").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        bake(interrupted(), tmp_path / "page.html", judged=False)
    assert (tmp_path / "page.html").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "runs"]
