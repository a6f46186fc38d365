"""Pictures in memory, crops, the pool, and the published sets."""

import dataclasses
import logging
import shutil
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from styletransfer.cyclegan.data import HOLD_OUT, VALIDATION, batches, open_data
from styletransfer.cyclegan.settings import AdaptedSettings, CycleSettings
from styletransfer.cyclegan.updates import HistoryPool
from styletransfer.errors import InputError
from styletransfer.pictures import datasets

from .conftest import TINY, side


@pytest.mark.slow
def test_bundled_pictures_but_for_those_that_are_held_out():
    found = open_data(short_side=40, progress=False)
    assert {picture["name"] for picture in found.a.about} == set(
        datasets.paintings(artist="van Gogh")
    )
    assert len(found.a.pictures) == 9
    unseen = {*HOLD_OUT, *VALIDATION}
    assert len(unseen) == 12
    assert unseen <= set(datasets.photos())
    assert {picture["name"] for picture in found.b.about} == set(datasets.photos()) - unseen
    assert set(found.hold_out["B"]) == set(HOLD_OUT)
    assert all(min(picture.shape[:2]) == 40 for picture in (*found.a.pictures, *found.b.pictures))


def test_paintings_by_name():
    found = open_data("bundled:great_wave", short_side=40, fewest=1, progress=False)
    assert [picture["name"] for picture in found.a.about] == ["great_wave"]
    two = open_data("bundled:great_wave+spring", short_side=40, progress=False)
    assert [picture["name"] for picture in two.a.about] == ["great_wave", "spring"]
    with pytest.raises(InputError, match="at least 2 are needed"):
        open_data("bundled:great_wave", short_side=40, progress=False)
    with pytest.raises(InputError, match="unknown painting 'great_wafe'; did you mean 'great_wave"):
        open_data("bundled:spring+great_wafe", short_side=40, progress=False)


def test_folders_with_mixed_formats_and_broken_files(folders, caplog):
    (folders / "trainA" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folders / "trainA" / "empty.png").write_bytes(b"")
    shutil.copy(
        datasets.photos()["petra"].path, folders / "trainA" / "note.txt"
    )  # no picture's name
    with caplog.at_level(logging.WARNING):
        found = open_data(folders, short_side=40, progress=False)
    assert [picture["name"] for picture in found.a.about] == ["a", "b", "c"]
    assert set(found.a.skipped) == {"broken", "empty"} == set(found.about["skipped"]["A"])
    assert "2 of 5 files of side A are left out (broken: " in caplog.text
    assert set(found.hold_out["B"]) == {"t", "u"}
    assert found.hold_out["A"] == {}


def test_any_two_folders(folders, caplog):
    pair = [str(folders / "trainA"), str(folders / "trainB")]
    found, one = (
        open_data(source, short_side=40, progress=False) for source in (tuple(pair), folders)
    )
    assert found.about == {**one.about, "source": pair, "hold_out": {"A": [], "B": []}}
    for number in range(7):
        (folders / "trainB" / f"broken{number}.png").write_bytes(b"")
    (folders / "testA").mkdir()
    (folders / "testA" / ".keep").touch()
    assert open_data(folders, short_side=40, progress=False).hold_out["A"] == {}
    assert "7 of 9 files of side B are left out (broken0: " in caplog.text
    assert "; and 2 more)" in caplog.text
    assert "broken5" not in caplog.text


def test_what_cannot_be_trained_on(folders, tmp_path, rng):
    def refused(match, source=folders, **options):
        with pytest.raises(InputError, match=match):
            open_data(source, **{"short_side": 40, "progress": False, **options})

    refused("there is no folder .*nowhere", tmp_path / "nowhere")
    refused("did you mean 'vangogh2photo'", "vangoh2photo")
    refused(r"side A has 1 picture\(s\) that can be used; at least 2", least=50)
    refused("take some .* GB at 200000 px", short_side=200_000)
    for number in (0, 3):
        refused(
            f"{number} folders are given; give one of paintings and one of photographs",
            [folders] * number,
        )
    (folders / "trainB" / "b.png").unlink()
    refused(r"side B has 1 picture\(s\)")
    shutil.rmtree(folders / "trainB")
    refused("there is no folder .*trainB")
    (folders / "trainB").mkdir()
    refused("there is no picture in the folder .*trainB")


