"""Trained generators: files, folders of trainings, the shipped pair, and the command line."""

import contextlib
import dataclasses
import itertools
import json
import logging
import shutil

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from styletransfer import load_image
from styletransfer.cyclegan import keeping, workshop
from styletransfer.cyclegan.__main__ import main
from styletransfer.cyclegan.data import HOLD_OUT
from styletransfer.cyclegan.generators import SHIPPED, Generator, write_average
from styletransfer.cyclegan.keeping import milestones
from styletransfer.cyclegan.workshop import train
from styletransfer.errors import InputError
from styletransfer.pictures import datasets
from styletransfer.pictures.images import read_image

from .conftest import TINY, side
from .test_training import full_disk

HALF = 2**-10  # relative spacing of half precision


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    return train(folder, data=data, progress=False, **{**TINY, "steps": 60, "learning_rate": 2e-3})


def test_what_a_training_leaves(trained):
    assert trained.steps == [50, 52, 60]
    left = {path.name for path in trained.folder.iterdir()}
    assert left == {
        *(
            "AtoB.npz",
            "BtoA.npz",
            "checkpoint.npz",
            "losses.csv",
            "record.json",
            "samples",
            "snapshots",
        ),
    }
    assert {path.name for path in (trained.folder / "samples").iterdir()} == {
        *("0000050.jpg", "0000052.jpg", "0000060.jpg", "latest.jpg"),
    }
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


def test_done_is_done_and_other_settings_are_refused(trained, data, monkeypatch):
    options = {**TINY, "steps": 60, "learning_rate": 2e-3}
    before = (trained.folder / "BtoA.npz").stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr(workshop, "Training", None)  # it would fail if it were built
        assert train(trained.folder, data=data, progress=False, **options).record == trained.record
    assert (trained.folder / "BtoA.npz").stat().st_mtime_ns == before


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
        ({"until": 0}, "until must be a step, at least 1, not 0"),
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
    elsewhere = dataclasses.replace(
        data, source="elsewhere"
    )  # the same pictures under another name are not refused
    options = {**TINY, "steps": 60, "learning_rate": 2e-3, "data": elsewhere, "progress": False}
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


def test_what_cannot_be_shown_does_not_end_what_is_kept(folders, tmp_path, caplog, monkeypatch):
    """A broken hold-out is named; an error that nobody thought of is reported; losses and checkpoints are written."""
    monkeypatch.setattr(keeping, "SAVED_EVERY", 0.0)
    (folders / "testB" / "a.png").write_bytes(b"no picture")
    options = {**TINY, "data": folders, "progress": False, "steps": 2}
    train(tmp_path / "one", **options)
    assert "1 hold-out picture(s) of side B cannot be read and are left out: a." in caplog.text
    assert (tmp_path / "one" / "samples" / "latest.jpg").exists()

    def fail(*_):
        raise MemoryError("no memory left")

    monkeypatch.setattr(keeping, "_sheet", fail)
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
    monkeypatch.setattr(keeping, "SAVED_EVERY", 0.0)
    checkpoint, disk, seen = tmp_path / "checkpoint.npz", contextlib.ExitStack(), {}

    def filled(training, step):
        if step.step == 3:
            disk.enter_context(full_disk(9_000))
        if step.step == 6:
            disk.close()
        seen[step.step] = (
            checkpoint.stat().st_mtime_ns if step.step > 1 else None
        )  # as the step before left it

    with caplog.at_level(logging.WARNING):
        record = train(tmp_path, data=data, progress=False, listeners=[filled], **TINY).record
    assert (
        caplog.text.count(
            "The checkpoint could not be written (File too large); what was there is kept"
        )
        == 3
    )
    assert seen[2] < seen[3] == seen[4] == seen[5] == seen[6] < seen[7] < seen[8]
    assert record["stopped"] is None
    # A training that could write nothing in the end is not taken for done.
    (tmp_path / "record.json").write_text(json.dumps({**record, "stopped": "under way"}))
    (tmp_path / "BtoA.npz").unlink()
    train(tmp_path, data=data, progress=False, **TINY)
    assert (tmp_path / "BtoA.npz").exists()


