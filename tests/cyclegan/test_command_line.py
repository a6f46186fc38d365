"""The command line of the generators."""

import shutil

import pytest

from styletransfer.cyclegan.__main__ import main
from styletransfer.cyclegan.generators import Generator
from styletransfer.pictures import datasets

from .conftest import LONGER, TINY, words

pytestmark = pytest.mark.slow


def test_command_line(folders, tmp_path, capsys):
    out, options = str(tmp_path / "out"), words(TINY)
    train = ["train", "--out", out, "--data", str(folders), "--quiet", *options]
    assert main([*train, "--until", "3"]) == 0
    assert "3 of 8 steps" in capsys.readouterr().err
    assert main(train) == 0
    assert "8 of 8 steps" in capsys.readouterr().err
    one = str(tmp_path / "one.png")
    translate = ["translate", "petra", "--generator", f"{out}/BtoA.npz", "--size", "48"]
    assert main([*translate, "--out", one]) == 0
    assert main([*translate, "--out", one]) == 0  # over its own record
    several = ["translate", "petra", one, "--generator", f"{out}/AtoB.npz", "--size", "48"]
    assert main([*several, "--out", str(tmp_path / "many")]) == 0
    many = {path.name for path in (tmp_path / "many").iterdir()}
    assert many == {"petra.png", "petra.json", "one.png", "one.json"}


def test_what_the_command_line_refuses(folders, trained, tmp_path, capsys):
    """In one sentence, and nothing is made."""
    out, one, new = (str(tmp_path / name) for name in ("out", "one.png", "z"))
    shutil.copytree(trained.folder, out)
    shutil.copy(datasets.photos()["petra"].path, one)
    (tmp_path / "many").mkdir()
    (tmp_path / "mine.json").write_text("[1]")
    before = sorted(tmp_path.rglob("*"))
    options, tiny = words(LONGER), words({**TINY, "backbone": "embedded"})
    for given, message in (
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
            ["train", "--out", new, "--data", "nowhere,elsewhere"],
            "there is no folder nowhere",
        ),
        (["translate", one, "--out", one], "is one of the pictures that go in"),
        (
            ["translate", "petra", "--out", str(tmp_path / "mine.png")],
            "mine.json is there and is not a record",
        ),
        (
            ["translate", "petra", one, one, "--out", str(tmp_path / "many")],
            "same name in the folder",
        ),
        (["translate", "petrra", "--out", str(tmp_path / "x.png")], "did you mean 'petra'"),
        (
            ["train", "--out", out, "--data", str(folders), *options, "--filters", "5"],
            "holds a training with",
        ),
        (
            ["train", "--out", new, "--data", str(tmp_path / "nowhere")],
            "there is no folder",
        ),
        (
            ["adapt", "--out", new, "--lam", "0", "--size", "32"],
            "lam must be above 0",
        ),
        (["train", "--out", new, "--size", "33"], "multiple of 4"),
        (["train", "--out", new, "--filters", "1000000000"], "filters must be a whole number of"),
        (["train", "--out", new, "--seed", "9223372036854775808"], "seed must be a whole number"),
        (["train", "--out", new, "--until", "0"], "until must be a whole number of at least 1"),
        (["adapt", "--out", new, "--statistic", "grm", *tiny], "did you mean 'gram'"),
        (
            ["train", "--out", new, *words({**TINY, "steps": 1, "learning_rate": 1e308})],
            "not finite",
        ),
        (["translate", "petra", "--out", one, "--size", "9" * 29], "size must be a whole number"),
        (["translate", str(tmp_path / "\udcff.png"), "--out", new], "is not UTF-8"),
    ):
        assert main(given) == 2
        said = capsys.readouterr().err
        assert message in said
        assert len(said.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before
    for given, message in (
        ([], "say what to do"),
        (["train"], "--out"),
        (["train", "--out", "x", "--size", "a"], "size"),
        (["train", "--out", ""], "the name is empty"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(given)
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
    sides = f"{folders / 'trainA'},{folders / 'trainB'}"
    out = str(tmp_path / "out")
    assert main(["adapt", "--out", out, "--data", sides, "--quiet", *words(tiny)]) == 0
    assert "2 of 2 steps" in capsys.readouterr().err
    caption = Generator(tmp_path / "out" / "BtoA.npz").translate("petra", size=48).caption
    assert "adapted generator" in caption
    assert "λ = 0.01, γ = 0" in caption
