"""The command line as people type it: real processes, real files."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from styletransfer.cli import main
from styletransfer.pictures import datasets
from styletransfer.pictures.images import read_image

QUICK = ("--size", "48", "--steps", "6", "--backbone", "embedded")


def test_picture_and_record(command, tmp_path):
    more = [
        "--lam",
        "50",
        "--style-layers",
        "conv1_1,conv2_1",
        "--omega",
        ".6,.4",
        "--sizes",
        "32,48",
        "--init",
        "noise",
        "--seed",
        "3",
        "--tv",
        "1",
    ]
    done = command("petra", "night_cafe,pere_tanguy", "--out", "out.png", *QUICK, *more)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "step 6 of 6" in done.stderr
    assert read_image(tmp_path / "out.png").shape == (34, 48, 3)
    record = json.loads((tmp_path / "out.json").read_text())
    settings = record["settings"]
    assert (settings["lam"], settings["size"], settings["steps"]) == (50, 48, [4, 2])
    assert settings["style_layers"] == ["block1_conv1", "block2_conv1"]
    assert settings["omega"] == [0.6, 0.4]
    assert (settings["init"], settings["seed"], settings["tv"], settings["sizes"]) == (
        "noise",
        3,
        1,
        [32, 48],
    )
    assert [entry["size"] for entry in record["history"]] == [32] * 4 + [48] * 2
    assert record["content"]["picture"] == "petra"
    assert len(record["content"]["sha256"]) == len(record["weights"]["sha256"]) == 64
    assert "Berthold Werner" in record["content"]["credit"]
    assert {each["picture"] for each in record["style"]["pictures"]} == {
        "night_cafe",
        "pere_tanguy",
    }
    assert {"python", "tensorflow", "keras", "numpy", "styletransfer"} <= set(record["versions"])
    assert len(record["history"]) == 6
    assert {"size", "step", "seconds", "loss", "content", "style"} == set(record["history"][0])
    assert sorted(os.listdir(tmp_path)) == ["out.json", "out.png"]
    again = command("--replay", "out.json", "--out", "again.png")
    assert again.returncode == 0, again.stderr
    assert "differs" not in again.stderr
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out.png").read_bytes()


def test_auto_is_said_and_recorded(command, tmp_path):
    done = command(
        "petra", "night_cafe", "--out", "out.jpg", *QUICK[:4], HTTPS_PROXY="http://127.0.0.1:9"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("using the embedded VGG-16 instead") == 1
    weights = json.loads((tmp_path / "out.json").read_text())["weights"]
    assert (weights["requested"], weights["name"]) == ("auto", "embedded")
    assert "no connection" in weights["note"]


def test_ctrl_c_keeps_the_picture_and_the_state(tmp_path):
    """A real interrupt of a real process; the state then goes on to the picture of the uninterrupted run."""
    words = [
        "petra",
        "night_cafe",
        "--size",
        "96",
        "--steps",
        "60",
        "--backbone",
        "embedded",
        "--preview",
        "now.png",
    ]
    base = [sys.executable, "-m", "styletransfer"]
    # A shell that starts the tests in the background has them ignore the signal, and children inherit that.
    heeding = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    started = (
        f"import runpy, signal; {heeding}; runpy.run_module('styletransfer', run_name='__main__')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", started, *words, "--out", "out.png", "--checkpoint", "state.npz"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "now.png").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "the picture so far" in errors
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["stopped"] == "interrupted"
    assert 0 < len(record["history"]) < 60
    assert read_image(tmp_path / "out.png").shape == (68, 96, 3)
    for end in (["--resume", "state.npz", "--out", "resumed.png"], [*words, "--out", "whole.png"]):
        subprocess.run(
            [*base, *end, "--quiet"], cwd=tmp_path, check=True, capture_output=True, timeout=120
        )
    np.testing.assert_array_equal(
        read_image(tmp_path / "resumed.png"), read_image(tmp_path / "whole.png")
    )


@pytest.fixture
def words(tmp_path, monkeypatch, capsys):
    """The command line in this process, which must end with code 2 and one clear sentence; gives the sentence."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "red").save("good.png")

    def run(*arguments):
        before = sorted(os.listdir(tmp_path))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            code = error.code
        output = capsys.readouterr()
        assert code == 2
        assert output.out == ""
        assert "Traceback" not in output.err
        assert sorted(os.listdir(tmp_path)) == before
        (sentence,) = output.err.strip().splitlines()
        return sentence

    return run


