"""Trainings that are killed, interrupted or refused: what they leave in their folder."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from styletransfer.cyclegan import checkpoint, experiment
from styletransfer.cyclegan.checkpoint import Checkpoint
from styletransfer.cyclegan.experiment import train
from styletransfer.cyclegan.generators import Generator
from styletransfer.errors import InputError, NonFiniteError
from styletransfer.pictures.files import atomic_path

from .conftest import LONGER, TINY

pytestmark = pytest.mark.slow


@pytest.mark.process
def test_killed_and_gone_on_with(folders, tmp_path, monkeypatch):
    """SIGKILL while a checkpoint is written; in the end it is as if nothing had been."""
    monkeypatch.setattr(checkpoint, "SAVED_EVERY", 0.0)
    options = {**TINY, "data": str(folders), "progress": False, "steps": 14}
    experiment.train(tmp_path / "whole", **options)
    script = f"""
import time
from styletransfer.runs import checkpoint as states
from styletransfer.cyclegan import checkpoint, experiment

def slow(file, **arrays):
    file.write(b"half of it")
    file.flush()
    time.sleep(0.2)
    file.seek(0)
    savez(file, **arrays)

savez, states.np.savez = states.np.savez, slow
checkpoint.SAVED_EVERY = 0.0
slowly = [lambda *_: time.sleep(0.1)]
experiment.train({str(tmp_path / "killed")!r}, callbacks=slowly, **{options!r})
"""
    file, halves = (
        tmp_path / "killed" / "checkpoint.npz",
        lambda: list((tmp_path / "killed").glob(".check*")),
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    while process.poll() is None and not (file.exists() and halves()):
        time.sleep(0.002)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert halves()
    assert json.loads((tmp_path / "killed" / "record.json").read_text())["step"] < 14
    experiment.train(tmp_path / "killed", **options)
    assert not halves()
    whole, killed = (np.load(tmp_path / name / "checkpoint.npz") for name in ("whole", "killed"))
    assert set(whole.files) == set(killed.files)
    for name in set(whole.files) - {"facts"}:
        np.testing.assert_array_equal(killed[name], whole[name])
    losses = [(tmp_path / name / "losses.csv").read_text() for name in ("whole", "killed")]
    assert losses[0] == losses[1]
    assert json.loads((tmp_path / "killed" / "record.json").read_text())["stopped"] is None


def test_killed_while_snapshots_and_samples_are_written(trained, data, tmp_path):
    """What was being written is no snapshot, and it is gone after the next start."""
    folder, left = tmp_path / "run", []
    shutil.copytree(trained.folder, folder)
    names = ("snapshots/AtoB-0000055.npz", "samples/latest.jpg", "record.json", "BtoA-mean.npz")
    for name in names:
        with atomic_path(folder / name) as temporary:
            left.append(temporary)
            shutil.copy(folder / "BtoA.npz", temporary)
            shutil.copy(temporary, tmp_path / "saved")
        (folder / name).unlink() if name.endswith("55.npz") else None
        shutil.copy(tmp_path / "saved", temporary)
    left.append(folder / "snapshots" / ".AtoB-0000050-ab_c1234.npz")  # as they were called before
    left[-1].write_bytes(b"half of it")
    shutil.copy(trained.folder / "record.json", folder)
    mine = folder / ".notes.npz"
    mine.touch()
    assert experiment.Trained(folder, {}).steps == trained.steps
    train(folder, data=data, progress=False, **{**LONGER, "steps": 61})
    assert not any(path.exists() for path in left)
    assert mine.exists()


def test_killed_before_the_first_checkpoint(folders, tmp_path, monkeypatch):
    """Other settings or pictures are refused all the same, and the same ones begin again."""
    out, options = tmp_path / "out", {**TINY, "data": str(folders), "progress": False, "steps": 3}

    def killed(training, step):
        assert json.loads((out / "record.json").read_text())["step"] == 0
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "close", lambda *_: None)
        with pytest.raises(SystemExit):
            train(out, callbacks=[killed], **options)
    assert not (out / "checkpoint.npz").exists()
    with pytest.raises(InputError, match="holds a training with filters = 4, not 5"):
        train(out, **{**options, "filters": 5})
    (folders / "trainB" / "b.png").rename(folders / "trainB" / "0.png")  # it comes first now
    with pytest.raises(InputError, match=r"pictures of side B are not those .*another order"):
        train(out, **options)
    (folders / "trainB" / "0.png").rename(folders / "trainB" / "b.png")
    assert train(out, **options).record["step"] == 3


def test_nothing_is_left_of_what_made_no_step(data, tmp_path):
    """Neither of what is refused nor of what ends in its first step; what was there stays."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "notes.txt").touch()
    wrong = {"filters": 1024, "blocks": 100}, {"kind": "adapted", "statistic": "grm"}, {"size": 33}
    for folder in (tmp_path / "new" / "run", mine):
        for changes in wrong:
            with pytest.raises(InputError):
                train(folder, data=data, progress=False, **{**TINY, **changes})
    for folder in (tmp_path / "run", mine):
        with pytest.raises(NonFiniteError):
            train(folder, data=data, progress=False, **{**TINY, "learning_rate": 1e308})
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}
    assert [path.name for path in mine.iterdir()] == ["notes.txt"]
    with pytest.raises(InputError, match=r"cannot be made or used: .*notes\.txt: it is no folder"):
        train(mine / "notes.txt" / "run", data=data, progress=False, **TINY)


def test_names_that_are_not_utf8(folders, tmp_path):
    (folders / "trainA" / "a.png").rename(folders / "trainA" / "a\udcff.png")
    shutil.move(folders, tmp_path / "pictures\udcfe")
    folder = tmp_path / "out\udcfd"
    options = {**TINY, "data": tmp_path / "pictures\udcfe", "progress": False, "steps": 2}
    record = train(folder, **options).record
    written = json.loads((folder / "record.json").read_bytes().decode())
    assert written == record
    assert record["data"]["A"][0]["name"] == "a\udcff"
    assert train(folder, **options).record == record
    assert train(folder, **{**options, "steps": 3}).record["step"] == 3
    assert Generator(folder / "BtoA.npz").record["data"] == record["data"]
