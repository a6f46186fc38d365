"""The databases: what is there, what it is called, and what is said when it is not."""

import csv
import dataclasses
import hashlib
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from styletransfer.errors import InputError
from styletransfer.pictures import datasets


def test_every_bundled_picture_is_listed_and_whole():
    assert len(datasets.photos()) == 44
    assert len(datasets.paintings()) == 17
    home = datasets.data_folder()
    files = {path.relative_to(home).as_posix() for path in home.glob("*/*.webp")}
    pictures = [*datasets.photos().values(), *datasets.paintings().values()]
    assert {picture.path.relative_to(home).as_posix() for picture in pictures} == files
    for picture in pictures:
        array = picture.load(size=32)
        assert max(array.shape[:2]) == 32
        assert picture.author
        assert picture.licence in ("Public domain", "CC0-1.0")
        assert picture.licence in picture.credit
    assert all(
        photo.source.startswith("https://commons.wikimedia.org/")
        for photo in datasets.photos().values()
    )


def test_the_table_of_sources_is_true():
    home = datasets.data_folder()
    with (home / "SOURCES.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert len({row["file"] for row in rows}) == len(rows) == 44 + 17
    for row in rows:
        with Image.open(home / row["file"]) as image:
            assert image.size == (int(row["width"]), int(row["height"])), row["file"]
        assert all(row[key] for key in ("title", "author", "licence")), row["file"]
        assert row["year"] or not row["file"].startswith("paintings/")


def test_paintings_by_artist():
    everybodys, artists = datasets.paintings(), datasets.artists()
    assert len(artists) == len(set(artists)) == 8
    assert artists[:3] == ("Vincent van Gogh", "Katsushika Hokusai", "Pieter Bruegel the Elder")
    chosen = {artist: datasets.paintings(artist=artist) for artist in artists}
    assert [len(chosen[artist]) for artist in artists] == [9, 2, 1, 1, 1, 1, 1, 1]
    assert {name: each for one in chosen.values() for name, each in one.items()} == everybodys
    assert all(each.author == artist for artist in artists for each in chosen[artist].values())
    van_goghs = list(chosen["Vincent van Gogh"])
    assert van_goghs == [name for name in everybodys if name in van_goghs]
    words = {
        "van gogh": "Vincent van Gogh",
        "VINCENT  VAN GOGH": "Vincent van Gogh",
        "Gogh": "Vincent van Gogh",
        "Hokusai": "Katsushika Hokusai",
        "bruegel": "Pieter Bruegel the Elder",
        "Renoir": "Pierre-Auguste Renoir",
    }
    for said, artist in words.items():
        assert datasets.paintings(artist=said) == chosen[artist]


@pytest.mark.parametrize(
    ("artist", "said"),
    [
        ("Vincent van Goth", "unknown artist 'Vincent van Goth'; did you mean 'Vincent van Gogh'"),
        ("kandinski", "did you mean 'Wassily Kandinsky'"),
        ("Monet", "there are: Vincent van Gogh, Katsushika Hokusai, .*, Wassily Kandinsky$"),
        ("go", "unknown artist 'go'"),
        ("", "unknown artist ''"),
    ],
)
def test_an_unknown_artist(artist, said):
    with pytest.raises(InputError, match=said):
        datasets.paintings(artist=artist)


def test_names_and_paths(tmp_path):
    Image.new("RGB", (30, 20), "red").save(tmp_path / "mine.png")
    assert datasets.load_image(tmp_path / "mine.png").shape == (20, 30, 3)
    assert datasets.load_image("night_cafe", size=50).shape == (39, 50, 3)
    with pytest.raises(InputError, match="did you mean 'petra'"):
        datasets.load_image("petrra")
    with pytest.raises(
        FileNotFoundError, match=r"no file petra\.png; the database has a picture named 'petra'"
    ):
        datasets.load_image("petra.png")
    with pytest.raises(InputError, match="is a folder"):
        datasets.load_image(tmp_path)


def test_a_folder_does_not_hide_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "petra").mkdir()
    assert datasets.load_image("petra", size=20).shape == (14, 20, 3)


def test_folder(tmp_path):
    for name in ("b.png", "a.jpg", "a.png", "._c.png", "d.pdf"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    pictures = datasets.folder(tmp_path)
    assert list(pictures) == ["a.jpg", "a.png", "b"]
    assert pictures["b"].load().shape == (8, 8, 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture in the folder"):
        datasets.folder(tmp_path / "empty")
    with pytest.raises(InputError, match="there is no folder"):
        datasets.folder(tmp_path / "missing")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An empty place for the papers' pictures, and no way to any network."""
    monkeypatch.setenv("STYLETRANSFER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    return tmp_path


def test_paper_pictures_say_so_without_network(store, caplog):
    with pytest.raises(
        InputError,
        match=r"'tubingen' could not be had .*no connection.*put the file there yourself",
    ):
        datasets.load_image("tubingen")
    assert list(store.iterdir()) == []
    assert "Downloading https://" in caplog.text
    assert str(store) not in caplog.text


def test_paper_pictures_are_pinned_and_checked(store):
    assert len(datasets.paper()) == 6
    for name, picture in datasets.paper().items():
        assert "/master/" not in picture.source
        assert picture.source.startswith("https://raw.githubusercontent.com/jcjohnson/")
        assert picture.source.endswith(f"/{name}.jpg")
        assert re.fullmatch("[0-9a-f]{40}", picture.source.split("/")[5])  # a commit
        assert re.fullmatch("[0-9a-f]{64}", picture.sha256)
    # A file of that name with other content is not taken for the picture.
    Image.new("RGB", (8, 8)).save(store / "wave.jpg")
    with pytest.raises(InputError, match=r"'wave' could not be had .*wrong checksum"):
        datasets.load_image("wave")


def test_a_paper_picture_is_taken_from_the_store(store, monkeypatch):
    Image.new("RGB", (40, 30), "blue").save(store / "wave.jpg")
    checksum = hashlib.sha256((store / "wave.jpg").read_bytes()).hexdigest()
    wave = dataclasses.replace(datasets.paper()["wave"], sha256=checksum)
    monkeypatch.setattr(datasets, "paper", lambda: {"wave": wave})
    assert datasets.load_image("wave").shape == (30, 40, 3)
    assert wave.checksum() == checksum


def test_the_same_picture_under_two_paths(tmp_path):
    shutil.copy(datasets.photos()["petra"].path, tmp_path / "copy.webp")
    np.testing.assert_array_equal(
        datasets.load_image(tmp_path / "copy.webp"), datasets.load_image("petra")
    )
