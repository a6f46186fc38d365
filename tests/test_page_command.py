"""The command that makes a grid and bakes its page."""

import pytest

from styletransfer.runs.store import Store
from styletransfer.study import sweeps
from styletransfer.study.__main__ import _parser, main

from .pages import data_of

PAIR = ("--content", "petra", "--style", "night_cafe", "great_wave")
COMMON = ("--size", "48", "--steps", "2", "--backbone", "embedded", "--store", "runs")
WORDS = ("bake", "page.html", *PAIR, "--grid", "lam=0.01,1", *COMMON, "--unjudged", "--quiet")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_makes_what_is_missing(folder, capsys, monkeypatch):
    assert main(WORDS) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("page.html: 4 of 4 pictures, 0.")
    points = [run["point"] for run in data_of(folder / "page.html")["runs"]]
    assert points == [{"style": s, "lam": x} for s in PAIR[3:] for x in (0.01, 1.0)]
    assert len(Store("runs")) == 4
    monkeypatch.setattr(sweeps, "_make", pytest.fail)
    assert main([*WORDS, "--title", "Mine"]) == 0
    assert data_of(folder / "page.html")["title"] == "Mine"


def test_an_interrupt_bakes_what_was_made(folder, capsys, interrupt_run):
    interrupt_run(3)
    assert main(WORDS) == 130
    assert "2 of 4 pictures" in capsys.readouterr().err
    data = data_of(folder / "page.html")
    assert len(data["runs"]) == 2
    assert data["missing"] == [
        "style = great_wave, lam = 0.01",
        "style = great_wave, lam = 1",
    ]
    (folder / "page.html").unlink()
    interrupt_run(1)
    assert main([*WORDS, "--seed", "3"]) == 130
    assert "no page was written" in capsys.readouterr().err
    assert not (folder / "page.html").exists()


def test_values():
    grid = ["lam=0.01,1e2", "style-layers=conv1_1 conv2_1,conv3_1", "steps=5,2 3", "form=gatys"]
    words = [word for entry in grid for word in ("--grid", entry)]
    read = dict(_parser().parse_args([*WORDS, *words]).grid[1:])
    layers = [("conv1_1", "conv2_1"), ("conv3_1",)]
    steps = [5, (2, 3)]
    assert read == {"lam": [0.01, 100.0], "style_layers": layers, "steps": steps, "form": ["gatys"]}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grid", "lamb=1"), "unknown setting 'lamb'; did you mean 'lam'"),
        (("--grid", "lam=a,b"), "a,b are no values of lam"),
        (("--grid", "lam"), "write lam=VALUE,VALUE, not lam"),
        (("--grid", "size=64,64"), "size stands in the grid and beside it"),
        (("--style", "no_such_picture"), "no_such_picture"),
        (("--lam", "x"), "invalid float value: 'x'"),
    ],
)
def test_bad_input_is_one_sentence(folder, capsys, monkeypatch, words, message):
    monkeypatch.setattr(sweeps, "_make", pytest.fail)
    try:
        code = main([*WORDS, *words])
    except SystemExit as error:  # argparse
        code = error.code
    (said,) = capsys.readouterr().err.strip().splitlines()
    assert code == 2
    assert message in said
    assert not (folder / "page.html").exists()


def test_bad_places_are_refused_before_anything_is_made(folder, capsys, monkeypatch):
    monkeypatch.setattr(sweeps, "_make", pytest.fail)
    for place, message in (("page.pdf", "must end in .html"), ("no/page.html", "no folder no")):
        assert main(["bake", place, *WORDS[2:]]) == 2
        assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []
