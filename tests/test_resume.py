"""Stopped runs: what they keep, and that they go on as if they had never stopped."""

import json

import numpy as np
import pytest

from styletransfer import Objective, load_image
from styletransfer.errors import InputError
from styletransfer.fast import precision
from styletransfer.loop import Run
from styletransfer.painting import transfer
from styletransfer.pictures.images import read_image, resize
from styletransfer.runs.callbacks import Checkpoint, Preview
from styletransfer.settings import settings_from

TINY = {"size": 64, "sizes": (40, 64), "steps": (6, 6), "backbone": "embedded"}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
@pytest.mark.parametrize("stop", [1, 4, 6, 9, 12])
def test_stop_and_resume_equals_the_uninterrupted_run(pair, tmp_path, optimizer, stop):
    """Bit for bit, wherever it is stopped: within a line search, between two sizes, in the end."""
    settings = settings_from(
        {**TINY, "optimizer": optimizer, "init": "noise", "seed": 3, "history": 4}
    )
    whole = Run(*pair, settings).finish()
    run = Run(*pair, settings)
    for _ in range(stop):
        next(run)
    run.save(tmp_path / "state.npz")
    rest = Run.load(tmp_path / "state.npz").finish()
    np.testing.assert_array_equal(rest.image, whole.image)

    def without_seconds(record):
        return {
            **record,
            "history": [
                {key: value for key, value in e.items() if key != "seconds"}
                for e in record["history"]
            ],
        }

    assert without_seconds(rest.record) == without_seconds(whole.record)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["_objective", "_shape", "_work"])
def test_an_interrupt_within_a_step_leaves_the_run_as_it_was(pair, tmp_path, monkeypatch, where):
    """The worst moment is the change of size: the next objective is half built."""
    settings = settings_from(TINY)
    whole = Run(*pair, settings).finish()
    run = Run(*pair, settings)
    for _ in range(6):
        next(run)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run, where, interrupt)
        stopped = run.finish([Checkpoint(tmp_path / "state.npz")])
    assert stopped.record["stopped"] == "interrupted"
    assert (
        stopped.record["history"][-1]["size"] == stopped.image.shape[1]
    )  # what `until` of a replay leads to
    assert stopped.image.shape[1] in (40, 64)
    again = Run.load(tmp_path / "state.npz").finish()
    np.testing.assert_array_equal(again.image, whole.image)
    assert len(again.record["history"]) == 12


def test_changed_weights_survive_a_stop(pair, tmp_path):
    run = Run(*pair, settings_from(TINY))
    next(run)
    run.objective.lam = 5.0
    run.save(tmp_path / "state.npz")
    again = Run.load(tmp_path / "state.npz")
    assert next(again).losses == next(run).losses
    assert again.objective.lam == 5.0
    assert again.changes == ({"step": 2, **again.objective.weighting},)
    again.objective.lam = run.settings.lam
    next(again)
    # it is as it was, and still the run cannot be made from its settings
    assert [(change["step"], change["lam"]) for change in again.record()["changes"]] == [
        (2, 5.0),
        (3, run.settings.lam),
    ]
    again.save(tmp_path / "state.npz")
    assert Run.load(tmp_path / "state.npz").changes == again.changes
    unchanged = Run(*pair, settings_from(TINY))
    next(unchanged)
    assert "changes" not in unchanged.record()


def test_an_interrupt_keeps_the_picture_so_far(pair):
    def interrupt(run, step):
        if step.step == 7:
            raise KeyboardInterrupt

    result = transfer(*pair, progress=False, callbacks=[interrupt], **TINY)
    assert result.record["stopped"] == "interrupted"
    assert len(result.record["history"]) == 7
    assert result.image.shape == pair[0].shape


