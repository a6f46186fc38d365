"""Runs that are made again from their records, and what is never written over."""

import json
import os

import pytest
from PIL import Image

from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.runs.record import read_record

QUICK = ("--size", "48", "--steps", "6", "--backbone", "embedded")


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
    more = ["--out", "good.webp", "--checkpoint", "state.npz", "--quiet"]
    assert main(["good.png", "night_cafe", *more, *QUICK]) == 0
    capsys.readouterr()
    resume = ("--resume", "state.npz", "--out", "good.png")
    assert "good.json is the record of good.webp" in words(*resume)
    (tmp_path / "good.json").rename("away.json")
    assert "is one of the pictures that go in" in words(*resume)
    (tmp_path / "away.json").rename("good.json")
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


def _made(*more):
    assert main(["good.png", "night_cafe", "--quiet", *QUICK, *more]) == 0


def test_a_picture_of_the_same_name_keeps_its_record(words, tmp_path, capsys):
    _made("--out", "twin.jpg")
    before = (tmp_path / "twin.json").read_bytes()
    capsys.readouterr()
    sentence = words("good.png", "night_cafe", "--out", "twin.png", *QUICK)
    assert "twin.json is the record of twin.jpg; choose another name for twin.png" in sentence
    _made("--out", "twin.jpg", "--seed", "3")
    assert (tmp_path / "twin.json").read_bytes() != before
    (tmp_path / "twin.jpg").unlink()
    _made("--out", "twin.png")
    capsys.readouterr()
    Image.new("RGB", (40, 30)).save("twin.webp")
    assert "record of twin.png" in words("good.png", "night_cafe", "--out", "twin.webp", *QUICK)


def test_a_record_means_the_picture_beside_it(tmp_path, capsys, monkeypatch):
    """One that is only in the working folder does as well, where its checksum is the recorded."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    Image.new("RGB", (40, 30), "red").save("good.png")
    _made("--out", "o.png")
    before = (tmp_path / "sub" / "o.png").read_bytes()
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (40, 30), "green").save("good.png")
    assert main(["--replay", "sub/o.json", "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    (tmp_path / "good.png").rename("other.png")
    (tmp_path / "sub" / "good.png").rename("good.png")
    (tmp_path / "other.png").rename("sub/good.png")
    assert main(["--replay", "sub/o.json", "--quiet", "--out", "again.png"]) == 0
    assert (tmp_path / "again.png").read_bytes() == before


def test_records_from_before_version_0_2(words, tmp_path, capsys):
    _made("--out", "o.png", "--init", "noise", "--padding", "zero")
    record = json.loads((tmp_path / "o.json").read_text())
    capsys.readouterr()
    old = {k: v for k, v in record["settings"].items() if k not in ("noise", "padding", "floor")}
    (tmp_path / "o.json").write_text(json.dumps({**record, "settings": old}))
    assert "it started from the uniform noise" in words("--replay", "o.json")
    old["init"] = "content"
    (tmp_path / "o.json").write_text(json.dumps({**record, "settings": old}))
    _, settings = read_record(tmp_path / "o.json")
    assert (settings.padding, settings.floor) == ("zero", 0.1)
    old["sise"] = 3
    (tmp_path / "o.json").write_text(json.dumps({**record, "settings": old}))
    with pytest.raises(InputError, match="unknown setting 'sise'; did you mean 'size'"):
        read_record(tmp_path / "o.json")