def test_a_generator_file_is_the_network(trained, data, rng):
    """To half precision; sides that are no multiples of four are reflected and cut off again."""
    generator, picture = trained.generator(), rng.random((33, 38, 3)).astype(np.float32)
    found = generator(picture)
    assert found.shape == picture.shape
    assert found.dtype == np.float32
    eight = np.round(255 * picture).astype(np.uint8)
    np.testing.assert_array_equal(generator(eight), generator(eight / np.float32(255)))
    padded = np.pad(picture, ((0, 3), (0, 2), (0, 0)), mode="reflect")
    np.testing.assert_allclose(generator(padded)[:33, :38], found, atol=1e-6)
    with (
        np.load(trained.folder / "checkpoint.npz") as file,
        np.load(trained.folder / "BtoA.npz") as half,
    ):
        for i in range(len(half.files) - 1):
            np.testing.assert_allclose(half[str(i)], file[f"BtoA/{i}"], rtol=HALF, atol=1e-7)


def test_the_mean_of_snapshots(trained, tmp_path):
    mean = trained.average(steps=[50, 60])
    with contextlib.ExitStack() as stack:
        first, second, found = (
            stack.enter_context(np.load(trained.folder / name))
            for name in (
                "snapshots/BtoA-0000050.npz",
                "snapshots/BtoA-0000060.npz",
                "BtoA-mean.npz",
            )
        )
        assert set(found.files) == set(first.files)
        for name in set(found.files) - {"facts"}:
            expected = (first[name].astype(float) + second[name].astype(float)) / 2
            np.testing.assert_allclose(found[name], expected, rtol=HALF, atol=1e-7)
        assert any(
            not np.array_equal(found[name], second[name]) for name in set(found.files) - {"facts"}
        )
    assert (mean.record["step"], mean.record["averaged"]) == (60, [50, 60])
    assert mean.translate("petra", size=48).caption.endswith(
        "60 steps at 32 px, mean of 2 snapshots), 48 px"
    )
    with pytest.raises(FileNotFoundError, match="there is no file"):
        trained.average(steps=[50, 55])
    with pytest.raises(InputError, match="no generator to average"):
        trained.average(steps=[])
    shipped = datasets.data_folder() / "generators" / "photo2vangogh.npz"
    with pytest.raises(InputError, match="different networks"):
        write_average(tmp_path / "x.npz", [trained.folder / "BtoA.npz", shipped])
    with pytest.raises(InputError, match="not a trained generator"):
        write_average(tmp_path / "x.npz", [trained.folder / "checkpoint.npz"])
    (trained.folder / "BtoA-mean.npz").unlink()


def test_translation_and_its_record(trained, tmp_path):
    result = trained.generator().translate("petra", size=64)
    assert result.image.shape == (45, 64, 3)
    assert result.caption == "BtoA (CycleGAN, 60 steps at 32 px), 64 px"
    result.save(tmp_path / "petra.png")
    record = json.loads((tmp_path / "petra.json").read_text())
    assert record["generator"]["sha256"] == trained.generator().sha256
    assert record["content"]["sha256"] == datasets.photos()["petra"].checksum()
    again = trained.generator().translate(load_image("petra"), size=64)
    np.testing.assert_array_equal(again.image, result.image)
    np.testing.assert_allclose(
        read_image(tmp_path / "petra.png"), result.image, atol=0.5 / 255 + 1e-6
    )


