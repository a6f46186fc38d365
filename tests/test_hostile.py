"""Files that were tampered with: an error in one sentence, no traceback, no hang, no half file.

What is changed, and how, is drawn with a seed: the same cases every time.
"""

import contextlib
import copy
import io
import json
import os
import random
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from styletransfer.errors import InputError, NonFiniteError
from styletransfer.loop import Run
from styletransfer.pictures.sources import recorded_picture
from styletransfer.runs.callbacks import Reweighing
from styletransfer.runs.checkpoint import read_state, write_state
from styletransfer.runs.record import read_record
from styletransfer.runs.state import Saved
from styletransfer.settings import settings_from

REFUSED = (InputError, FileNotFoundError)
DELETED, DIGITS = object(), "9" * 5000
VALUES = [None, "word", "a\0b", "x" * 5000, True, -1, 0, 1e9, 10**9, 10**400, 1e308, float("nan")]
VALUES += [float("inf"), [], {}, [1] * 200, {"a": []}, DIGITS, DELETED]
OPTIONS = {"size": 40, "sizes": (32, 40), "steps": (2, 3), "backbone": "embedded"}


def keys(value, at=()):
    """The places in nested dictionaries and lists; of a list the first two."""
    if at:
        yield at
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value[:2]) if isinstance(value, list) else items:
        yield from keys(item, (*at, key))


def changed(whole, at, value):
    whole = copy.deepcopy(whole)
    inner = whole
    for key in at[:-1]:
        inner = inner[key]
    if value is DELETED:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return whole


