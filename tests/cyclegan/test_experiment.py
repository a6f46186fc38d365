"""A training in a folder: what it leaves, and what may go on there."""

import contextlib
import dataclasses
import hashlib
import json
import logging
import shutil

import numpy as np
import pytest

from styletransfer.cyclegan import checkpoint, experiment
from styletransfer.cyclegan.checkpoint import milestones
from styletransfer.cyclegan.experiment import train
from styletransfer.cyclegan.networks import discriminator
from styletransfer.cyclegan.objectives import asked
from styletransfer.errors import InputError
from styletransfer.pictures.images import save_image

from .conftest import LONGER, TINY, full_disk, side

pytestmark = pytest.mark.slow


def test_what_a_training_leaves(trained):
    assert trained.steps == [50, 52, 60]
    left = {path.name for path in trained.folder.iterdir()}
    files = {"AtoB.npz", "BtoA.npz", "checkpoint.npz", "losses.csv", "record.json"}
    assert left == {*files, "samples", "snapshots"}
    samples = {path.name for path in (trained.folder / "samples").iterdir()}
    assert samples == {"0000050.jpg", "0000052.jpg", "0000060.jpg", "latest.jpg"}
    with np.load(trained.folder / "checkpoint.npz") as file:
        history = file["history"]
    losses = trained.losses
    assert list(losses.index) == [50, 60]
    np.testing.assert_allclose(losses.iloc[0], history[:50].mean(0), rtol=1e-4)
    np.testing.assert_allclose(losses.iloc[1], history[50:].mean(0), rtol=1e-4)
    assert json.loads((trained.folder / "record.json").read_text()) == trained.record
    assert trained.record["losses"][0]["steps"] == [1, 3]
    assert not np.array_equal(
        trained.generator(step=50)(np.zeros((16, 16, 3))),
        trained.generator()(np.zeros((16, 16, 3))),
    )


def test_a_training_that_begins_with_a_generator(trained, data, tmp_path):
    """The first step is taken at its weights, and the record names it, also after a stop."""
    start = trained.folder / "BtoA.npz"
    options = {
        **LONGER,
        "adversarial": 0,
        "backbone": "embedded",
        "steps": 4,
        "learning_rate": 1e-9,
    }
    options |= {"kind": "adapted", "data": data, "start": start, "progress": False}
    begun = train(tmp_path / "run", until=2, **options)
    assert begun.record["start"]["sha256"] == hashlib.sha256(start.read_bytes()).hexdigest()
    assert begun.record["start"]["steps"] == 60
    found, weights = begun.generator().weights, trained.generator().weights
    for one, other in zip(found, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert train(tmp_path / "run", **options).record["start"] == begun.record["start"]
    with pytest.raises(InputError, match="began otherwise"):
        train(tmp_path / "run", **{**options, "start": trained.folder / "AtoB.npz"})
    with pytest.raises(InputError, match=r"has the network .* not that of the settings"):
        train(tmp_path / "other", **{**options, "filters": 6})


def test_what_a_discriminator_asks_for_lowers_its_loss(trained, rng):
    """By a finite difference along one direction, with the discriminator of the checkpoint."""
    with np.load(trained.folder / "checkpoint.npz") as file:
        network = discriminator(filters=LONGER["critic_filters"])
        network.set_weights([file[f"critic_A/{i}"] for i in range(len(network.weights))])

    def loss(picture):
        return float(np.mean((network(2 * picture[None] - 1).numpy() - 1) ** 2))

    picture = rng.uniform(0.2, 0.8, (40, 48, 3)).astype(np.float32)
    critic = trained.discriminator()
    wanted = asked(critic, picture)
    assert wanted.shape == picture.shape
    way = 5e-3 * wanted / np.abs(wanted).max()
    difference = loss(picture + way) - loss(picture - way)
    # The gradient is that of values in [-1, 1], twice as far apart.
    assert difference == pytest.approx(-2 * 2 * float((wanted * way).sum()), rel=0.05)
    for name in ("critic_C", "BtoA"):
        with pytest.raises(InputError, match=f"no discriminator '{name}'"):
            trained.discriminator(name)
    with pytest.raises(InputError, match="need 32 px"):
        asked(critic, picture[:20])


def test_done_is_done(trained, data, monkeypatch):
    before = (trained.folder / "BtoA.npz").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "Training", None)  # it would fail if it were built
        assert train(trained.folder, data=data, progress=False, **LONGER).record == trained.record
    assert (trained.folder / "BtoA.npz").stat().st_mtime_ns == before


