"""Files that claim to hold weights: what is refused, and what is not even read."""

import os
import resource
import tracemalloc
import zlib

import h5py
import numpy as np
import pytest

from styletransfer.errors import InputError
from styletransfer.weights.backbones import load_weights
from styletransfer.weights.convolutions import read_weights

from .weight_files import VGG16, hollow


def test_weights_that_were_never_trained(tmp_path):
    path = tmp_path / "hollow.h5"
    for fill, reason in (
        (0, "no trained network: the weights of block1_conv1 are all zero"),
        (np.nan, "not finite, in block1_conv1"),
        (-np.inf, "not finite, in block1_conv1"),
    ):
        hollow(path, VGG16, fillvalue=fill)
        load_weights.cache_clear()
        with pytest.raises(InputError, match=reason):
            load_weights(str(path))
    hollow(path, VGG16, dtype="f8", fillvalue=1e300)  # beyond float32
    load_weights.cache_clear()
    with pytest.raises(InputError, match="not finite, in block1_conv1"):
        load_weights(str(path))
    # One bad number among 15 million good ones counts as well.
    hollow(path, VGG16, fillvalue=0.01)
    load_weights.cache_clear()
    assert load_weights(str(path)).architecture == "vgg16"
    for values, last in (("kernel", (2, 2, 511, 511)), ("bias", (511,))):
        hollow(path, VGG16, fillvalue=0.01)
        with h5py.File(path, "a") as file:
            file[f"block5_conv3/{values}"][last] = np.nan
        load_weights.cache_clear()
        with pytest.raises(InputError, match="not finite, in block5_conv3"):
            load_weights(str(path))
    load_weights.cache_clear()


@pytest.mark.parametrize(
    ("shapes", "dtype"),
    [
        ({**VGG16, "block5_conv3": (3, 3, 2**21, 2**19)}, "f4"),  # 36 TiB
        ({f"conv{number}": (3, 3, 512, 512) for number in range(200)}, "f4"),  # 2 GB in small parts
        (VGG16, "S100"),  # 1.5 GB of text
    ],
)
def test_what_a_file_claims_to_hold_takes_no_memory(tmp_path, shapes, dtype):
    hollow(tmp_path / "huge.h5", shapes, dtype=dtype)
    tracemalloc.start()
    with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
        load_weights(str(tmp_path / "huge.h5"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5e6


@pytest.mark.slow
def test_chunks_larger_than_their_kernel_are_not_unpacked(tmp_path):
    """A chunk of 1.2 GB of zeros takes 1 MB in the file, and HDF5 unpacks it whole."""
    path = tmp_path / "bomb.h5"
    hollow(path, VGG16, fillvalue=0.01)
    chunk = (3, 3, 1024, 32768)
    options = {"chunks": chunk, "maxshape": (None,) * 4, "compression": "gzip"}
    with h5py.File(path, "a") as file:
        del file["block5_conv3/kernel"]
        bomb = file.create_dataset("block5_conv3/kernel", VGG16["block5_conv3"], "f4", **options)
        packer = zlib.compressobj(9)
        parts = [packer.compress(bytes(4 * 1024 * 32768)) for _ in range(9)]
        bomb.id.write_direct_chunk((0, 0, 0, 0), b"".join([*parts, packer.flush()]))
    assert path.stat().st_size < 3e6
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="does not hold the convolutions of a VGG"):
        load_weights(str(path))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


@pytest.mark.parametrize("ending", [".h5", ".onnx"])
def test_what_is_no_weights_file_is_not_opened(tmp_path, ending):
    os.mkfifo(tmp_path / f"pipe{ending}")
    (tmp_path / f"device{ending}").symlink_to("/dev/zero")
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / f"huge{ending}").touch()
    os.truncate(tmp_path / f"huge{ending}", 2**40)  # with no block on the disk
    reasons = {
        "pipe": "is a pipe or a device",
        "device": "is a pipe or a device",
        "folder": "is a folder",
        "huge": r"has 1099\.5 GB, and at most 2\.1 are read",
    }
    for name, reason in reasons.items():
        with pytest.raises(InputError, match=f"{name}{ending} {reason}"):
            load_weights(str(tmp_path / f"{name}{ending}"))


@pytest.mark.parametrize("factor", [255, 1 / 255, 1e6, 1e-6])
def test_weights_in_another_scale(tmp_path, factor):
    """For pictures of 0..1 the first kernel is 255 times as large."""
    weights = load_weights("embedded")
    path = tmp_path / "scaled.h5"

    def write(layers, factor):
        with h5py.File(path, "w") as file:
            for name, kernel in weights.kernels.items():
                file[f"{name}/kernel"] = kernel * np.float32(factor if name in layers else 1)
                file[f"{name}/bias"] = weights.biases[name]
        return path

    write(["block1_conv1"], factor)
    with pytest.raises(InputError, match="weights in another scale: those of block1_conv1"):
        read_weights(path, "scaled")
    write(["block4_conv2"], factor**2)
    with pytest.raises(InputError, match="weights in another scale: those of block4_conv2"):
        read_weights(path, "scaled")
    write(["block1_conv1"], 1 / 17)  # as much as the paper's rescaling
    assert read_weights(path, "scaled").architecture == "vgg16"
