"""Structures: what is refused, and the command line."""

import os
import subprocess
import sys

import numpy as np
import pytest

from styletransfer import load_image
from styletransfer.beyond.__main__ import main
from styletransfer.beyond.patterns import Problem
from styletransfer.beyond.structures import Structure, design, write_stl
from styletransfer.errors import InputError

SMALL = {"size": (24, 12), "steps": 16, "layers": ("conv1_1", "conv2_1"), "backbone": "embedded"}
HELD = (((0, 0, 0, 1), "xy"),)
TIP = (((1, 0, 1, 0), (0, 1)),)


@pytest.mark.parametrize(
    ("problem", "options", "message"),
    [
        (Problem((), TIP), {}, "could move as a whole: give it more supports"),
        (Problem((((0, 0, 0, 1), "x"),), TIP), {}, "could move as a whole"),
        (Problem((((0, 0, 0, 0), "xy"),), TIP), {}, "could move as a whole"),
        (Problem(HELD, ()), {}, "has no load"),
        (Problem(HELD, (((0, 0, 0, 1), (0, 1)),)), {}, "has no load beside its supports"),
        (Problem(HELD, (((2, 0, 2, 0), (0, 1)),)), {}, "a place is outside"),
        (Problem(HELD, TIP, (((0, 0, 0.5, 1), 0.5),)), {}, "must be 0 or 1, not 0.5"),
        (Problem(HELD, TIP, (((0.5, 0, 1, 0.5), 0.0),)), {}, "a load is on a void"),
        (Problem(HELD, TIP, (((0, 0, 1, 1), 1.0),)), {}, "leave no choice"),
        ("bridge", {"volume": 0.01}, "leave no choice"),
        ("mbbb", {}, "did you mean 'mbb'"),
        ("mbb", {"volume": 0}, "volume must be a number above 0"),
        ("mbb", {"volume": 1}, "volume must be a number below 1"),
        ("mbb", {"volume": float("nan")}, "volume must be finite"),
        ("mbb", {"size": (60,)}, "size must be two numbers"),
        ("mbb", {"size": (60, 0)}, "size must be a whole number of at least 2"),
        ("mbb", {"steps": 3}, "at least one step for each of them"),
        ("mbb", {"penalties": ()}, "there must be a penalty"),
        ("mbb", {"lam": -1}, "lam must be a number of at least 0"),
        ("mbb", {"layer": "conv1_1"}, "did you mean 'layers'"),
        ("mbb", {"pattern": "cels"}, "unknown picture"),
        ("mbb", {"pattern": np.full((8, 8), 2.0)}, "must lie in"),
        ("mbb", {"pattern": "cells", "layers": "conv5_1", "size": (16, 6)}, "a side below"),
    ],
)
def test_bad_input(problem, options, message):
    with pytest.raises(InputError, match=message):
        design(problem, **{**SMALL, "steps": 4, **options})


def test_a_load_on_a_void_has_no_compliance():
    density = np.ones((20, 60))
    density[0, 0] = 0
    with pytest.raises(InputError, match="a load is on a void: move it, or put material there"):
        Structure("mbb", (60, 20)).compliance(density)


def test_a_plain_structure_of_another_size_is_refused():
    plain = design("mbb", size=(12, 12), steps=4)
    with pytest.raises(InputError, match="has another size"):
        design("mbb", "cells", plain=plain, **SMALL)


def test_bad_meshes(tmp_path):
    for density, name, message in (
        (np.zeros((4, 4)), "x.stl", "nothing to write"),
        (np.ones((4, 4)), "x.obj", "must end in .stl"),
        (np.ones((4, 4)), "no/x.stl", "there is no folder"),
    ):
        with pytest.raises(InputError, match=message):
            write_stl(density, tmp_path / name)
    assert not list(tmp_path.iterdir())


WORDS = ["--size", "24,12", "--steps", "8", "--layers", "conv1_1,conv2_1", "--backbone", "embedded"]


@pytest.mark.process
def test_the_command_line(tmp_path):
    out, stl = tmp_path / "beam.png", tmp_path / "beam.stl"
    words = [
        "-m",
        "styletransfer.beyond",
        "design",
        "mbb",
        "great_wave",
        "--out",
        out,
        "--stl",
        stl,
    ]
    done = subprocess.run([sys.executable, *words, *WORDS], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{out}: compliance " in done.stderr
    assert load_image(out).shape == (24, 48, 3)
    assert sorted(os.listdir(tmp_path)) == ["beam.png", "beam.stl"]


def test_what_the_command_line_refuses(tmp_path, capsys):
    """In one sentence, and nothing is written."""
    out = ["--out", str(tmp_path / "beam.png")]
    for words, message in (
        (["mbb", "cells", *out, "--volume", "1"], "volume must be a number below 1"),
        (["mbbb", *out], "did you mean 'mbb'"),
        (["mbb", "celsl", *out], "unknown picture 'celsl'"),
        (["mbb", "--out", str(tmp_path / "beam.gif")], "must end in"),
        (["mbb", *out, "--stl", str(tmp_path / "beam.obj")], "must end in .stl"),
    ):
        assert main(["design", *words, "--quiet", *WORDS]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert not list(tmp_path.iterdir())
