"""SciPy's optimiser, as `baselines` calls it, against SciPy called directly."""

import numpy as np
import pytest
import scipy.optimize

from styletransfer import Objective
from styletransfer.errors import InputError
from styletransfer.runs.store import Store
from styletransfer.study.baselines import scipy_lbfgs

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