def test_bad_input(words, tmp_path):
    out = ("--out", "out.png", *QUICK)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.webp").write_bytes(datasets.photos()["petra"].path.read_bytes()[:5000])
    Image.new("RGB", (4000, 2)).save("thin.png")
    (tmp_path / "empty").mkdir()
    for arguments, sentence in [
        (["petrra", "night_cafe", *out], "did you mean 'petra'"),
        (["missing.jpg", "night_cafe", *out], "there is no file missing.jpg"),
        ([tmp_path, "night_cafe", *out], "is a folder"),
        (["text.png", "night_cafe", *out], "not a picture"),
        (["empty.png", "night_cafe", *out], "empty file"),
        (["good.png", "cut.webp", *out], "damaged or truncated"),
        (["thin.png", "night_cafe", *out], "too few for the deepest layer"),
        (["good.png", "night_cafe,petrra", *out], "did you mean 'petra'"),
        (["good.png", "night_cafe,missing.jpg", *out], "there is no file missing.jpg"),
        (["good.png", "night_cafe,text.png", *out], "text.png is not a picture"),
        (["good.png", ",", *out], "STYLE is an empty list"),
        (["good.png", "", *out], "is a folder"),
        (["good.png", "empty", *out], "there is no picture in the folder empty"),
        (["good.png", "night_cafe,thin.png", *out], "the style (thin.png) picture has"),
        (["good.png", "night_cafe,good.png", *out, "--init", "style"], "the style is 2 pictures"),
        (["good.png", "night_cafe"], "--out OUT.png"),
        (["good.png", *out], "name a photograph and a painting"),
        ([*out], "name a photograph and a painting"),
        (["good.png", "night_cafe", "--out", "missing/out.png"], "there is no folder missing"),
        (["good.png", "night_cafe", "--out", "/proc/out.png"], "cannot write /proc/out.png"),
        (["good.png", "night_cafe", "--out", "out.gif"], "the name must end in .png"),
        (
            ["good.png", "night_cafe", *out, "--preview", "missing/x.png"],
            "there is no folder missing",
        ),
        (
            ["good.png", "night_cafe", *out, "--checkpoint", "state.txt"],
            "the name must end in .npz",
        ),
        (["good.png", "night_cafe", *out, "--lam", "-1"], "lam must be a number of at least 0"),
        (["good.png", "night_cafe", *out, "--lam", "nan"], "lam must be finite"),
        (["good.png", "night_cafe", *out, "--lam", "much"], "invalid float value: 'much'"),
        (["good.png", "night_cafe", *out, "--steps", "0"], "steps must be"),
        (["good.png", "night_cafe", *out, "--sizes", "96,a"], "invalid list of int value: '96,a'"),
        (["good.png", "night_cafe", *out, "--form", "gaty"], "invalid choice: 'gaty'"),
        (
            ["good.png", "night_cafe", *out, "--content-layers", "conv9_9"],
            "unknown layer 'conv9_9'",
        ),
        (
            ["good.png", "night_cafe", *out, "--content-layers", "conv5_4"],
            "unknown layer of vgg16 'block5_conv4'",
        ),
        (
            ["good.png", "night_cafe", "--out", "out.png", "--backbone", "vgg17"],
            "unknown backbone 'vgg17'",
        ),
        (
            ["good.png", "night_cafe", "--out", "out.png", "--backbone", "text.png"],
            "not a whole HDF5 weights file",
        ),
        (["good.png", "night_cafe", *out, "--statistic", "grm"], "did you mean 'gram'"),
        (["--replay", "missing.json"], "there is no record"),
        (["--replay", "text.png", "--out", "out.png"], "is not the record of a run"),
        (["--replay", "text.png", "good.png"], "takes pictures and settings from its file"),
        (["--resume", "text.png", "--out", "out.png"], "not the saved state of a run"),
    ]:
        assert sentence in words(*arguments), arguments


def test_replay_refuses_what_has_changed(words, tmp_path, capsys):
    assert main(["good.png", "night_cafe", "--out", "out.png", "--quiet", *QUICK]) == 0
    capsys.readouterr()
    record = json.loads((tmp_path / "out.json").read_text())
    Image.new("RGB", (40, 30), "green").save("good.png")
    assert "good.png has changed" in words("--replay", "out.json")
    (tmp_path / "good.png").unlink()
    assert "there is no file good.png" in words("--replay", "out.json")
    Image.new("RGB", (40, 30), "red").save("good.png")
    record["weights"]["sha256"] = "0" * 64
    (tmp_path / "out.json").write_text(json.dumps(record))
    assert "are not those that made out.json" in words("--replay", "out.json")