def test_generators_that_cannot_be_used(trained, tmp_path, rng):
    with pytest.raises(InputError, match="did you mean 'photo2vangogh'"):
        Generator("photo2vangoh")
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.npz"):
        Generator(tmp_path / "none.npz")
    with pytest.raises(InputError, match="is not a trained generator"):
        Generator(trained.folder / "checkpoint.npz")
    (tmp_path / "cut.npz").write_bytes((trained.folder / "BtoA.npz").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"cut\.npz is not a trained generator, or it is damaged"):
        Generator(tmp_path / "cut.npz")
    with pytest.raises(InputError, match="too small"):
        trained.generator().translate(rng.random((8, 40, 3)))
    for wrong, message in (
        (rng.random((8, 40, 3)), "too small"),
        (255 * rng.random((20, 20, 3)), "must lie in"),
    ):
        with pytest.raises(InputError, match=message):
            trained.generator()(wrong)
    with pytest.raises(InputError, match=r"is a folder; name .*BtoA\.npz or .*AtoB\.npz"):
        Generator(trained.folder)
    with pytest.raises(InputError, match="give a size of at most"):
        trained.generator().translate("petra", size=60_000)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_generator(name):
    """Small, trained on what its record says and on no hold-out, and a translation rather than a copy."""
    path = datasets.data_folder() / "generators" / f"{name}.npz"
    assert path.stat().st_size < 5_000_000
    generator = Generator(name)
    record = generator.record
    assert record["kind"] == "cycle"
    assert record["step"] == record["settings"]["steps"]
    assert record["stopped"] is None
    known = {**datasets.photos(), **datasets.paintings()}
    trained_on = {each["name"]: each["sha256"] for side in "AB" for each in record["data"][side]}
    assert not set(HOLD_OUT) & set(trained_on)
    paintings = {each["name"] for each in record["data"]["A"]}
    assert paintings == set(datasets.paintings(artist="van Gogh")) - {"village_street_in_auvers"}
    assert all(known[picture].checksum() == sha256 for picture, sha256 in trained_on.items())
    source = "petra" if name.startswith("photo") else "church_at_auvers"
    picture = load_image(source, size=128)
    made = generator(picture)
    assert 0.05 < np.abs(made - picture).mean() < 0.4
    assert made.std() > 0.08


def test_shipped_generator_leaves_no_frame_and_no_checkerboard():
    """Borders are no stranger than the rest; waves of the two upsamplings' periods are faint where the picture is calm.

    The amplitude of a wave is that in a Gaussian window, in 1/255; of a board of ±20 in a sky it is 20.
    """
    generator = Generator("photo2vangogh")
    for name in HOLD_OUT:
        picture = load_image(name, size=192)
        made = generator(picture)
        change = np.abs(made - picture).mean(-1)
        edges = [change[:4].mean(), change[-4:].mean(), change[:, :4].mean(), change[:, -4:].mean()]
        assert max(edges) < 2.2 * change[16:-16, 16:-16].mean()
        before, after = (waves(each.mean(-1)) for each in (picture, made))
        calm = sum(before.values()) < np.quantile(sum(before.values()), 0.25)
        for (down, right), amplitude in after.items():
            assert amplitude[calm].max() < (13 if 0.25 in (down, abs(right)) else 5)


def waves(grey):
    """255 times the amplitude around every pixel of the waves of 2 and 4 px, by cycles per pixel down and right."""
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    grey = grey - gaussian_filter(grey, 4)  # lest the mean be taken for a wave at the borders
    found = {}
    for down, right in itertools.product((0, 0.25, 0.5), (-0.25, 0, 0.25, 0.5)):
        if down or right > 0:
            turned = grey * np.exp(-2j * np.pi * (down * rows + right * columns))
            local = gaussian_filter(turned.real, 8) + 1j * gaussian_filter(turned.imag, 8)
            found[down, right] = 255 * abs(local) * (2 if 0.25 in (down, abs(right)) else 1)
    return found


def test_a_wave_has_its_amplitude():
    sky = np.full((96, 96), 0.5)
    sky[:, :48] += 20 / 255 * (-1.0) ** np.add.outer(np.arange(96), np.arange(48))
    sky[:, 48:] += 12 / 255 * np.cos(np.pi / 2 * np.arange(96))[:, None]
    found = waves(sky)
    assert found[0.5, 0.5][48, 16] == pytest.approx(20, rel=0.05)
    assert found[0.25, 0][48, 80] == pytest.approx(12, rel=0.05)
    assert found[0, 0.25].max() < 1


