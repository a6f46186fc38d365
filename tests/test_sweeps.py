"""Sweeps: every run of a grid is made once, whatever happens, and the table says what is true."""

import itertools
import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from styletransfer import Objective, sweep
from styletransfer.errors import InputError
from styletransfer.forms import FORMS
from styletransfer.pictures import datasets
from styletransfer.pictures.images import resize, save_image
from styletransfer.runs.store import Store
from styletransfer.study import figures, sweeps
from styletransfer.study.sweeps import MOST_RUNS, Sweep, knee

TINY = {"size": 48, "sizes": (48,), "steps": 3, "backbone": "embedded", "form": "gatys-code"}
GRID = {"lam": [0.1, 10.0], "seed": [0, 1]}


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """Nothing is timed for a forecast: rates are as in a cache."""
    rates = '{"evaluation": 5.0, "trace": 1.0, "setup": 0.5, "pair": 0.01}'
    real = Path.read_text
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda path, **kind: rates if path.name.startswith("rates-") else real(path, **kind),
    )


@pytest.mark.slow
def test_table(pair, tmp_path):
    """Its losses are those that an objective of its own finds in the pictures that were kept."""
    found = sweep(*pair, GRID, store=tmp_path, progress=False, init="noise", **TINY)
    table = found.table
    assert list(table)[:2] == ["lam", "seed"]
    assert table["lam"].tolist() == [0.1, 0.1, 10, 10]
    assert table["seed"].tolist() == [0, 1, 0, 1]
    assert table["error"].tolist() == [""] * 4
    assert (table["steps"] == 3).all()
    assert len(set(table["identity"])) == 4
    content, style = resize(pair[0], (36, 48)), resize(pair[1], (48, 45))
    for i in range(4):
        options = {"form": "gatys-code", "backbone": "embedded", "lam": table["lam"][i]}
        losses = Objective(content, style, **options)(found[i].image)
        row = table.loc[i, ["loss", "content_loss", "style_loss"]].tolist()
        # 8 bits were kept
        assert row == pytest.approx([losses.total, losses.content, losses.style], rel=0.02)
        assert row[0] == pytest.approx(row[1] + table["lam"][i] * row[2], rel=0.01)
        layer = losses.layers["style"]["block3_conv1"]
        assert found.layers()["block3_conv1"][i] == pytest.approx(layer, rel=0.05)
    assert not np.array_equal(found[0].image, found[1].image)


@pytest.mark.slow
def test_the_second_time_nothing_is_made(pair, tmp_path, monkeypatch, capsys):
    first = sweep(*pair, GRID, store=tmp_path, **TINY)
    assert "4 runs, 0 kept already; 4 to make, about" in capsys.readouterr().out
    monkeypatch.setattr(sweeps, "_make", pytest.fail)
    second = sweep(*pair, GRID, store=tmp_path, **TINY)
    pd.testing.assert_frame_equal(first.table, second.table)
    assert second.missing == []


def test_pictures_may_be_in_the_grid(tmp_path):
    grid = {
        "style": ["night_cafe", "cafe_terrace_at_night"],
        "content_layers": [["conv2_2"], ["conv4_2", "conv3_1"]],
    }
    found = Sweep("petra", None, grid, store=tmp_path, **TINY)
    named = [point["style"] for point in found.points]
    assert named == ["night_cafe"] * 2 + ["cafe_terrace_at_night"] * 2
    assert found.requests[3].settings.content_layers == ("block4_conv2", "block3_conv1")
    assert len({request.identity for request in found.requests}) == 4
    assert found.table["content_layers"].tolist() == ["conv2_2", "conv4_2 conv3_1"] * 2
    assert found.table["loss"].isna().all()
    points = [{"style": "night_cafe", "lam": 2}, {"style": "harvest_at_la_crau"}]
    listed = Sweep("petra", None, points, store=tmp_path, **TINY)
    assert [request.settings.lam for request in listed.requests] == [2, None]


