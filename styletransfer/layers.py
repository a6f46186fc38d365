"""VGG's layers: their names, how many filters they have, and how small a picture may be."""

from .errors import InputError, nearest

# Simonyan and Zisserman 2014, Table 1, configurations D and E: convolutions in each of the five
# blocks.
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}

LAYERS = tuple(
    f"block{b}_conv{c}" for b, n in enumerate(CONVOLUTIONS["vgg19"], 1) for c in range(1, n + 1)
)
"""The names of VGG-19's convolutions as Keras has them, shallow to deep (VGG-16 has no conv4 in a
block)."""


def block_of(layer: str) -> int:
    """The block (1 to 5) that a layer or a pooling belongs to, from its Keras name."""
    return int(layer.removeprefix("block").removeprefix("pool")[0])


def filters_of(block: int) -> int:
    """How many filters the convolutions of a block have: Simonyan and Zisserman 2014, Table 1."""
    return min(64 * 2 ** (block - 1), 512)


CONTENT_LAYERS = ("block4_conv2",)  # Gatys et al. 2016, Sec. 3: conv4_2
STYLE_LAYERS = tuple(f"block{b}_conv1" for b in range(1, 6))  # the same: conv1_1 … conv5_1


def layer_name(name: str) -> str:
    """Keras' name of a layer: "conv4_2" and "relu4_2" are understood as "block4_conv2".

    Raises:
        InputError: VGG has no such layer.
    """
    text = str(name).strip().lower()
    for prefix in ("conv", "relu"):
        block, _, number = text.removeprefix(prefix).partition("_")
        if text.startswith(prefix) and block.isdigit() and number.isdigit():
            text = f"block{block}_conv{number}"
    if text not in LAYERS:
        raise InputError(nearest(name, LAYERS, what="layer"))
    return text


PADDED_BLOCKS = 2
"""Blocks whose convolutions see a continued picture, with a padding other than "zero". Zeros next
to the border are edges that no painting has: frames come of them. In the first block alone they
stay; in all five nothing more is gained,
and an evaluation takes a third longer (notebooks/12_defaults.ipynb)."""


def smallest_side(layers: tuple[str, ...], *, padding: str = "zero") -> int:
    """The fewest pixels that a side must have for every one of `layers` to have a feature.

    Each block halves it. A padded block that "reflect"s needs two positions: one has no neighbour.
    """
    deepest = max(block_of(layer) for layer in layers)
    least = 2 ** (deepest - 1)
    return max(least, 2 ** min(deepest, PADDED_BLOCKS)) if padding == "reflect" else least


def check_sides(
    shape: tuple[int, ...],
    layers: tuple[str, ...],
    *,
    what: str,
    padding: str = "zero",
) -> None:
    """Refuse a picture that is too small.

    Args:
        shape: (H, W, …).
        layers: that need a feature each.
        what: which picture it is.
        padding: see `loss_network`.

    Raises:
        InputError: a side has fewer pixels than the deepest layer needs.
    """
    if min(shape[:2]) < (least := smallest_side(layers, padding=padding)):
        raise InputError(
            f"the {what} picture has {shape[1]} x {shape[0]} pixels, too few for the deepest "
            f"layer: give a larger size (the short side needs {least}) or shallower layers"
        )
