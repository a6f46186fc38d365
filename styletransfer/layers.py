"""VGG's layers: their names, filters and default weights, and how small a picture may be."""

from collections.abc import Sequence

from .errors import InputError, nearest
from .forms import Form

# Simonyan and Zisserman 2014, Table 1, configurations D and E: convolutions of the five blocks.
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


def layers_of(architecture: str) -> tuple[str, ...]:
    """The convolutions of "vgg16" or "vgg19" as Keras names them, shallow to deep."""
    blocks = enumerate(CONVOLUTIONS[architecture], 1)
    return tuple(f"block{b}_conv{c}" for b, count in blocks for c in range(1, count + 1))


LAYERS = layers_of("vgg19")
CONTENT_LAYERS = ("block4_conv2",)  # Gatys et al. 2016, Sec. 3: conv4_2
STYLE_LAYERS = tuple(f"block{b}_conv1" for b in range(1, 6))  # the same: conv1_1 … conv5_1

PADDED_BLOCKS = 2
"""Blocks whose convolutions see a continued picture, with a padding other than "zero". Zeros next
to the border are edges that no painting has: frames come of them. In the first block alone they
stay; in all five nothing more is gained, and an evaluation takes a third longer
(notebooks/12_defaults.ipynb)."""


def block_of(layer: str) -> int:
    """The block (1 to 5) that a layer or a pooling belongs to, from its Keras name."""
    return int(layer.removeprefix("block").removeprefix("pool")[0])


def filters_of(block: int) -> int:
    """How many filters the convolutions of a block have: Simonyan and Zisserman 2014, Table 1."""
    return min(64 * 2 ** (block - 1), 512)


def default_omega(form: Form, layers: Sequence[str]) -> tuple[float, ...]:
    """The ω_l that a form has by default: see `Form.omega`."""
    if form.omega == "equal":
        return tuple(1 / len(layers) for _ in layers)
    # 10³/N_l², N_l the number of filters: the authors' notebook (see `Form.source`).
    return tuple(1e3 / filters_of(block_of(layer)) ** 2 for layer in layers)


def layer_name(name: str) -> str:
    """Keras' name of a layer: "conv4_2" and "relu4_2" are "block4_conv2"; InputError for others."""
    text = str(name).strip().lower()
    for prefix in ("conv", "relu"):
        block, _, number = text.removeprefix(prefix).partition("_")
        if text.startswith(prefix) and block.isdigit() and number.isdigit():
            text = f"block{block}_conv{number}"
    if text not in LAYERS:
        raise InputError(nearest(name, LAYERS, what="layer"))
    return text


def smallest_side(layers: Sequence[str], *, padding: str = "zero") -> int:
    """The fewest pixels that a side must have for each of `layers` to have a feature.

    Each block halves it. A padded block that "reflect"s needs two positions: one has no neighbour.
    """
    deepest = max(block_of(layer) for layer in layers)
    least = 2 ** (deepest - 1)
    return max(least, 2 ** min(deepest, PADDED_BLOCKS)) if padding == "reflect" else least


def receptive_field(layer: str, architecture: str) -> int:
    """The side in pixels of the square that a position of a layer sees: 156 at VGG-19's conv5_1.

    A position of block b stands for 2^(b−1) pixels across. Each convolution up to it sees one
    position of its own block further on both sides.
    """
    block, reach = block_of(layer), 0
    for at, count in enumerate(CONVOLUTIONS[architecture][:block], 1):
        reach += (count if at < block else int(layer[-1])) * 2 ** (at - 1)
    return 2 ** (block - 1) + 2 * reach


def check_sides(
    shape: tuple[int, ...], layers: Sequence[str], *, what: str, padding: str = "zero"
) -> None:
    """Raise InputError for a picture (H, W, …) with a side below what the deepest layer needs."""
    if min(shape[:2]) < (least := smallest_side(layers, padding=padding)):
        raise InputError(
            f"the {what} picture has {shape[1]} x {shape[0]} pixels, too few for the deepest "
            f"layer: give a larger size (the short side needs {least}) or shallower layers"
        )
