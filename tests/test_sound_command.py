"""Sounds in and out: files of many kinds, what is refused, and the command line."""

import csv
import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from styletransfer.beyond import audio
from styletransfer.beyond.__main__ import main
from styletransfer.errors import InputError
from styletransfer.pictures.datasets import data_folder

from .sounds import RATE, loudest, sine

FEW = ("--filters", "8", "--steps", "3", "--init", "content", "--quiet")


@pytest.mark.parametrize(
    ("ending", "rate", "channels"),
    [
        ("wav", 44_100, 2),
        ("wav", 8_000, 1),
        ("flac", 48_000, 3),
        ("ogg", 22_050, 2),
        ("mp3", 32_000, 1),
    ],
)
def test_a_file_is_read(ending, rate, channels, tmp_path):
    """Whatever its rate and channels: the pitch, the length and the level are right."""
    data = np.zeros((2 * rate, channels))
    data[:, 0] = 0.2 * sine(440, seconds=2, rate=rate)
    soundfile.write(tmp_path / f"a.{ending}", data, rate)
    sound = audio.read_sound(tmp_path / f"a.{ending}", seconds=1.5)
    assert sound.shape == (int(1.5 * RATE),)
    assert loudest(sound) == pytest.approx(440, abs=0.5)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(audio.LEVEL)


def test_a_written_file_is_not_clipped(tmp_path):
    audio.write_sound(tmp_path / "a.wav", 3 * sine(440))
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == RATE
    assert np.abs(sound).max() == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(sound, sine(440))[0, 1] > 0.9999


def test_the_recordings_are_free_and_small():
    with (data_folder() / "sounds" / "SOURCES.csv").open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [data_folder() / row["file"] for row in rows] == list(audio.recordings().values())
    assert {row["licence"] for row in rows} == {"CC0"}
    assert all(row["author"] and row["source"].startswith("https://") for row in rows)
    assert sum(path.stat().st_size for path in audio.recordings().values()) < 1_000_000
    for name, row in zip(audio.recordings(), rows, strict=True):
        assert len(audio.read_sound(name)) / RATE == pytest.approx(float(row["seconds"]), abs=0.05)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Sounds that can be used and others that cannot."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("good.wav", 0.5 * sine(440), RATE)
    soundfile.write("silence.wav", np.zeros(RATE), RATE)
    soundfile.write("click.wav", np.ones(30), RATE)
    soundfile.write("broken.wav", np.full(RATE, np.nan), RATE, subtype="FLOAT")
    soundfile.write("slow.wav", sine(4, rate=100, seconds=9), 100)
    (tmp_path / "text.wav").write_text("This is no sound.")
    (tmp_path / "empty.flac").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["good.wav", "silence.wav"], "silence.wav is silent"),
        (["click.wav", "good.wav"], "click.wav lasts 0.00 s; at least 0.5 s are needed"),
        (["good.wav", "broken.wav"], "broken.wav must be one row of finite numbers"),
        (["slow.wav", "good.wav"], "slow.wav has 100 samples a second"),
        (["text.wav", "good.wav"], "text.wav is no sound that can be read"),
        (["empty.flac", "good.wav"], "empty.flac is no sound that can be read"),
        (["good.wav", "nothing.wav"], "there is no file nothing.wav"),
        (["folder", "good.wav"], "folder is a folder"),
        (["good.wav", "loop_tabla", "--out", "good.wav"], "good.wav is one of the"),
        (["good.wav", "loop_tabla", "--out", "x.aiff"], "must end in .wav, .flac, .ogg, .mp3"),
        (["good.wav", "loop_tabla", "--out", "no/x.wav"], "there is no folder no"),
        (["good.wav", "loop_tabla", "--filters", "0"], "filters must be a whole number"),
        (["good.wav", "loop_tabla", "--lam", "-1"], "lam must be a number of at least 0"),
        (["good.wav", "loop_tabla", "--init", "other"], "invalid choice: 'other'"),
        (["good.wav"], "the following arguments are required: B.wav"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_one_sentence(words, said, files, capsys):
    before = sorted(os.listdir(files))
    words = words if "--out" in words else [*words, "--out", "out.wav"]
    try:
        code = main(["sound", *words])
    except SystemExit as error:  # argparse
        code = error.code
    output = capsys.readouterr()
    assert code == 2
    (sentence,) = output.err.strip().splitlines()
    assert said in sentence
    assert output.out == ""
    assert sorted(os.listdir(files)) == before


def test_without_soundfile_its_extra_is_named(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(InputError, match=r"pip install 'styletransfer\[beyond\]'"):
        audio.read_sound("good.wav")


@pytest.mark.process
def test_the_command_line(files):
    """A FLAC file in the manner of a stereo WAV file of another rate, twice the same."""
    both = np.stack([sine(300, rate=48_000), sine(450, rate=48_000)], axis=1)
    soundfile.write(files / "b.wav", both, 48_000)
    soundfile.write(files / "a.flac", 0.3 * sine(440, seconds=1.2), RATE)
    words = [sys.executable, "-m", "styletransfer.beyond", "sound", "a.flac", "b.wav", *FEW]
    done = subprocess.run(
        [*words, "--out", "c.wav"], cwd=files, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "c.wav: 3 of 3 evaluations" in done.stderr
    sound, rate = soundfile.read(files / "c.wav")
    assert (rate, sound.shape) == (RATE, (int(1.2 * RATE),))
    assert np.abs(sound).max() > 0.01
    assert main(["sound", "a.flac", "b.wav", *FEW, "--out", "again.wav"]) == 0
    assert (files / "again.wav").read_bytes() == (files / "c.wav").read_bytes()
