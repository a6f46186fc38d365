"""The loop: what a run records, that it can be made again, and what it refuses."""

import dataclasses
import inspect
import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import styletransfer
from styletransfer import Objective
from styletransfer.errors import InputError, NonFiniteError
from styletransfer.fast import precision
from styletransfer.forms import FORMS
from styletransfer.loop import Run
from styletransfer.painting import transfer
from styletransfer.pictures.images import resize, save_image
from styletransfer.runs import callbacks as listeners
from styletransfer.settings import Settings, settings_from

TINY = {"size": 64, "sizes": (40, 64), "steps": (6, 6), "backbone": "embedded"}
OPTIMIZERS = ("lbfgs", "adam", "sgd")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_record_per_step(pair, optimizer):
    run = Run(*pair, settings_from({**TINY, "optimizer": optimizer}))
    steps = list(run)
    assert [step.step for step in steps] == list(range(1, 13))
    assert [step.size for step in steps] == [40] * 6 + [64] * 6
    assert all(a.seconds < b.seconds for a, b in itertools.pairwise(steps))
    assert steps[-1].work == pytest.approx(1)
    assert run.history[-1] == steps[-1].entry
    assert set(steps[0].entry) == {"size", "step", "seconds", "loss", "content", "style"}
    for half in (steps[:6], steps[6:]):
        assert half[-1].losses.total < half[0].losses.total
    if optimizer == "lbfgs":
        totals = [step.losses.total for step in steps[6:]]
        assert totals == sorted(totals, reverse=True)


def test_a_listener_that_fails_is_left_out(pair, tmp_path, caplog):
    calls = []

    def fail(run, step):
        calls.append(step.step)
        raise OSError("disk full")

    gone = listeners.Preview(tmp_path / "missing" / "x.png", every=0)
    result = transfer(*pair, progress=False, callbacks=[fail, gone], **TINY)
    assert calls == [1]
    assert len(result.record["history"]) == 12
    assert "disk full" in caplog.text
    assert "there is no folder" in caplog.text


def test_weights_are_checked_when_they_are_set(pair, tmp_path):
    run = Run(*pair, settings_from(TINY))
    next(run)
    run.objective.omega = np.array(run.objective.omega, np.float32)
    run.objective.lam = np.float32(5)
    run.finish(until=3).save(tmp_path / "out.png")
    assert [
        change["lam"] for change in json.loads((tmp_path / "out.json").read_text())["changes"]
    ] == [5]
    for name, value in (
        ("lam", -1),
        ("lam", float("nan")),
        ("tv", -0.5),
        ("omega", [1, 2, 3, 4, -5]),
    ):
        with pytest.raises(InputError, match=f"{name} must be a finite number of at least 0"):
            setattr(run.objective, name, value)
    with pytest.raises(InputError, match="omega has 2 weights for 5 style layers"):
        run.objective.omega = (1, 2)


@pytest.mark.slow
def test_the_box_holds_what_it_held(pair, monkeypatch):
    """When the optimiser starts afresh near a minimum, the gradient says nothing of the weight."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    options = {**TINY, "sizes": (64,), "size": 64, "steps": 30}
    for changed, settings in ((False, {**options, "precision": "mixed"}), (True, options)):
        run = Run(*pair, settings_from(settings))
        for _ in range(15):
            next(run)
        before = run.objective.box
        run.objective.lam *= 1.01 if changed else 1
        final = run.finish().record
        assert run.objective.box >= before
        assert final["picture"]["losses"]["total"] < 1.05 * final["history"][-1]["loss"]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_weight_changed_during_the_run_is_optimised_for(pair, optimizer, factor):
    """The optimiser does not judge the new objective by the old one's losses."""
    run = Run(*pair, settings_from({**TINY, "sizes": (64,), "steps": 40, "optimizer": optimizer}))
    for _ in range(15):
        next(run)
    run.objective.lam *= factor
    rest = [step.losses.total for step in run]
    assert not run.record()["stalls"]
    assert rest[-1] < 0.9 * rest[0]
    objective = Objective(*pair, backbone="embedded", lam=FORMS[Settings.form].lam * factor)
    assert objective(run.image).total == pytest.approx(rest[-1], rel=0.05)


def test_paths_and_numpy_numbers_are_settings(pair, tmp_path):
    save_image(pair[0], tmp_path / "start.png")
    numbers = {"size": np.int64(64), "sizes": np.array([40, 64]), "lam": np.float32(2)}
    result = transfer(*pair, progress=False, **{**TINY, **numbers, "init": tmp_path / "start.png"})
    result.save(tmp_path / "out.png")
    assert json.loads((tmp_path / "out.json").read_text())["settings"]["lam"] == 2