def test_command_line(folders, tmp_path, capsys):
    options = [
        word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    out = str(tmp_path / "out")
    words = ["train", "--out", out, "--data", str(folders), "--quiet", *options]
    assert main([*words, "--until", "3"]) == 0
    assert "3 of 8 steps" in capsys.readouterr().err
    assert main(words) == 0
    assert "8 of 8 steps" in capsys.readouterr().err
    one = str(tmp_path / "one.png")
    assert (
        main(["translate", "petra", "--generator", f"{out}/BtoA.npz", "--size", "48", "--out", one])
        == 0
    )
    several = ["translate", "petra", one, "--generator", f"{out}/AtoB.npz", "--size", "48"]
    assert main([*several, "--out", str(tmp_path / "many")]) == 0
    assert {path.name for path in (tmp_path / "many").iterdir()} == {
        "petra.png",
        "petra.json",
        "one.png",
        "one.json",
    }
    capsys.readouterr()
    (tmp_path / "mine.json").write_text("[1]")
    for words, message in (
        (["translate", "petra", "--out", str(tmp_path / "no" / "x.png")], "there is no folder"),
        (
            ["translate", "petra", one, "--out", str(tmp_path / "x.png")],
            "is no folder; name one for several pictures",
        ),
        (
            ["translate", "petra", one, "--out", str(tmp_path / "mine.json")],
            "is no folder; name one for several",
        ),
        (
            ["train", "--out", str(tmp_path / "z"), "--data", "nowhere,elsewhere"],
            "there is no folder nowhere",
        ),
        (["translate", one, "--out", one], "is one of the pictures that go in"),
        (
            ["translate", "petra", "--out", str(tmp_path / "mine.png")],
            "mine.json is there and is not the record",
        ),
        (
            ["translate", "petra", one, one, "--out", str(tmp_path / "many")],
            "same name in the folder",
        ),
        (["translate", "petrra", "--out", str(tmp_path / "x.png")], "did you mean 'petra'"),
        (
            ["train", "--out", out, "--data", str(folders), *options[:-4], "--filters", "5"],
            "holds a training with",
        ),
        (
            ["train", "--out", str(tmp_path / "z"), "--data", str(tmp_path / "nowhere")],
            "there is no folder",
        ),
        (
            ["adapt", "--out", str(tmp_path / "z"), "--lam", "0", "--size", "32"],
            "lam must be above 0",
        ),
        (["train", "--out", str(tmp_path / "z"), "--size", "33"], "multiple of 4"),
    ):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert message in said
        assert len(said.strip().splitlines()) == 1
    for words, message in (
        ([], "say what to do"),
        (["train"], "--out"),
        (["train", "--out", "x", "--size", "a"], "size"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert message in capsys.readouterr().err


def test_command_line_leaves_out_what_cannot_be_translated(tmp_path, capsys, monkeypatch):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names, out = (
        ["petra", str(tmp_path / "broken.png"), "eiffel_tower"],
        tmp_path / "new" / "folder",
    )
    assert main(["translate", *names, "--size", "48", "--out", str(out)]) == 2
    assert "1 of 3 pictures are left out: " in capsys.readouterr().err.splitlines()[-1]
    assert {path.name for path in out.glob("*.png")} == {"petra.png", "eiffel_tower.png"}

    original = Generator.translate

    def interrupted(self, picture, **options):
        if picture == "eiffel_tower":
            raise KeyboardInterrupt
        return original(self, picture, **options)

    monkeypatch.setattr(Generator, "translate", interrupted)
    assert main(["translate", "petra", "eiffel_tower", "--size", "48", "--out", str(out)]) == 130
    assert "Interrupted: 1 of 2 pictures are made." in capsys.readouterr().err
    assert main(["translate", "eiffel_tower", "--size", "48", "--out", str(out)]) == 130
    assert "Interrupted before anything was made." in capsys.readouterr().err


def test_adapt_on_the_command_line(folders, tmp_path, capsys):
    tiny = {**TINY, "steps": 2, "adversarial": 0, "lam": 0.01, "backbone": "embedded"}
    options = [
        word for name, value in tiny.items() for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    sides = f"{folders / 'trainA'},{folders / 'trainB'}"
    assert (
        main(["adapt", "--out", str(tmp_path / "out"), "--data", sides, "--quiet", *options]) == 0
    )
    assert "2 of 2 steps" in capsys.readouterr().err
    caption = Generator(tmp_path / "out" / "BtoA.npz").translate("petra", size=48).caption
    assert "adapted generator" in caption
    assert "λ = 0.01, γ = 0" in caption
