"""The form `nearest`: matching, targets, runs from size to size, and what does not go with it."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from styletransfer import Objective, Run, Settings, load_image, neighbours, transfer
from styletransfer._tensorflow import tf
from styletransfer.canvas import enlarged
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.fast import precision
from styletransfer.neighbours import hypercolumns, matched, taken
from styletransfer.runs import forecast, memory
from styletransfer.runs.request import Request, resolve
from styletransfer.settings import settings_from
from styletransfer.weights.backbones import load_weights

from . import reference

LAYERS = ("block1_conv1", "block2_conv2", "block3_conv1", "block4_conv1")
OPTIONS = {"form": "nearest", "backbone": "embedded"}
TINY = {**OPTIONS, "sizes": (40, 64), "steps": (5, 5)}


def features(rng, height, width):
    """Of a picture's layers, with few filters; the sides need not be multiples of anything."""
    return [
        tf.constant(rng.random((1, height // f, width // f, n)), tf.float32)
        for f, n in zip((1, 2, 4, 8), (3, 5, 4, 6), strict=True)
    ]


def test_hypercolumns_and_their_neighbours(rng, monkeypatch):
    """Against NumPy and SciPy, with cosines in blocks of two rows."""
    monkeypatch.setattr(neighbours, "BLOCK", 2 * 4 * 150)
    shapes = (35, 46), (41, 33), (27, 30)
    given = [features(rng, *shape) for shape in shapes]
    found = [
        hypercolumns(F, LAYERS, np.array(shape) // 4, unit=True)
        for F, shape in zip(given, shapes, strict=True)
    ]
    columns = []
    for F, shape in zip(given, shapes, strict=True):
        by_layer = {layer: f[0].numpy() for layer, f in zip(LAYERS, F, strict=True)}
        columns.append(reference.hypercolumns(by_layer, LAYERS, shape))
        columns[-1] /= np.linalg.norm(columns[-1], axis=1, keepdims=True)
    for parts, expected, (rows, cols) in zip(found, columns, shapes, strict=True):
        assert [part.shape[1:3] for part in parts] == [(rows // 4, cols // 4)] * 4
        flat = np.concatenate([part[0].numpy().reshape(len(expected), -1) for part in parts], 1)
        np.testing.assert_allclose(flat, expected, atol=1e-6)
    picture, pool = columns[0], np.concatenate(columns[1:])
    numbers = matched(found[0], found[1:])
    np.testing.assert_array_equal(numbers.ravel(), reference.neighbours(picture, pool))
    assert numbers.shape == (8, 11)
    targets = taken(found[1:], numbers, (35, 46, 3))
    # Half the squared distance, summed over the parts, is the cosine distance.
    apart = sum(tf.reduce_sum((a - b) ** 2, -1) / 2 for a, b in zip(found[0], targets, strict=True))
    expected = cdist(picture, pool, "cosine")[np.arange(len(picture)), numbers.ravel()]
    np.testing.assert_allclose(np.ravel(apart), expected, atol=1e-6)


@pytest.mark.parametrize("form", ["nearest", "nearest-squared"])
def test_a_painting_matches_itself(pair, form):
    objective = Objective(pair[1], pair[1], **{**OPTIONS, "form": form})
    count = objective.matches.size
    np.testing.assert_array_equal(objective.matches.ravel(), np.arange(count))
    assert objective(pair[1]).style < 1e-10
    twice = Objective(pair[1], [pair[0], pair[1]], **OPTIONS)
    first = (48 // 4) * (64 // 4)  # the positions of the first painting count first
    np.testing.assert_array_equal(twice.matches.ravel(), first + np.arange(count))


def test_a_size_is_matched_with_a_quarter_of_the_picture_so_far(pair):
    run = Run(*pair, settings_from(TINY))
    photo = Objective(load(run, 40), load(run, 40, 1), **OPTIONS)
    np.testing.assert_array_equal(run.objective.matches, photo.matches)  # of the photograph alone
    for _ in range(5):
        next(run)
    request = Request.open(*pair, settings_from(TINY))
    canvas = enlarged(request, run.image, (48, 64))
    next(run)
    blend = (0.25 * canvas + 0.75 * load(run, 64)).astype(np.float32)
    expected = Objective(blend, load(run, 64, 1), **OPTIONS)
    agree = run.objective.matches == expected.matches
    assert agree.mean() > 0.99  # but where two are as near to the last digit
    assert (run.objective.matches != Objective(*pair, **OPTIONS).matches).any()


def load(run, size, number=0):
    """A picture of a run at one of its sizes."""
    from styletransfer.pictures.images import fit, resize

    picture = run.inputs[number].picture
    return resize(picture, fit(picture.shape, size))


@pytest.mark.parametrize("stop", [3, 5, 8])
def test_a_saved_run_goes_on_bit_for_bit(pair, tmp_path, stop):
    whole = Run(*pair, settings_from(TINY)).finish()
    run = Run(*pair, settings_from(TINY))
    for _ in range(stop):
        next(run)
    run.save(tmp_path / "state.npz")
    again = Run.load(tmp_path / "state.npz")
    np.testing.assert_array_equal(again.objective.matches, run.objective.matches)
    np.testing.assert_array_equal(again.finish().image, whole.image)
    with np.load(tmp_path / "state.npz") as saved:
        arrays = {name: saved[name] for name in saved.files if name != "matches"}
    np.savez(tmp_path / "without.npz", **arrays)
    with pytest.raises(InputError, match="matches"):
        Run.load(tmp_path / "without.npz")


def test_the_last_steps_of_mixed_precision_keep_the_targets(pair, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    run = Run(*pair, settings_from({**OPTIONS, "sizes": (64,), "steps": 3, "precision": "mixed"}))
    found = [run.objective.matches for _ in run]
    assert [stage.precision for stage in run._plan.stages] == ["mixed", "float32"]
    assert all(each is found[0] for each in found)


@pytest.mark.slow
def test_the_command_line_and_its_record(tmp_path, capsys):
    out = tmp_path / "a.png"
    words = ["petra", "night_cafe", "--form", "nearest", "--sizes", "48,64", "--steps", "3,3"]
    words += ["--backbone", "embedded", "--quiet"]
    assert main([*words, "--out", str(out)]) == 0
    record = json.loads(out.with_suffix(".json").read_text())
    assert record["form"]["nearest"]
    assert record["settings"]["form"] == "nearest"
    assert main(["--replay", str(out.with_suffix(".json")), "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    assert main([*words, "--forecast"]) == 0
    assert "GB" in capsys.readouterr().out
    assert main([*words, "--tile", "128", "--out", str(tmp_path / "b.png")]) == 2
    said = capsys.readouterr().err
    assert "tile does not go with the form nearest" in said
    assert "Traceback" not in said
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("tile", 128), ("mix", (1, 2)), ("regions", "match"), ("statistic", "mean_std")],
)
def test_what_does_not_go_with_it(pair, name, value):
    with pytest.raises(InputError, match=f"^{name} does not go with the form nearest"):
        transfer(*pair, size=64, progress=False, **OPTIONS, **{name: value})


def test_matches_and_starts_that_do_not_fit(pair):
    good = Objective(*pair, **OPTIONS).matches
    for bad in (good[1:], np.full_like(good, 10_000), good - 1_000):
        with pytest.raises(InputError, match="matches must have the shape"):
            Objective(*pair, matches=bad, **OPTIONS)
    with pytest.raises(InputError, match="must have the shape"):
        Objective(*pair, start=pair[0][1:], **OPTIONS)
    with pytest.raises(InputError, match="no content picture"):
        Objective(None, pair[1], content_layers=(), **OPTIONS)


@pytest.mark.slow
def test_the_search_is_forecast(pair, monkeypatch):
    request = Request.open(*pair, settings_from(TINY))
    plan = resolve(request)

    def said(search):
        rates = forecast.Rates(1.0, 1.0, 0.5, 0.01, search=search)
        monkeypatch.setattr(forecast, "measured_rates", lambda *_: rates)
        return forecast.forecast(plan, request.shapes).seconds

    areas = [(40 * 30 * 1e-6) * (40 * 38 * 1e-6), (64 * 48 * 1e-6) * (64 * 60 * 1e-6)]
    assert said(1e6) - said(0.0) == pytest.approx(1e6 * sum(areas), rel=0.05)
    assert forecast._measure(Settings(**OPTIONS), "float32").search > 0
    assert forecast._measure(Settings(backbone="embedded"), "float32").search == 0


def test_it_is_never_cut_into_tiles(monkeypatch):
    """Where memory is short, a picture that does not fit is refused."""
    monkeypatch.setattr(memory, "available", lambda: 3e9)
    shapes = load_image("petra").shape, load_image("night_cafe").shape
    assert load_weights("embedded").architecture == "vgg16"
    stage = forecast.Stage(2000, 3, "winograd")
    assert memory.tile_for(Settings(size=2000), "vgg16", stage, shapes)
    with pytest.raises(InputError, match="the largest size that fits"):
        memory.tile_for(Settings(size=2000, form="nearest"), "vgg16", stage, shapes)
