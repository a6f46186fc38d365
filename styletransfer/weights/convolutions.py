"""The convolutions of a VGG network, read from a file that Keras wrote (HDF5) or from an ONNX model."""

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import h5py
import numpy as np

from ..errors import InputError
from ..layers import CONVOLUTIONS, filters_of
from .packages import file_sha256

__all__ = ["Weights", "read_weights"]


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
    kernels: MappingProxyType[str, np.ndarray]
    biases: MappingProxyType[str, np.ndarray]

    @property
    def about(self) -> dict[str, str]:
        """What a record says of the weights."""
        return {"name": self.name, "architecture": self.architecture, "sha256": self.sha256}


def read_weights(path: Path, name: str) -> Weights:
    """Read and check a weights file.

    Args:
        path: an ONNX model where it ends in .onnx, and else HDF5 in Keras' layout.
        name: what the weights are called in a record.

    Raises:
        InputError: it cannot be read, is truncated, or holds something other than a trained VGG-16 or VGG-19.
    """
    sha256 = file_sha256(path)
    kind, convolutions = (
        ("ONNX", _of_onnx) if path.suffix.lower() == ".onnx" else ("HDF5", _of_hdf5)
    )
    try:
        pairs = convolutions(path)
    except Exception as error:  # h5py and protobuf raise nearly anything on damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{path} is not a whole {kind} weights file: it is truncated or another format ({reason})"
        ) from None
    architecture = _architecture(pairs)
    if architecture is None:
        raise InputError(
            f"{path} does not hold the convolutions of a VGG-16 or VGG-19 in Keras' layout"
        )
    names, _ = _layout(CONVOLUTIONS[architecture])
    for layer, (kernel, bias) in zip(names, pairs, strict=True):
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise InputError(f"{path} holds weights that are not finite, in {layer}")
        if not kernel.any():
            raise InputError(
                f"{path} holds no trained network: the weights of {layer} are all zero"
            )
    kernels = {layer: kernel for layer, (kernel, _) in zip(names, pairs, strict=True)}
    biases = {layer: bias for layer, (_, bias) in zip(names, pairs, strict=True)}
    return Weights(name, architecture, sha256, MappingProxyType(kernels), MappingProxyType(biases))


def _layout(convolutions: tuple[int, ...]) -> tuple[list[str], list[tuple[int, ...]]]:
    """Names and kernel shapes of a VGG network, shallow to deep; blocks have 64, 128, 256, 512 and 512 filters."""
    names = [f"block{b}_conv{c}" for b, n in enumerate(convolutions, 1) for c in range(1, n + 1)]
    filters = [filters_of(b) for b, n in enumerate(convolutions, 1) for _ in range(n)]
    return names, [(3, 3, *pair) for pair in zip([3, *filters[:-1]], filters, strict=True)]


def _architecture(
    pairs: list[tuple[h5py.Dataset | np.ndarray, ...]],
) -> Literal["vgg16", "vgg19"] | None:
    """The network whose kernels and biases have these shapes; None where there is none."""
    shapes = [(kernel.shape, bias.shape) for kernel, bias in pairs]
    for architecture, counts in CONVOLUTIONS.items():
        if shapes == [(shape, shape[3:]) for shape in _layout(counts)[1]]:
            return architecture
    return None


def _of_hdf5(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of each 3 x 3 convolution, in the natural order of their paths.

    Keras' old files name their groups block1_conv1, its newer ones conv2d, conv2d_1, …: both come out shallow to deep.
    """
    groups: dict[str, dict[int, h5py.Dataset]] = {}

    def visit(name: str, item: h5py.Dataset | h5py.Group) -> None:
        # Values that lie in other files, which it could name anywhere on the machine, are not followed.
        if (
            isinstance(item, h5py.Dataset)
            and item.dtype.kind == "f"
            and not (item.external or item.is_virtual)
        ):
            groups.setdefault(item.parent.name, {})[item.ndim] = item

    with h5py.File(path) as file:
        file.visititems(visit)
        found = [groups[name] for name in sorted(groups, key=_natural)]
        pairs = [(group[4], group[1]) for group in found if 4 in group and 1 in group]
        pairs = [(kernel, bias) for kernel, bias in pairs if kernel.shape[:2] == (3, 3)]
        # Shapes are declared before the values: what cannot be VGG's is not read, however large it claims to be.
        if _architecture(pairs) is None:
            return []
        return [(_float32(kernel), _float32(bias)) for kernel, bias in pairs]


def _of_onnx(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of each convolution that is named block1_conv1, … in a model that Keras exported to ONNX."""
    import onnx  # 0.2 s, which those who have Keras' own files need not spend
    from onnx.numpy_helper import to_array

    model = onnx.load(path, load_external_data=False)
    groups: dict[str, dict[int, onnx.TensorProto]] = {}
    for tensor in model.graph.initializer:
        layer = re.search(r"block\d_conv\d", tensor.name)
        if (
            layer and tensor.data_location != onnx.TensorProto.EXTERNAL
        ):  # which could name any file of the machine
            groups.setdefault(layer.group(), {})[len(tensor.dims)] = tensor
    found = [groups[name] for name in sorted(groups)]
    # ONNX has (filters, inputs, 3, 3).
    return [
        (_float32(np.transpose(to_array(group[4]), (2, 3, 1, 0))), _float32(to_array(group[1])))
        for group in found
        if 4 in group and 1 in group
    ]


def _float32(values: h5py.Dataset | np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, np.float32)


def _natural(path: str) -> list:
    """Sort key by which conv2d_10 comes after conv2d_9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path)]
