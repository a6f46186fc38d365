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
from tqdm import tqdm

from styletransfer import cli
from styletransfer.cli import main
from styletransfer.pictures import datasets
from styletransfer.pictures.images import read_image
from styletransfer.runs.record import Result

QUICK = ("--size", "48", "--steps", "6", "--backbone", "embedded")


@pytest.mark.process
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
    ]
    more += ["--init", "noise", "--seed", "3", "--tv", "1"]
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
    assert (settings["init"], settings["seed"], settings["tv"]) == ("noise", 3, 1)
    assert settings["sizes"] == [32, 48]
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


@pytest.mark.process
def test_auto_is_said_and_recorded(command, tmp_path):
    done = command(
        "petra", "night_cafe", "--out", "out.jpg", *QUICK[:4], HTTPS_PROXY="http://127.0.0.1:9"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("using the embedded VGG-16 instead") == 1
    weights = json.loads((tmp_path / "out.json").read_text())["weights"]
    assert (weights["requested"], weights["name"]) == ("auto", "embedded")
    assert "no connection" in weights["note"]


@pytest.mark.process
def test_ctrl_c_keeps_the_picture_and_the_state(tmp_path):
    """A real interrupt of a real process; its state then leads to the uninterrupted picture."""
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
    # A shell that starts the tests in the background has them, and their children, ignore it.
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
        (["good.png", "night_cafe", "--out", ""], "argument --out: the name is empty; name a file"),
        (["--resume", "", "--out", "out.png"], "argument --resume: the name is empty"),
        (["good.png", "night_cafe", "--out", "empty.png/out.png"], "there is no folder empty.png"),
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
        (["--resume", "missing.npz", "--out", "out.png"], "there is no saved state missing.npz"),
    ]:
        assert sentence in words(*arguments), arguments


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
        "1e6",
        "--quiet",
    ]
    assert main([*words, *QUICK, "--steps", "40"]) == 2
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


@pytest.mark.process
def test_a_terminal_that_knows_ascii_alone(command):
    for option in ("--list", "--help", "--backbones"):
        done = command(option, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
    assert "Caf\\xe9 Terrace at Night" in command("--list", PYTHONIOENCODING="ascii").stdout


@pytest.mark.process
@pytest.mark.parametrize(("option", "code"), [("--list", 141), ("--help", 0)])
def test_a_reader_that_goes_away_is_no_error(tmp_path, option, code):
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "styletransfer", option]
    done = subprocess.run(words, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (code, "")


def test_ctrl_c_while_the_picture_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save = Result.save

    def interrupted(result, path):
        signal.raise_signal(signal.SIGINT)
        save(result, path)

    monkeypatch.setattr(Result, "save", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["petra", "night_cafe", "--out", "out.png", "--quiet", *QUICK]) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert sorted(os.listdir(tmp_path)) == ["out.json", "out.png"]


@pytest.mark.process
def test_ctrl_c_while_python_imports(tmp_path):
    script = """
import runpy, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
runpy.run_module("styletransfer", run_name="__main__")
"""
    for module in ("styletransfer.cli", "numpy", "PIL.Image", "pydantic"):
        words = [sys.executable, "-c", script, module]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (130, ""), module


def test_quiet_shows_no_bar_of_any_library(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    real = cli.open_picture

    def with_a_bar(name):
        list(tqdm(range(3), desc="a bar"))
        return real(name)

    monkeypatch.setattr(cli, "open_picture", with_a_bar)
    for quiet in ([], ["--quiet"]):
        assert main(["petra", "night_cafe", "--forecast", *QUICK, *quiet]) == 0
        assert ("a bar" in capsys.readouterr().err) == (not quiet)