def settings(**changes):
    return CycleSettings(**{**TINY, **changes})


@pytest.mark.slow
def test_crops_are_parts_of_the_pictures():
    """Each pixel's value says where it was: red counts rows, green columns, blue pictures."""
    rows, columns = np.mgrid[:40, :56]
    pictures = [
        np.stack([4 * rows, 4 * columns, np.full_like(rows, 9 * i)], -1).astype(np.uint8)
        for i in range(4)
    ]
    mirrored, seen = 0, []
    found = list(batches([side(pictures)], settings(batch=2, steps=40)).as_numpy_iterator())
    corners = set()
    for (crops,) in found:
        assert crops.shape == (2, 32, 32, 3)
        for crop in np.round((crops + 1) * 127.5):
            down, right = np.diff(crop[:, 0, 0]), np.diff(crop[0, :, 1])
            assert set(down) == {4}
            assert set(right) in ({4}, {-4})
            mirrored += right[0] < 0
            seen.append(int(crop[0, 0, 2]) // 9)
            corners.add((crop[0, 0, 0], crop[0, :, 1].min()))
    for turn in range(20):  # every pass has every picture once
        assert sorted(seen[4 * turn : 4 * turn + 4]) == [0, 1, 2, 3]
    assert len({tuple(seen[4 * turn : 4 * turn + 4]) for turn in range(20)}) > 5
    assert 25 < mirrored < 55
    assert len(corners) > 50


def test_wider_windows_are_reduced(rng):
    pictures = [np.tile(np.arange(80, dtype=np.uint8)[:, None, None], (1, 80, 3)) for _ in range(2)]
    slopes = [
        float(np.median(np.diff(crops[0, :, 0, 0]))) * 127.5
        for (crops,) in batches(
            [side(pictures)], settings(load_size=80, widest=2.0, steps=60)
        ).as_numpy_iterator()
    ]
    assert 1 <= min(slopes) < 1.2
    assert 1.8 < max(slopes) <= 2


def test_a_later_start_goes_on_with_the_same(data):
    whole = list(batches((data.a, data.b), settings(steps=9)).as_numpy_iterator())
    rest = list(batches((data.a, data.b), settings(steps=9), start=5).as_numpy_iterator())
    assert (len(whole), len(rest)) == (9, 4)
    for expected, found in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(expected, found)
    other = next(batches((data.a, data.b), settings(seed=1)).as_numpy_iterator())
    assert not np.array_equal(whole[0], other)
    assert not np.array_equal(whole[0][0], whole[1][0])


def test_pool_against_a_second_account(rng):
    """Numbers stand for pictures: what comes out went in before, and half of it is old."""
    pool, chance, inside, old = HistoryPool(5), np.random.default_rng(0), set(), 0
    for number in range(2000):
        (given,) = pool.exchange(np.full((1, 1, 1, 3), number, np.float32), chance)
        value = int(given[0, 0, 0])
        if number < 5:
            assert value == number
            inside.add(number)
        elif value != number:
            old += 1
            assert value in inside
            inside = (inside - {value}) | {number}
        assert {int(stored[0, 0, 0]) for stored in pool.pictures} == inside
    assert 900 < old < 1100
    pictures = rng.random((3, 2, 2, 3))
    np.testing.assert_array_equal(HistoryPool(0).exchange(pictures, chance), pictures)


def test_learning_rate():
    """Constant over the first half, then linear to zero: Zhu et al. 2017, Sec. 7.1, by steps."""
    s = settings(steps=200, learning_rate=2e-4)
    assert [s.rate(i) for i in (0, 99, 100)] == [2e-4] * 3
    for step in (100, 150, 199):
        assert s.rate(step) == pytest.approx(2e-4 * (1 - (step - 100) / 100))
    assert settings(constant=1.0).rate(7) == 2e-4


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"size": 30}, "at least 32"),
        ({"size": 34}, "multiple of 4"),
        ({"load_size": 32, "size": 36}, "below the size 36"),
        ({"widest": 1.5}, "do not fit into pictures of 40 px"),
        ({"widest": 0.5}, "at least 1"),
        ({"batch": 0}, "batch must be a whole number of at least 1"),
        ({"upsampling": "nearset"}, "did you mean 'nearest'"),
        ({"norm": "cliped"}, "did you mean 'clipped'"),
        ({"learning_rate": 0}, "above 0"),
        ({"beta_1": 1.0}, "below 1"),
        ({"cycle": -1}, "cycle must be"),
        ({"steps": 2.5}, "whole number"),
        ({"filters": None}, "must have a value"),
        ({"filters": 1_000_000_000}, "filters must be a whole number of at most 1024"),
        ({"seed": 2**63}, "seed must be a whole number of at most"),
    ],
)
def test_refused_settings(changes, match):
    with pytest.raises(InputError, match=match):
        settings(**changes)