def test_several_paintings_may_be_one_value(pair, tmp_path):
    from styletransfer.explorer.sweeptab import SweepBrowser
    from styletransfer.runs.code import as_code

    all_of_them = list(datasets.paintings(artist="van Gogh"))
    styles = ["night_cafe", ["pere_tanguy", "night_cafe"], all_of_them, [pair[1], *all_of_them]]
    options = {**TINY, "steps": 1, "store": tmp_path}
    found = Sweep("petra", None, {"style": styles, "lam": [1, 2]}, **options)
    labels = found.table["style"].tolist()[::2]
    assert labels[:2] == ["night_cafe", "night_cafe + pere_tanguy"]
    many = [re.sub("[0-9a-f]{6}", "…", label) for label in labels[2:]]
    assert many == ["9 pictures (…)", "10 pictures (…)"]
    assert len({request.identity for request in found.requests}) == 8
    assert found.label(2) == "style = night_cafe + pere_tanguy, lam = 1"
    labels = [member.label for member in found.requests[2].style.members]
    assert as_code(found.requests[2]).splitlines()[4] == f"    {labels!r},"
    made = sweep("petra", styles[1], {"lam": [1, 2]}, progress=False, **options)
    assert made.missing == []
    assert [i for i in range(8) if i not in found.missing] == [2, 3]
    sheet = figures.contact_sheet(found, rows="style")
    words = [axis.get_ylabel().partition(" = ")[2].split()[0] for axis in sheet.axes[::2]]
    assert words == ["night_cafe", "night_cafe", "9", "10"]
    assert SweepBrowser(Store(tmp_path), tmp_path).pair.options == (
        "Petra in the manner of night_cafe + pere_tanguy",
    )


def test_equal_runs_are_made_once(pair, tmp_path):
    grid = {"lam": [7, 7.0, None, FORMS["gatys-code"].lam]}
    found = sweep(*pair, grid, store=tmp_path, progress=False, **TINY)
    assert len(Store(tmp_path)) == 2
    losses = found.table["loss"]
    assert losses[0] == losses[1] != losses[2] == losses[3]


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_go_on(pair, tmp_path, caplog):
    grid = {"style_layers": [["conv1_1"], ["conv5_1"]], "learning_rate": [0.01, 1e30]}
    options = {**TINY, "sizes": (12,), "size": 12, "optimizer": "sgd", "progress": False}
    found = sweep(*pair, grid, store=tmp_path, **options)
    errors = found.table["error"].tolist()
    assert errors[0] == ""
    assert "not finite" in errors[1]
    assert all("too few for the deepest layer" in error for error in errors[2:])
    assert "Run 2 of 4 failed (style_layers = conv1_1, learning_rate = 1e+30)" in caplog.text
    assert "Traceback" not in caplog.text  # a sentence was written for it
    assert found.table["loss"].notna().tolist() == [True, False, False, False]
    assert found[1] is None
    assert found.missing == [1, 2, 3]
    assert figures.contact_sheet(found).axes[1].texts[0].get_text() == "not made"


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"lamb": [1]}, "unknown setting 'lamb'; did you mean 'lam'"),
        ({}, "the grid is empty"),
        ([], "the grid is empty"),
        ({"lam": []}, "the grid is empty"),
        ({"lam": 3}, "list of values for lam"),
        ({"form": "gatys"}, "list of values for form"),
        ({"lam": range(1, 1001), "seed": range(1000)}, f"more than {MOST_RUNS} runs"),
        ({"lam": iter(int, 1)}, f"more than {MOST_RUNS} runs"),
        ({"lam": [1, -2]}, "lam must be a number of at least 0"),
        ({"steps": [3]}, "steps stands in the grid and beside it"),
        ({"content": ["petra"]}, "content stands in the grid and beside it"),
        ({"init": ["no_such_picture"]}, "no_such_picture"),
    ],
)
def test_bad_grids_are_refused_before_anything_runs(pair, tmp_path, monkeypatch, grid, message):
    monkeypatch.setattr(sweeps, "_make", pytest.fail)
    with pytest.raises(InputError, match=message):
        sweep(*pair, grid, store=tmp_path / "runs", **TINY)
    assert not (tmp_path / "runs").exists()


def test_a_picture_that_vanished(pair, tmp_path):
    with pytest.raises(InputError, match="there is no style picture"):
        Sweep(pair[0], None, {"lam": [1]}, **TINY)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        save_image(pair[1], path)
    paths[1].unlink()
    for style in (paths, [paths]):
        with pytest.raises(FileNotFoundError, match=r"b\.png"):
            sweep(pair[0], None, {"style": style}, store=tmp_path, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_run_that_fails_unforeseen_leaves_its_traceback(pair, tmp_path, monkeypatch, caplog):
    def make_with_a_bug(request, *callbacks):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sweeps, "_make", make_with_a_bug)
    with caplog.at_level(logging.WARNING):
        found = sweep(*pair, {"lam": [1]}, store=tmp_path, progress=False, **TINY)
    assert found.errors == {0: "a bug"}
    assert "ZeroDivisionError" in caplog.text
    assert "make_with_a_bug" in caplog.text