def cases(whole, count):
    """So many ways to change what a file holds: the key and the text as JSON."""
    drawn = [(at, value) for at in keys(whole) for value in VALUES]
    for at, value in random.Random(5).sample(drawn, count):
        new = changed(whole, at, value)
        # An int of 5,000 digits cannot be written by Python, and neither can it be read.
        yield at, json.dumps(new).replace(f'"{DIGITS}"', DIGITS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two pictures, the record of a run with changed weights, and its state for every optimiser."""
    folder = tmp_path_factory.mktemp("hostile")
    noise = np.random.default_rng(0).integers(0, 256, (2, 30, 40, 3), np.uint8)
    for name, pixels in zip(("a", "b"), noise, strict=True):
        Image.fromarray(pixels).save(folder / f"{name}.png")
    styles = [folder / "b.png", folder / "a.png"]
    for optimizer in ("adam", "sgd", "lbfgs"):
        settings = settings_from({**OPTIONS, "optimizer": optimizer})
        run = Run(folder / "a.png", styles, settings, start=noise[0])
        next(run)
        run.objective.lam = 2.0
        result = run.finish(until=4)
        run.save(folder / f"{optimizer}.npz")
    result.save(folder / "o.png")
    record = json.loads((folder / "o.json").read_text())
    record["start"] = record["content"]
    (folder / "o.json").write_text(json.dumps(record))
    return folder


def replayed(path):
    record, settings = read_record(path)
    pictures = {
        key: recorded_picture(record, key, beside=path.parent)
        for key in ("content", "style", "start")
    }
    return record, settings, pictures


def test_records(folder, tmp_path):
    whole = json.loads((folder / "o.json").read_text())
    path, accepted, refused = tmp_path / "o.json", [], []
    for _, text in cases(whole, 500):
        path.write_text(text)
        try:
            accepted.append(replayed(path))
        except REFUSED as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(len(said.splitlines()) == 1 for said in refused)
    assert len(accepted) > 100
    for record, settings, pictures in accepted[::25]:
        try:
            run = Run(settings=settings, **pictures)
            Reweighing(record.get("changes", ()))(run)
        except REFUSED:
            continue
        assert next(run).step == 1


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam", "sgd"])
def test_saved_states(folder, tmp_path, optimizer):
    arrays, whole = read_state(folder / f"{optimizer}.npz")
    path, accepted, refused = tmp_path / "state.npz", 0, []
    for number, (at, text) in enumerate(cases(whole, 200)):
        np.savez(path, facts=np.array(text), **arrays)
        try:
            Saved.read(path)
        except REFUSED as error:
            refused.append(str(error))
            continue
        accepted += 1
        if number % 4 == 0 or at[0] == "position":
            with contextlib.suppress(*REFUSED, NonFiniteError):
                Run.load(path).finish()
    assert len(refused) > 50
    assert all(len(said.splitlines()) == 1 for said in refused)
    assert accepted > 10


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (("settings", "lam"), 10**400, "settings.lam"),
        (("settings", "backbone"), [], "backbone"),
        (("settings", "init"), 5, "init"),
        (("content", "picture"), 5, "content.picture"),
        (("content", "pictures"), [], "content.pictures"),
        (("style", "pictures", 1, "sha256"), "word", "style.pictures.1.sha256"),
        (("changes",), [{}], "changes.0.lam"),
        (("changes", 0, "omega"), [1.0], "omega"),
        (("start",), "word", "start"),
        (("history", 1, "loss"), float("nan"), "history.1.loss"),
    ],
)
def test_the_sentence_names_the_key(folder, tmp_path, key, value, said):
    record = changed(json.loads((folder / "o.json").read_text()), key, value)
    (tmp_path / "o.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        read_record(tmp_path / "o.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "[]", "5", f'{{"a": {DIGITS}}}', "\udcff"]
)
def test_what_is_no_record(tmp_path, text):
    (tmp_path / "o.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="is not the record of a run"):
        read_record(tmp_path / "o.json")


def test_an_absurd_position_is_refused_at_once(folder, tmp_path):
    arrays, whole = read_state(folder / "lbfgs.npz")
    for at, value in [("done", 10**6), ("stage", 2), ("history", []), ("losses", None)]:
        facts = changed(whole, ("position", at), value)
        write_state(tmp_path / "state.npz", arrays, facts)
        with pytest.raises(InputError, match=f"position.{at}" if at != "losses" else "history"):
            Run.load(tmp_path / "state.npz")


def _npy(shape, dtype="<f4", data=b""):
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + data


DEFLATED, STORED = zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED
# Made when they are asked for: pytest would spell their bytes out in the names of tests.
WRONG = {
    "compressed": lambda: ("state.x", _npy((3000, 3000, 3), data=bytes(108_000_000)), DEFLATED),
    "bomb": lambda: ("bomb", _npy((3000, 3000, 3), data=bytes(108_000_000)), DEFLATED),
    "longer than it is": lambda: ("state.x", _npy((10**6, 3 * 10**6)), STORED),
    "objects": lambda: ("state.x", _npy((30, 40, 3), dtype="|O", data=bytes(28_800)), STORED),
    "not finite": lambda: ("state.kept", _npy((30, 40, 3), data=b"\xff" * 14_400), STORED),
    "turned": lambda: ("state.x", _npy((3, 40, 30), data=bytes(14_400)), STORED),
    "bytes": lambda: ("content", _npy((2, 2, 3), dtype="|u1", data=bytes(12)), STORED),
    "long facts": lambda: ("facts", _npy((), dtype="<U100000000"), STORED),
    "no array": lambda: ("facts", b"no array", STORED),
    "one more": lambda: ("extra", _npy((1,), data=bytes(4)), STORED),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_bombs_and_wrong_arrays(folder, tmp_path, wrong):
    name, data, compression = WRONG[wrong]()
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(folder / "lbfgs.npz") as whole, zipfile.ZipFile(path, "w") as bomb:
        for member in whole.namelist():
            if member != f"{name}.npy":
                bomb.writestr(member, whole.read(member))
        bomb.writestr(f"{name}.npy", data, compression)
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            Saved.read(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.process
def test_pipes_and_devices_in_place_of_files(folder, command, tmp_path):
    """They would be read, or waited for, for ever."""
    for name in ("pipe", "pipe.json", "pipe.npz", "pipe.png", "other.json"):
        os.mkfifo(tmp_path / name)
    pair = (folder / "a.png", folder / "b.png")
    for words in [
        ("--replay", "pipe.json"),
        ("--replay", "/dev/zero"),
        ("--resume", "pipe.npz", "--out", "o.png"),
        ("--resume", "/dev/zero", "--out", "o.png"),
        (*pair, "--out", "pipe.png"),
        (*pair, "--out", "other.png"),
        (*pair, "--out", "o.png", "--checkpoint", "pipe.npz"),
        (*pair, "--out", "o.png", "--preview", "pipe.png"),
    ]:
        done = command(*words)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr.startswith("styletransfer: "), words
        assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "o.png").exists()


@pytest.mark.process
def test_names_that_are_not_utf8(folder, command, tmp_path):
    """A picture that can be made again, or one sentence."""
    name = os.fsencode(tmp_path) + b"/bad\xff\xfe"
    Path(os.fsdecode(name + b".png")).write_bytes((folder / "a.png").read_bytes())
    words = [os.fsdecode(name + b".png"), folder / "b.png", "--size", "40", "--steps", "2"]
    done = command(*words, "--out", os.fsdecode(name + b"-out.png"), "--backbone", "embedded")
    assert "Traceback" not in done.stderr
    made = Path(os.fsdecode(name + b"-out.json"))
    assert done.returncode == (0 if made.exists() else 2)
    if done.returncode == 0:
        again = command("--replay", made, "--out", "again.png")
        assert again.returncode == 0, again.stderr


@pytest.mark.process
def test_damaged_pictures_and_weights(folder, tmp_path):
    """In a process of their own, for the decoders are not Python's; its last word is the file."""
    draw = random.Random(7)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["block1_conv1/kernel"] = np.ones((3, 3, 3, 64), np.float32)
    picture = Image.open(folder / "a.png")
    for ending in ("png", "jpg", "webp", "tif"):
        picture.save(tmp_path / f"whole.{ending}")
    for path in [*tmp_path.glob("whole.*"), tmp_path / "weights.h5"]:
        for number in range(40):
            data = bytearray(path.read_bytes())
            for _ in range(draw.randint(1, 8)):
                data[draw.randrange(min(len(data), 2000))] = draw.randrange(256)
            cut = len(data) if draw.random() < 0.7 else draw.randrange(len(data))
            (tmp_path / f"bad{number}{path.suffix}").write_bytes(data[:cut])
    script = """
import sys
from pathlib import Path
from styletransfer.errors import InputError
from styletransfer.pictures.images import read_image
from styletransfer.weights.convolutions import read_weights
for path in sorted(Path(sys.argv[1]).glob("bad*")):
    print(path, flush=True)
    try:
        read_weights(path, "bad") if path.suffix == ".h5" else read_image(path)
    except InputError as error:
        assert len(str(error).splitlines()) == 1, error
print("end")
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout.splitlines()[-1] + done.stderr
    assert done.stdout.splitlines()[-1] == "end"
    assert len(done.stdout.splitlines()) == 201
