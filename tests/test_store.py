"""Results by identity: what is the same run, and that a result is whole or not there."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from styletransfer import Settings, transfer
from styletransfer.errors import InputError
from styletransfer.fast.precision import resolve_precision
from styletransfer.forms import FORMS
from styletransfer.loop import Run
from styletransfer.pictures import datasets
from styletransfer.pictures.images import read_image, save_image
from styletransfer.runs.record import Result
from styletransfer.runs.request import Request
from styletransfer.runs.store import Store
from styletransfer.settings import recorded_settings

TINY = {
    "size": 48,
    "sizes": (48,),
    "steps": 3,
    "backbone": "embedded",
    "form": "gatys-code",
    "progress": False,
}


def asked(pair, start=None, **settings):
    return Request.open(*pair, Settings(backbone="embedded", **settings), start)


def test_identity_is_the_settings_and_the_pictures(pair, tmp_path):
    form = FORMS[Settings.form]
    same = {
        asked(pair).identity,
        asked(pair, lam=form.lam, pooling=form.pooling).identity,
        asked(pair, lam=form.lam, form=Settings.form).identity,
        asked(pair, precision=resolve_precision("auto", size=512)).identity,
        asked([picture.copy() for picture in pair]).identity,
    }
    assert len(same) == 1
    assert asked(pair, lam=7).identity == asked(pair, lam=7.0).identity
    if not form.scaled:  # what only another network or another start has
        assert asked(pair, floor=0.5, noise=0.5).identity == asked(pair).identity
    others = [
        *(
            asked(pair, **{name: value})
            for name, value in (("lam", 999.0), ("seed", 1), ("size", 300), ("form", "proposal"))
        ),
        *(asked(pair, precision="float32"), asked(pair, omega=(1, 2, 3, 4, 5))),
        *(
            asked(pair, padding="zero"),
            asked(pair, init="noise"),
            asked(pair, init="noise", noise=0.5),
        ),
        *(asked(pair, form="gatys"), asked(pair, form="gatys", floor=0.5)),
        asked(pair[::-1]),
        asked([0.999 * pair[0], pair[1]]),
        asked(pair, pair[1]),
        asked(pair, pair[0]),
    ]
    identities = {other.identity for other in others}
    assert len(identities) == len(others)
    assert not identities & same
    save_image(pair[0], tmp_path / "a.png")
    save_image(pair[0], tmp_path / "b.png")
    assert (
        asked([tmp_path / "a.png", pair[1]]).identity
        == asked([tmp_path / "b.png", pair[1]]).identity
    )


def test_identity_of_several_paintings_is_that_of_the_pictures_in_any_order(pair, tmp_path):
    save_image(pair[0], tmp_path / "a.png")
    (tmp_path / "folder").mkdir()
    save_image(pair[1], tmp_path / "folder" / "b.png")
    alone = {
        asked(["petra", style]).identity
        for style in (tmp_path / "folder", [tmp_path / "folder" / "b.png"])
    }
    save_image(pair[0], tmp_path / "folder" / "c.png")
    files = [tmp_path / "a.png", tmp_path / "folder" / "b.png"]
    same = {asked(["petra", style]).identity for style in (files, files[::-1], tmp_path / "folder")}
    assert len(alone) == len(same) == 1
    others = {
        asked(["petra", style]).identity
        for style in (files[0], files[1], files + files[:1], [*files, "petra"])
    }
    assert (
        len({*alone, *same, *others}) == 1 + 1 + 3
    )  # the folder with one picture was that picture
    assert alone <= others


@pytest.mark.process
def test_identity_is_the_same_in_another_process():
    script = (
        "from styletransfer import Settings\nfrom styletransfer.runs.request import Request\n"
        "print(Request.open('petra', 'night_cafe', Settings(backbone='embedded', seed=4)).identity)"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found == asked(["petra", "night_cafe"], seed=4).identity


def test_the_second_time_is_the_first(pair, tmp_path):
    first = transfer(*pair, store=tmp_path, **TINY)
    plain = transfer(*pair, **TINY)
    second = transfer(*pair, store=tmp_path, callbacks=[pytest.fail], **TINY)
    np.testing.assert_array_equal(first.image, second.image)
    assert first.record == second.record
    np.testing.assert_allclose(plain.image, second.image, atol=0.5 / 255 + 1e-6)
    assert len(Store(tmp_path)) == 1
    transfer(*pair, store=tmp_path, lam=7.0, **TINY)
    assert len(Store(tmp_path)) == 2
    several = transfer(pair[0], pair, store=tmp_path, **TINY)
    again = transfer(pair[0], pair[::-1], store=tmp_path, callbacks=[pytest.fail], **TINY)
    assert several.record == again.record
    assert len(Store(tmp_path)) == 3
    assert [path.name[0] for path in tmp_path.iterdir()].count(".") == 0


def test_what_was_interrupted_is_not_kept(pair, tmp_path):
    def interrupt(run, step):
        raise KeyboardInterrupt

    result = transfer(*pair, store=tmp_path, callbacks=[interrupt], **TINY)
    assert result.record["stopped"] == "interrupted"
    assert list(tmp_path.iterdir()) == []


def _cut(entry):
    picture = entry / "picture.png"
    picture.write_bytes(picture.read_bytes()[:-40])


def _other_pixels(entry):
    image = read_image(entry / "picture.png")
    image[3, 4] = 1 - np.round(image[3, 4])
    save_image(image, entry / "picture.png")


def _half_a_record(entry):
    record = entry / "picture.json"
    record.write_text(record.read_text()[:100])


def _another_record(entry):
    record = json.loads((entry / "picture.json").read_text())
    (entry / "picture.json").write_text(json.dumps({**record, "identity": "0" * 32}))


def _no_picture(entry):
    (entry / "picture.png").unlink()


def _no_record(entry):
    (entry / "picture.json").unlink()


@pytest.mark.parametrize(
    "damage", [_cut, _other_pixels, _half_a_record, _another_record, _no_picture, _no_record]
)
def test_a_damaged_entry_is_found_out_and_made_again(pair, tmp_path, damage, caplog):
    first = transfer(*pair, store=tmp_path, **TINY)
    (entry,) = tmp_path.iterdir()
    damage(entry)
    again = transfer(*pair, store=tmp_path, **TINY)
    assert "is damaged and is made again" in caplog.text
    np.testing.assert_array_equal(first.image, again.image)
    assert Store(tmp_path).get(entry.name) is not None


def test_an_entry_without_a_record_is_replaced(pair, tmp_path):
    result = Run(*pair, Settings(**{k: v for k, v in TINY.items() if k != "progress"})).finish()
    store = Store(tmp_path)
    store.put("a" * 32, result)
    (tmp_path / ("a" * 32) / "picture.json").unlink()
    store.put("a" * 32, result)
    assert store.get("a" * 32) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["a" * 32]


def test_results_can_be_compared_and_counted(pair):
    image, record = pair[0], {"settings": {}}
    first, second = Result(image, record), Result(image.copy(), record)
    assert first == first
    assert first != second
    assert len({first, second, first}) == 2


def test_the_first_of_two_wins(pair, tmp_path):
    store = Store(tmp_path)
    result = Run(*pair, Settings(**{k: v for k, v in TINY.items() if k != "progress"})).finish()
    first = store.put("a" * 32, result)
    second = store.put("a" * 32, result)
    np.testing.assert_array_equal(first.image, second.image)
    assert [path.name for path in tmp_path.iterdir()] == ["a" * 32]


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    old, new = tmp_path / ".half-old", tmp_path / ".half-new"
    for path in (old, new):
        path.mkdir()
        (path / "picture.png").write_bytes(b"half")
    os.utime(old, (1, 1))
    assert len(Store(tmp_path)) == 0
    assert not old.exists()
    assert new.exists()  # another process may be writing it
    (new / "picture.json").write_bytes(b"half")
    assert len(Store(tmp_path)) == 0
    assert list(Store(tmp_path).records()) == []


def test_a_store_that_is_only_read(pair, tmp_path):
    store = Store(tmp_path / "none", read_only=True)
    assert list(store.records()) == []
    assert store.get("none") is None
    assert not (tmp_path / "none").exists()
    made = transfer(*pair, store=tmp_path, **TINY)
    (entry,) = tmp_path.iterdir()
    store = Store(tmp_path, read_only=True)
    with pytest.raises(PermissionError, match="only read"):
        store.put("another", made)
    (entry / "picture.png").write_bytes(b"broken")
    assert store.get(entry.name) is None
    assert entry.exists()  # one that could be written would remove it


@pytest.mark.slow
def test_the_runs_that_come_with_the_package():
    """Their records name the bundled pictures, and have the losses of the pictures beside them."""
    folder, known = datasets.data_folder() / "runs", {**datasets.photos(), **datasets.paintings()}
    assert sum(path.stat().st_size for path in folder.rglob("*.*")) < 1_600_000
    store, lams = Store(folder, read_only=True), {}
    for identity, record in store.records():
        kept = store.get(identity)
        assert kept is not None
        assert record["weights"]["name"] == "embedded"
        names = [record[key]["picture"] for key in ("content", "style")]
        for key, name in zip(("content", "style"), names, strict=True):
            assert record[key]["sha256"] == known[name].checksum()
        lams.setdefault(tuple(names), set()).add(record["settings"]["lam"])
    assert [len(values) for values in lams.values()] == [4, 4]
    settings = recorded_settings(record["settings"])
    last = dataclasses.replace(settings, sizes=settings.sizes[-1:], steps=1)
    objective = Run(*names, last).objective
    losses, _ = objective.value_and_gradient(kept.image)  # rounded to 8 bits
    assert losses.total == pytest.approx(record["picture"]["losses"]["total"], rel=0.02)


def test_places_where_nothing_can_be_kept(pair, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be kept in .*file"):
        Store(tmp_path / "file")
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(InputError, match=r"cannot be kept in .*closed.*name another folder"):
            transfer(*pair, store=tmp_path / "closed", **TINY)


@pytest.mark.process
def test_a_full_disk_does_not_cost_the_picture(pair, tmp_path, caplog):
    """/dev/full cannot hold a folder: a limit on the size of files stands in for the full disk."""
    script = f"""
import logging, resource, signal
import numpy as np
logging.basicConfig(format="%(message)s")
from styletransfer import transfer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pictures = np.random.default_rng(0).random((2, 48, 48, 3), dtype=np.float32)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
result = transfer(*pictures, store={str(tmp_path)!r}, **{TINY!r})
print(result.image.shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "(48, 48, 3)" in done.stdout
    assert "could not be kept" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