def test_the_losses_are_those_of_the_picture(pair):
    run = Run(*pair, settings_from(TINY))
    step = list(run)[-1]
    objective = Objective(*pair, backbone="embedded")
    objective.box = run.objective.box
    np.testing.assert_allclose(objective(run._now.state.kept).total, step.losses.total, rtol=1e-5)
    final = run.record()["picture"]["losses"]
    assert objective(run.image).total == pytest.approx(final["total"], rel=1e-5)
    assert final["box"] == 0


@pytest.mark.slow
def test_the_box_term_keeps_the_loss_of_the_clipped_picture():
    """Without it the picture that is saved is worse than the canvas that was optimised."""
    words = ("neuschwanstein_castle", "church_at_auvers")
    settings = {"sizes": (96,), "steps": 120, "form": "gatys-code", "lam": 100.0}
    settings |= {"backbone": "embedded", "progress": False}
    records = (transfer(*words, box=box, **settings).record for box in (1.0, 0.0))
    kept, free = ((r["picture"]["losses"]["total"], r["history"][-1]["loss"]) for r in records)
    assert kept[0] < 1.01 * kept[1]
    assert free[0] > 1.05 * free[1]
    assert kept[0] < 0.95 * free[0]


@pytest.mark.slow
def test_the_same_settings_give_the_same_picture(pair):
    a, b = (transfer(*pair, progress=False, **TINY, init="noise") for _ in range(2))
    np.testing.assert_array_equal(a.image, b.image)
    assert a.record["picture"] == b.record["picture"]


def test_a_loss_that_is_not_finite_stops_with_the_last_good_picture(pair):
    with pytest.raises(
        NonFiniteError, match=r"not finite at step .* smaller learning_rate"
    ) as caught:
        transfer(
            *pair,
            progress=False,
            **{**TINY, "steps": (30, 30)},
            optimizer="sgd",
            learning_rate=1e30,
        )
    kept = caught.value.result
    assert np.isfinite(kept.image).all()
    assert kept.record["stopped"] == "not finite"
    assert all(np.isfinite(entry["loss"]) for entry in kept.record["history"])


@pytest.mark.slow
def test_a_stall_is_reported_and_the_next_size_goes_on(pair, caplog):
    same = pair[0]
    result = transfer(same, same, progress=False, content_layers=(), **{**TINY, "steps": (30, 30)})
    assert result.record["stalls"]
    assert "No step lowers the loss" in caplog.text
    assert {entry["size"] for entry in result.record["history"]} == {40, 64}


def test_an_enlarged_picture_gets_the_detail_of_the_photograph(pair):
    """A size's first evaluation keeps its start, which is the photograph, at either size."""
    options = {**TINY, "steps": (1, 1)}
    run = Run(*pair, settings_from(options))
    assert [step.size for step in run] == [40, 64]
    np.testing.assert_allclose(run.image, resize(pair[0], (48, 64)), atol=1e-6)
    noise = Run(*pair, settings_from({**options, "init": "noise"}))
    small = next(noise) and noise.image
    next(noise)
    np.testing.assert_array_equal(noise.image, resize(small, (48, 64)))


def test_snapshots_keep_the_picture_of_a_moment(pair):
    snapshots = listeners.Snapshots([0, 1e-9, 1e9])
    first = []
    result = transfer(
        *pair,
        progress=False,
        callbacks=[snapshots, lambda run, step: first.append(run.image)],
        **TINY,
    )
    assert set(snapshots.pictures) == set(snapshots.steps) == {0, 1e-9}
    assert snapshots.steps[0].step == 1
    np.testing.assert_array_equal(snapshots.pictures[0], first[0])
    assert not np.array_equal(snapshots.pictures[0], result.image)


@pytest.mark.slow
def test_one_trace_and_flat_memory():
    """In a process of its own: memory grows no more over 30 runs than over a few."""
    script = """
import numpy as np, psutil
from styletransfer.loop import Run
from styletransfer.settings import settings_from
rng = np.random.default_rng(0)
pictures = rng.random((2, 60, 64, 3), dtype=np.float32)


def used():
    return psutil.Process().memory_info().rss / 1e6
for i in range(30):
    options = dict(size=64, sizes=(40, 64), steps=4, lam=1.0 + i, seed=i, backbone="embedded")
    run = Run(*pictures, settings_from(options))
    run.finish()
    if i == 5:
        first = used()
print(run.objective.traces, used() - first)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    traces, growth = done.stdout.split()
    assert int(traces) == 1
    assert float(growth) < 40, "MB over 24 runs"


def test_every_setting_has_one_default():
    for entry in dataclasses.fields(Settings):
        assert entry.metadata["help"] in styletransfer.transfer.__doc__
    objective = inspect.signature(Objective.__init__).parameters
    shared = [entry for entry in dataclasses.fields(Settings) if entry.name in objective]
    assert len(shared) == 16
    assert all(objective[entry.name].default == entry.default for entry in shared)


@pytest.mark.slow
def test_importing_the_package_is_quick_and_quiet():
    script = (
        "import sys, styletransfer; assert 'tensorflow' not in sys.modules; styletransfer.Objective"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