def test_tables_read_records_and_no_pictures(pair, tmp_path, monkeypatch):
    found = sweep(*pair, GRID, store=tmp_path, progress=False, init="noise", **TINY)
    whole, get, read = found.table, Store.get, []
    monkeypatch.setattr(Store, "get", pytest.fail)
    pd.testing.assert_frame_equal(found.table, whole)
    assert len(found.layers().columns) == 5
    assert repr(found).startswith("<Sweep: 4 of 4 runs over lam, seed; the first: ")
    assert "λ = 0.1" in repr(found)
    monkeypatch.setattr(Store, "get", lambda *key: read.append(key) or get(*key))
    figures.contact_sheet(found)
    assert len(read) == 4  # each of them once


@pytest.mark.slow
def test_runs_with_one_network_are_made_one_after_another(pair, tmp_path, monkeypatch):
    """Whatever the order of the grid, which the table keeps."""
    made = []

    def make(request, *callbacks):
        made.append((*request.settings.style_layers, request.settings.pooling))
        raise InputError("it is not made")

    monkeypatch.setattr(sweeps, "_make", make)
    layers = [["conv1_1"], ["conv2_1"], ["conv1_1", "conv3_1"]]
    grid = {"seed": range(3), "style_layers": layers, "pooling": ["max", "avg"]}
    found = sweep(*pair, grid, store=tmp_path, progress=False, init="noise", **TINY)
    assert len(made) == 18
    assert sum(a != b for a, b in itertools.pairwise(made)) == 5  # between six networks
    assert found.table["seed"].tolist() == [0] * 6 + [1] * 6 + [2] * 6


@pytest.mark.slow
def test_an_interrupt_keeps_what_was_made(pair, tmp_path, interrupt_run, caplog):
    interrupt_run(3)
    found = sweep(*pair, GRID, store=tmp_path, progress=False, **TINY)
    assert "Interrupted" in caplog.text
    assert found.missing == [2, 3]
    assert found.run(progress=False).missing == []


def test_contact_sheet(pair, tmp_path):
    found = sweep(*pair, GRID, store=tmp_path, progress=False, init="noise", **TINY)
    sheet = figures.contact_sheet(found)
    assert [axis.get_title() for axis in sheet.axes] == ["seed = 0", "seed = 1", "", ""]
    assert [axis.get_ylabel() for axis in sheet.axes] == ["λ = 0.1", "", "λ = 10", ""]
    for i, axis in enumerate(sheet.axes):
        np.testing.assert_array_equal(axis.images[0].get_array(), found[i].image)
    turned = figures.contact_sheet(found, columns="lam")
    np.testing.assert_array_equal(turned.axes[1].images[0].get_array(), found[2].image)
    with pytest.raises(InputError, match="unknown setting of the grid 'form'"):
        figures.contact_sheet(found, rows="form")
    three = Sweep(*pair, {**GRID, "tv": [0.0, 1.0]}, store=tmp_path, **TINY)
    with pytest.raises(InputError, match="varies more than lam and seed: tv"):
        figures.contact_sheet(three)


def test_knee():
    """Of a curve that bends in one place, and of the same curve in other units."""
    content = np.array([1.0, 2.0, 4.0, 40.0, 400.0])
    style = np.array([1000.0, 100.0, 10.0, 7.0, 5.0])
    table = pd.DataFrame(
        {"lam": [1.0, 2.0, 3.0, 4.0, 5.0], "content_loss": content, "style_loss": style}
    )
    assert knee(table) == 3.0
    assert knee(table.iloc[::-1]) == 3.0
    assert knee(table.assign(content_loss=content * 17, style_loss=style / 3)) == 3.0
    two = pd.concat([table, table.assign(content_loss=content * 3, style_loss=style * 2)])
    assert knee(two) == 3.0
    with pytest.raises(InputError, match="three values"):
        knee(table.iloc[:2])
    with pytest.raises(InputError, match="a loss is the same for every lam"):
        knee(table.assign(style_loss=1.0))