def test_a_folder_of_paintings(words, tmp_path, capsys):
    (tmp_path / "style").mkdir()
    for name in ("a", "b"):
        Image.effect_noise((40, 30), 90).convert("RGB").save(tmp_path / "style" / f"{name}.png")
    for place in ("style/b.png", "good.png"):
        assert "is one of the pictures that go in" in words(
            "good.png", "style", "--out", place, *QUICK
        )
    assert main(["good.png", "style", "--out", "out.png", "--quiet", *QUICK]) == 0
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["style"]["picture"] == "style"
    assert sorted(each["picture"] for each in record["style"]["pictures"]) == [
        "style/a.png",
        "style/b.png",
    ]
    Image.new("RGB", (40, 30), "green").save("style/later.png")  # one that the run did not have
    before = (tmp_path / "out.png").read_bytes()
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    assert (tmp_path / "out.png").read_bytes() == before
    assert json.loads((tmp_path / "out.json").read_text())["style"] == record["style"]
    Image.new("RGB", (40, 30), "green").save("style/b.png")
    assert "the style picture style/b.png has changed" in words("--replay", "out.json")
    (tmp_path / "style" / "b.png").rename("petra,night_cafe.png")
    assert "there is no file style/b.png" in words("--replay", "out.json")
    del record["style"]["pictures"][1]["sha256"]
    (tmp_path / "out.json").write_text(json.dumps(record))
    assert "out.json is not the record of a run" in words("--replay", "out.json")
    file = "petra,night_cafe.png"  # wins over a list of two
    assert f"{file} is one of the pictures that go in" in words(
        "petra", file, "--out", file, *QUICK
    )


def test_replay_replaces_a_picture_only_by_itself(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["petra", "night_cafe", "--out", "out.jpg", "--quiet", *QUICK]) == 0
    original = (tmp_path / "out.jpg").read_bytes()
    (tmp_path / "out.jpg").unlink()
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert sorted(os.listdir()) == ["out.json", "out.png"]
    (tmp_path / "out.png").unlink()
    (tmp_path / "out.jpg").write_bytes(original)
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert sorted(os.listdir()) == ["out.jpg", "out.json"]
    assert (tmp_path / "out.jpg").read_bytes() == original
    record = json.loads((tmp_path / "out.json").read_text())
    record["picture"]["sha256"] = "0" * 64
    (tmp_path / "out.json").write_text(json.dumps(record))
    before = (tmp_path / "out.json").read_bytes()
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert "differs from the recorded one" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["out-replay.json", "out-replay.png", "out.jpg", "out.json"]
    assert (tmp_path / "out.json").read_bytes() == before


def test_nothing_of_the_users_is_overwritten(words, tmp_path, capsys):
    assert "is one of the pictures that go in" in words(
        "good.png", "night_cafe", "--out", "good.png", *QUICK
    )
    before = (tmp_path / "good.png").read_bytes()
    assert (
        main(
            [
                "good.png",
                "night_cafe",
                "--out",
                "good.webp",
                "--checkpoint",
                "state.npz",
                "--quiet",
                *QUICK,
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert "is one of the pictures that go in" in words(
        "--resume", "state.npz", "--out", "good.png"
    )
    # the record's own picture is gone, and the photograph has its name
    (tmp_path / "good.webp").unlink()
    assert "is one of the pictures that go in" in words("--replay", "good.json")
    start = ("petra", "night_cafe", "--init", "good.png")
    assert "is one of the pictures that go in" in words(*start, "--out", "good.png", *QUICK)
    assert "is one of the pictures that go in" in words(
        *start, "--out", "o.png", "--preview", "good.png", *QUICK
    )
    assert (tmp_path / "good.png").read_bytes() == before
    (tmp_path / "package.json").write_text("{}")
    assert "is not a record" in words("good.png", "night_cafe", "--out", "package.png", *QUICK)


def test_a_run_that_diverges_leaves_its_last_good_picture(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "petra",
        "night_cafe",
        "--out",
        "out.png",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "1e30",
        *QUICK,
    ]
    assert main([*words, "--steps", "40", "--quiet"]) == 2
    assert "not finite at step" in capsys.readouterr().err
    assert json.loads((tmp_path / "out.json").read_text())["stopped"] == "not finite"
    assert np.isfinite(read_image(tmp_path / "out.png")).all()


def test_list(capsys):
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert all(
        name in listed for name in (*datasets.photos(), *datasets.paintings(), *datasets.paper())
    )
    *_, hokusais = listed.partition("\nPaintings by Katsushika Hokusai:\n")
    assert [line.split()[0] for line in hokusais.splitlines()[:2]] == ["great_wave", "poppies"]
    assert hokusais.splitlines()[2] == "Paintings by Pieter Bruegel the Elder:"
