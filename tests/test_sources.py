"""Pictures that go into a run: their identity, their names, and how small they may be."""

import os

import numpy as np
import pytest
from PIL import Image

from styletransfer.errors import InputError
from styletransfer.pictures import datasets
from styletransfer.pictures.sources import Collection, array_sha256, open_picture, open_pictures


def test_arrays_that_differ_have_different_checksums():
    """Constant arrays of 40 x 60 and 60 x 40 have the same bytes."""
    arrays = [
        np.full((40, 60, 3), 0.5, np.float32),
        np.full((60, 40, 3), 0.5, np.float32),
        np.full((40, 60, 3), 0.25, np.float32),
    ]
    sums = [open_picture(array).about["sha256"] for array in arrays]
    assert len(set(sums)) == 3
    assert open_picture(arrays[0].copy()).about["sha256"] == sums[0]
    assert open_picture(np.asfortranarray(arrays[0])).about["sha256"] == sums[0]
    assert array_sha256(np.zeros(4, np.int32)) != array_sha256(np.zeros(4, np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (15, 15), (15, 1)])
def test_pictures_with_nothing_to_see(tmp_path, shape):
    Image.new("RGB", shape[::-1]).save(tmp_path / "tiny.png")
    reason = f"the content picture has {shape[1]} x {shape[0]} pixels, too few to see anything"
    for tiny in (tmp_path / "tiny.png", np.zeros((*shape, 3))):
        with pytest.raises(InputError, match=reason):
            open_picture(tiny, "the content picture")
        with pytest.raises(InputError, match=r"the style \(2 of 2\) has"):
            open_pictures(["petra", tiny], "the style")
    # To look at a picture, and to work with an array, any size will do.
    assert datasets.load_image(tmp_path / "tiny.png").shape == (*shape, 3)
    assert open_picture(np.zeros((1, 16, 3))).picture.shape == (1, 16, 3)


def test_names_that_no_record_can_hold(tmp_path):
    bad = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\xfe.png")
    Image.new("RGB", (20, 20)).save(bad)
    with pytest.raises(InputError, match=r"bad\\udcff\\udcfe\.png' is not UTF-8.*rename") as caught:
        open_picture(bad)
    str(caught.value).encode()  # the sentence can be printed
    with pytest.raises(InputError, match="is not UTF-8"):
        open_pictures(tmp_path)
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff")
    os.mkdir(folder)
    for name in "ab":
        Image.new("RGB", (20, 20)).save(f"{folder}/{name}.png")
    with pytest.raises(InputError, match="is not UTF-8"):
        open_pictures(folder)
    os.rename(bad, tmp_path / "gut_ü.png")
    assert open_picture(tmp_path / "gut_ü.png").about["picture"].endswith("/gut_ü.png")


def test_pipes_and_devices_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(InputError, match="is a pipe or a device"):
            open_picture(path)


def test_one_picture_or_several(tmp_path):
    for name in "ab":
        Image.new("RGB", (20, 20), (ord(name), 0, 0)).save(tmp_path / f"{name}.png")
    both = open_pictures(tmp_path)
    assert isinstance(both, Collection)
    assert both.label == str(tmp_path)
    a, b = (open_picture(tmp_path / f"{name}.png") for name in "ab")
    assert {member.about["sha256"] for member in both.members} == {
        member.about["sha256"] for member in (a, b)
    }
    assert open_pictures([b, a]).checksum == open_pictures([a, b]).checksum == both.checksum
    assert open_pictures([a]) is a
    (tmp_path / "b.png").unlink()
    assert open_pictures(tmp_path).about["sha256"] == a.about["sha256"]
    with pytest.raises(InputError, match="the style is an empty list"):
        open_pictures([], "the style")