def test_done_on_other_pictures_is_said(folders, tmp_path, rng, caplog):
    options = {**TINY, "data": str(folders), "progress": False, "steps": 2}
    record = train(tmp_path / "out", **options).record
    assert train(tmp_path / "out", **options).record == record
    assert "is done; since then" not in caplog.text
    save_image(rng.random((44, 60, 3)).astype(np.float32), folders / "trainA" / "d.png")
    assert train(tmp_path / "out", **options).record == record
    assert (
        "since then, the pictures of side A are not those that were trained on (1 are new, 0 "
        in (caplog.text)
    )
    with pytest.raises(InputError, match="pictures of side A are not those"):
        train(tmp_path / "out", **{**options, "steps": 3})
    shutil.rmtree(folders)
    assert train(tmp_path / "out", **options).record == record


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({}, None),
        ({"filters": 5}, "holds a training with filters = 4, not 5"),
        ({"precision": "mixed"}, "holds a training with precision = float32, not mixed"),
        ({"kind": "adapted"}, "holds a training of the kind 'cycle'"),
        ({"kind": "cycl"}, "unknown kind"),
        ({"filtres": 5}, "did you mean 'filters'"),
        ({"steps": 20}, "60 steps are made already; 20 in all are too few"),
        ({"until": 0}, "until must be a whole number of at least 1, not 0"),
        ({"data": "other"}, "pictures of side A are not those"),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_another_training_than_the_one_that_is_there(
    trained, data, tmp_path, change, match, recorded
):
    """It is refused, also where the record was lost and the checkpoint alone can tell."""
    folder = tmp_path / "run"
    shutil.copytree(trained.folder, folder)
    if not recorded:
        (folder / "record.json").unlink()
    before = (folder / "checkpoint.npz").read_bytes()
    # The same pictures under another name are not refused.
    elsewhere = dataclasses.replace(data, source="elsewhere")
    options = {**LONGER, "data": elsewhere, "progress": False}
    if "data" in change:
        change = {"data": dataclasses.replace(data, source="other", a=side(data.a.pictures[:2]))}
    if match is None:
        assert train(folder, **options).record["step"] == 60
        return
    with pytest.raises(InputError, match=match):
        train(folder, **{**options, **change})
    assert (folder / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("text", ["[]", "{}", '{"kind": "cycle"}', "no JSON"])
def test_a_record_that_is_none(tmp_path, text):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(InputError, match="is not the record of a training"):
        train(tmp_path, **TINY)


def test_what_cannot_be_shown_does_not_end_what_is_written(folders, tmp_path, caplog, monkeypatch):
    """A broken hold-out is named, an unforeseen error reported; the rest is written."""
    monkeypatch.setattr(checkpoint, "SAVED_EVERY", 0.0)
    (folders / "testB" / "a.png").write_bytes(b"no picture")
    options = {**TINY, "data": folders, "progress": False, "steps": 2}
    train(tmp_path / "one", **options)
    assert "1 hold-out picture(s) of side B cannot be read and are left out: a." in caplog.text
    assert (tmp_path / "one" / "samples" / "latest.jpg").exists()

    def fail(*_):
        raise MemoryError("no memory left")

    monkeypatch.setattr(checkpoint, "_sheet", fail)
    trained = train(tmp_path / "two", **options)
    assert "The samples could not be written (no memory left)" in caplog.text
    assert len(trained.losses) == 1
    assert (tmp_path / "two" / "checkpoint.npz").exists()


def test_milestones():
    assert milestones(2500) == [50, 100, 200, 500, 1000, 1875, 2000, 2187, 2500]
    assert milestones(50) == [50]
    assert milestones(3) == [3]


def test_a_full_disk_during_training_is_said_and_gone_on(data, tmp_path, caplog, monkeypatch):
    """It is full from step 3 to step 5; then a checkpoint is written again."""
    monkeypatch.setattr(checkpoint, "SAVED_EVERY", 0.0)
    file, disk, seen = tmp_path / "checkpoint.npz", contextlib.ExitStack(), {}

    def filled(training, step):
        if step.step == 3:
            disk.enter_context(full_disk(9_000))
        if step.step == 6:
            disk.close()
        if step.step > 1:  # as the step before left it
            seen[step.step] = file.stat().st_mtime_ns

    with caplog.at_level(logging.WARNING):
        record = train(tmp_path, data=data, progress=False, callbacks=[filled], **TINY).record
    said = "The checkpoint could not be written (File too large); what was there stays"
    assert caplog.text.count(said) == 3
    assert seen[2] < seen[3] == seen[4] == seen[5] == seen[6] < seen[7] < seen[8]
    assert record["stopped"] is None
    # A training that could write nothing in the end is not taken for done.
    (tmp_path / "record.json").write_text(json.dumps({**record, "stopped": "under way"}))
    (tmp_path / "BtoA.npz").unlink()
    train(tmp_path, data=data, progress=False, **TINY)
    assert (tmp_path / "BtoA.npz").exists()