def test_progress_checkpoint_and_preview(pair, tmp_path, capsys):
    state, preview = tmp_path / "state.npz", tmp_path / "preview.png"
    seen = []
    followers = [
        Checkpoint(state, every=0),
        Preview(preview, every=0),
        lambda run, step: seen.append(read_image(preview).shape),
    ]
    result = transfer(*pair, callbacks=followers, **TINY)
    assert seen == [(30, 40, 3)] * 6 + [(48, 64, 3)] * 6
    np.testing.assert_allclose(read_image(preview), result.image, atol=0.002)
    np.testing.assert_array_equal(Run.load(state).image, result.image)
    assert "step 12 of 12" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"precision": "mixed"}, {"tile": 64, "sizes": (48, 96)}])
def test_a_run_in_tiles_or_mixed_goes_on_and_can_be_made_again(
    pair, tmp_path, monkeypatch, options
):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    content, painting = (resize(picture, (72, 96)) for picture in pair)
    pictures = content, [painting, content]
    options = settings_from({**TINY, "size": None, "form": "gatys-code", **options})
    whole = Run(*pictures, options).finish()
    run = Run(*pictures, options)
    run.finish(until=9)
    run.save(tmp_path / "state.npz")
    again = Run.load(tmp_path / "state.npz")
    assert again.settings == run.settings
    rest = again.finish()
    np.testing.assert_array_equal(rest.image, whole.image)
    assert rest.record["plan"] == whole.record["plan"]
    made = Run(*pictures, settings_from(whole.record["settings"])).finish()
    np.testing.assert_array_equal(made.image, whole.image)


@pytest.mark.slow
def test_several_paintings(pair, tmp_path):
    """One style of three pictures: in any order, stopped and gone on with, or made again."""
    settings = settings_from({**TINY, "steps": (2, 2), "style_scale": 1.5})
    style = ["night_cafe", pair[1], "pere_tanguy"]
    whole = Run("petra", style, settings).finish()
    run = Run("petra", style[::-1], settings)
    photo, *paintings = (
        load_image(name, size=size)
        for name, size in (("petra", 40), (style[0], 60), (style[2], 60))
    )
    mean = Objective(photo, [*paintings, resize(pair[1], (60, 56))], backbone="embedded")
    assert run.objective(photo).style == pytest.approx(mean(photo).style, rel=1e-5)
    run.finish(until=3)
    run.save(tmp_path / "state.npz")
    rest = Run.load(tmp_path / "state.npz")
    assert [source.label for source in rest.inputs] == [source.label for source in run.inputs]
    rest = rest.finish()
    np.testing.assert_array_equal(rest.image, whole.image)
    assert (
        rest.record["style"]
        == whole.record["style"]
        == json.loads(json.dumps(whole.record["style"]))
    )
    assert whole.record["style"]["picture"] == "60 x 64 array + night_cafe + pere_tanguy"
    pictures = {each["picture"]: each for each in whole.record["style"]["pictures"]}
    assert set(pictures) == {None, "night_cafe", "pere_tanguy"}
    assert all(len(each["sha256"]) == 64 for each in pictures.values())
    assert "Vincent van Gogh" in pictures["pere_tanguy"]["credit"]
    alone, listed = (
        Run("petra", each, settings).finish() for each in ("night_cafe", ["night_cafe"])
    )
    np.testing.assert_array_equal(alone.image, listed.image)
    assert alone.record["style"] == listed.record["style"]
    assert "pictures" not in alone.record["style"]
    assert not np.array_equal(alone.image, whole.image)


def test_bad_states_are_refused(pair, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*missing\.npz"):
        Run.load(tmp_path / "missing.npz")
    run = Run(*pair, settings_from(TINY))
    run.save(tmp_path / "state.npz")
    whole = (tmp_path / "state.npz").read_bytes()
    for content in (b"", b"nonsense", whole[: len(whole) // 2]):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(InputError, match="not the saved state of a run"):
            Run.load(tmp_path / "bad.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="not the saved state of a run"):
        Run.load(tmp_path / "other.npz")
    before = (tmp_path / "other.npz").read_bytes()
    with pytest.raises(InputError, match="is not a saved run; choose another name"):
        run.save(tmp_path / "other.npz")
    assert (tmp_path / "other.npz").read_bytes() == before
