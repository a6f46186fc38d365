"""The convolutions of a VGG network, read from a file of Keras' (HDF5) or from an ONNX model."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

import h5py
import numpy as np

from ..errors import InputError, log
from ..layers import CONVOLUTIONS, block_of, filters_of, layers_of
from ..pictures.files import check_file, file_sha256

Architecture = Literal["vgg16", "vgg19"]
Network = tuple[Architecture, dict[str, tuple[np.ndarray, np.ndarray]]]
"""Kernel and bias of a network's layers."""

MOST_BYTES = 2**31
"""Of a file: VGG-19 with its fully connected layers has 0.57 GB, and ONNX itself ends here."""

MOST_GAIN = 100
"""Most, and inverse of the least, that the first layer multiplies a picture by: root mean square
of its kernel times the root of how many values a filter sums. ImageNet's VGG-16 has 1.07, random
initial values have 0.3 to 1.5, the VGG-16 rescaled as in Gatys et al. 2016 has 0.06. Weights for
pictures of another range are off by 255."""

# As Keras' old files, ONNX models and Keras' newer files (conv2d, conv2d_1, …) name the layers
_LAYER = re.compile(r"block\d_conv\d|conv2d(_\d+)?")


@dataclass(frozen=True, eq=False)
class Weights:
    """The convolutions of a VGG network, by layer name, float32."""

    name: str  # "vgg19", "vgg16", "embedded", or the path of the file that was asked for
    architecture: Architecture  # how many convolutions a block has
    sha256: str  # of the file
    kernels: Mapping[str, np.ndarray]  # (3, 3, inputs, filters), for BGR of 0..255 less the mean
    biases: Mapping[str, np.ndarray]  # (filters,)

    @property
    def about(self) -> dict[str, str]:
        """What a record says of the weights."""
        return {"name": self.name, "architecture": self.architecture, "sha256": self.sha256}


def read_weights(path: Path, name: str) -> Weights:
    """Read and check a weights file: an ONNX model (.onnx), or HDF5 in Keras' layout.

    Raises:
        FileNotFoundError: there is no such file.
        InputError: no file, truncated, or no trained VGG-16 or VGG-19 for pictures of 0..255.
    """
    check_file(path, most=MOST_BYTES)
    sha256 = file_sha256(path)
    kind, read = ("ONNX", _of_onnx) if path.suffix.lower() == ".onnx" else ("HDF5", _of_hdf5)
    try:
        network = read(path)
    except Exception as error:  # h5py and protobuf raise nearly anything on damaged files
        log.debug("%s cannot be read.", path, exc_info=True)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a whole {kind} weights file: it is truncated or another format "
            f"({reason})"
        ) from None
    if network is None:
        raise InputError(
            f"{path} does not hold the convolutions of a VGG-16 or VGG-19 in Keras' layout"
        )
    architecture, layers = network
    for layer, (kernel, bias) in layers.items():
        _check(layer, kernel, bias, path)
    kernels = MappingProxyType({layer: kernel for layer, (kernel, _) in layers.items()})
    biases = MappingProxyType({layer: bias for layer, (_, bias) in layers.items()})
    return Weights(name, architecture, sha256, kernels, biases)


def _check(layer: str, kernel: np.ndarray, bias: np.ndarray, path: Path) -> None:
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise InputError(f"{path} holds weights that are not finite, in {layer}")
    size = float(np.sqrt(np.mean(np.square(kernel, dtype=np.float64))))
    if size == 0:
        raise InputError(f"{path} holds no trained network: the weights of {layer} are all zero")
    usual = float(np.prod(kernel.shape[:3])) ** -0.5
    # Only the first layer has to do with the range of pictures; a rescaled one has 90 in the last.
    most = MOST_GAIN if layer == "block1_conv1" else MOST_GAIN**2
    if not 1 / most <= size / usual <= most:
        raise InputError(
            f"{path} holds weights in another scale: those of {layer} are about {size:.1g}, and in "
            f"a VGG for pictures of 0..255 about {usual:.1g}"
        )


def _layout(architecture: str) -> dict[str, tuple[int, ...]]:
    """Kernel shapes by layer, shallow to deep: Simonyan and Zisserman 2014, Table 1."""
    shapes: dict[str, tuple[int, ...]] = {}
    inputs = 3
    for layer in layers_of(architecture):
        shapes[layer] = (3, 3, inputs, filters_of(block_of(layer)))
        inputs = shapes[layer][3]
    return shapes


def _of_hdf5(path: Path) -> Network | None:
    groups: dict[str, dict[int, h5py.Dataset]] = {}

    def visit(_: str, item: h5py.Dataset | h5py.Group) -> None:
        # Values in other files, which could be any on the machine, are not followed. A chunk is
        # unpacked whole: one that is larger than its dataset may be gigabytes of zeros.
        if (
            isinstance(item, h5py.Dataset)
            and _LAYER.search(item.parent.name)
            and item.dtype.kind == "f"
            and not (item.external or item.is_virtual)
            and np.all(np.less_equal(item.chunks or 0, item.shape))
        ):
            groups.setdefault(item.parent.name, {})[item.ndim] = item

    with h5py.File(path) as file:
        file.visititems(visit)
        layers = [groups[name] for name in sorted(groups, key=_natural)]
        return _network(layers, shape=lambda item: item.shape, values=lambda item: item)


def _of_onnx(path: Path) -> Network | None:
    import onnx  # 0.2 s, which those who have Keras' own files need not spend
    from onnx.numpy_helper import to_array

    model = onnx.load(path, load_external_data=False)
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
    groups: dict[str, dict[int, onnx.TensorProto]] = {}
    for tensor in model.graph.initializer:
        layer = re.search(r"block\d_conv\d", tensor.name)
        within = tensor.data_location != onnx.TensorProto.EXTERNAL  # any file of the machine
        if layer and within and tensor.data_type in floats:
            groups.setdefault(layer.group(), {})[len(tensor.dims)] = tensor
    order = {4: (2, 3, 1, 0), 1: (0,)}  # ONNX has (filters, inputs, 3, 3)
    return _network(
        [groups[name] for name in sorted(groups)],
        shape=lambda tensor: tuple(tensor.dims[i] for i in order[len(tensor.dims)]),
        values=lambda tensor: to_array(tensor).transpose(order[len(tensor.dims)]),
    )


def _network(
    layers: list[dict[int, Any]],
    *,
    shape: Callable[[Any], tuple[int, ...]],
    values: Callable[[Any], np.ndarray | h5py.Dataset],
) -> Network | None:
    """The VGG whose shapes the layers (by number of axes) declare; of others no value is read."""
    pairs = [(layer[4], layer[1]) for layer in layers if {4, 1} <= layer.keys()]
    pairs = [(kernel, bias) for kernel, bias in pairs if shape(kernel)[:2] == (3, 3)]
    declared = [(shape(kernel), shape(bias)) for kernel, bias in pairs]
    for architecture in CONVOLUTIONS:
        layout = _layout(architecture)
        if declared == [(kernel, kernel[3:]) for kernel in layout.values()]:
            read = [(_float32(values(kernel)), _float32(values(bias))) for kernel, bias in pairs]
            return cast(Architecture, architecture), dict(zip(layout, read, strict=True))
    return None


def _float32(values: h5py.Dataset | np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinite values are refused with a sentence
        return np.ascontiguousarray(values, np.float32)


def _natural(path: str) -> list:
    """Sort key by which conv2d_10 comes after conv2d_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]
