"""Writing that leaves a whole file or none, and what is not opened at all."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

from styletransfer.errors import InputError
from styletransfer.pictures import files
from styletransfer.pictures.files import atomic_path, check_file, check_writable, file_sha256
from styletransfer.pictures.images import save_image

PICTURE = np.full((12, 20, 3), 0.5, np.float32)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_permissions_are_those_of_any_new_file(tmp_path, mask):
    before = os.umask(mask)
    try:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("whole")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_umask_is_never_touched(tmp_path, monkeypatch):
    """It belongs to the process: what another thread makes meanwhile would be open to all."""
    monkeypatch.setattr(os, "umask", None)
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == ["a.txt"]


def test_threads_that_write_one_file(tmp_path):
    def write(number):
        for _ in range(50):
            with atomic_path(tmp_path / "a.txt") as temporary:
                temporary.write_text(str(number) * 1000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = (tmp_path / "a.txt").read_text()
    assert text == text[0] * 1000
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.process
def test_what_a_killed_process_left_is_cleared(tmp_path, monkeypatch):
    target = tmp_path / "state [1].npz"
    code = (
        "import sys, time; from styletransfer.pictures.files import atomic_path\n"
        "with atomic_path(sys.argv[1]): print(flush=True), time.sleep(300)"
    )
    words = [sys.executable, "-c", code, str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        (left,) = tmp_path.iterdir()
        os.utime(left, (0, 0))
        check_writable(target, endings={".npz": ""})
        assert names(tmp_path) == [left.name]  # its process is alive
        process.send_signal(signal.SIGKILL)
    others = [".state [1]-1234.npz", ".state [1]-x-0123abcd.npz", ".state 1-1-0123abcd.npz"]
    for name in others:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    os.utime(left, (now := time.time(), now))
    check_writable(target, endings={".npz": ""})
    assert left.exists()  # too young: another machine may be writing it
    monkeypatch.setattr(files, "STALE", -1)
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"whole")
    assert names(tmp_path) == sorted([*others, target.name])


def test_nothing_is_written_over_pipes_and_devices(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    (tmp_path / "folder.png").mkdir()
    for name, reason in (("pipe", "pipe"), ("null", "device"), ("folder", "is a folder")):
        with pytest.raises(InputError, match=f"cannot write .*{name}.png: it .*{reason}"):
            check_writable(tmp_path / f"{name}.png")
    assert names(tmp_path) == ["folder.png", "null.png", "pipe.png"]


def test_only_files_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"some bytes")
    assert file_sha256(tmp_path / "file") == hashlib.sha256(b"some bytes").hexdigest()
    check_file(tmp_path / "file", most=10)
    with pytest.raises(InputError, match=r"has 0\.0 GB, and at most"):
        check_file(tmp_path / "file", most=9)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        file_sha256(tmp_path / "missing")
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("pipe", "pipe"), ("/dev/zero", "device"), ("", "folder")):
        with pytest.raises(InputError, match=f"is a .*{reason}"):
            file_sha256(tmp_path / name)


def test_nothing_half_written(tmp_path, monkeypatch):
    target = tmp_path / "x.png"
    target.write_bytes(b"before")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="No space"):
        save_image(PICTURE, target)
    assert target.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["x.png"]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"must end in \.png"):
        save_image(PICTURE, tmp_path / "x.xyz")
    with pytest.raises(InputError, match="there is no folder"):
        save_image(PICTURE, tmp_path / "missing" / "x.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        save_image(PICTURE, tmp_path / "folder.png")
    with pytest.raises(InputError, match="cannot write"):
        save_image(PICTURE, "/proc/x.png")  # not even root can make a file there