@pytest.mark.parametrize("kind", [CycleSettings, AdaptedSettings])
def test_every_number_has_a_bound(kind):
    numbers = [f.name for f in dataclasses.fields(kind) if type(f.default) in (int, float)]
    for name in (*numbers, "steps", "load_size", "blocks"):
        with pytest.raises(InputError, match=f"{name} must be a .*number"):
            kind(**{**TINY, name: 10**400})
    assert len(numbers) >= 9


def test_paper_settings_are_the_defaults():
    s = CycleSettings()
    assert (s.size, s.short_side, s.depth, s.batch, s.pool) == (256, 286, 9, 1, 50)
    assert (s.learning_rate, s.beta_1, s.cycle, s.identity) == (2e-4, 0.5, 10, 0.5)
    assert CycleSettings(size=128).depth == 6


@pytest.mark.slow
def test_published_set(tmp_path, monkeypatch):
    """Through TensorFlow Datasets' own mock of its data, which needs no network."""
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with tfds.testing.mock_data(num_examples=3):
        found = open_data("vangogh2photo", short_side=40, progress=False)
    assert len(found.a.pictures) == len(found.b.pictures) == 3
    assert len(found.hold_out["A"]) == len(found.hold_out["B"]) == 3
    assert found.about["source"] == "vangogh2photo"
    assert found.a.about[0]["name"] == "vangogh2photo/trainA/0"
    assert min(found.b.pictures[0].shape[:2]) == 40
    assert next(iter(found.hold_out["B"].values())).load(size=48).shape[2] == 3


def test_published_set_without_a_network(tmp_path, monkeypatch, caplog):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # it tries ten times, after pauses
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path), raising=False)
    with pytest.raises(InputError, match="'monet2photo' is not here and could not be downloaded"):
        open_data("monet2photo", short_side=40, progress=False)
    assert "Downloading monet2photo" in caplog.text


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "importlib_resources"])
def test_published_set_whose_package_is_not_installed(missing, monkeypatch):
    """TensorFlow Datasets needs the other and does not say so; its own extra has both."""
    if missing == "importlib_resources":
        tfds = pytest.importorskip("tensorflow_datasets")

        def builder(name):
            raise ModuleNotFoundError(f"No module named {missing!r}")

        monkeypatch.setattr(tfds, "builder", builder)
    else:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=f"cannot be imported here .*{missing}.*pip install"):
        open_data("monet2photo", short_side=40, progress=False)
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    for extra in ("published", "test"):
        wanted = " ".join(project["project"]["optional-dependencies"][extra])
        assert missing.replace("_datasets", "-datasets") in wanted
