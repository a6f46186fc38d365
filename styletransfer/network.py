"""The loss network: VGG cut after the deepest layer in use, frozen; its features by layer name."""

import functools
from typing import Literal

from ._tensorflow import keras
from .errors import InputError, nearest
from .fast.precision import block_dtype
from .fast.winograd import WinogradConv2D
from .layers import PADDED_BLOCKS, block_of
from .weights.convolutions import Weights

# Paddings by one position as modes of `tf.pad`: to mirror one with the border is to repeat it.
_MODES = {"zero": "zero", "replicate": "SYMMETRIC", "reflect": "REFLECT"}


# A network is 40 to 200 MB; runs that differ in λ or size alone share one.
@functools.lru_cache(maxsize=4)
def loss_network(
    weights: Weights,
    layers: tuple[str, ...],
    *,
    pooling: Literal["avg", "max"],
    activation: Literal["relu", "linear"] = "relu",
    precision: Literal["float32", "winograd", "mixed"] = "float32",
    padding: Literal["zero", "replicate", "reflect"] = "zero",
) -> keras.Model:
    """Build the network that takes a picture to its features.

    Args:
        weights: the convolutions; those of the rescaled network come from `scaling.rescaled`.
        layers: Keras layer names.
        pooling: "avg" as in Gatys et al. 2016 (Sec. 2), or "max" as VGG was trained.
        activation: features after the ReLU as in Gatys et al. 2016, or "linear", before it.
        precision: how the convolutions are computed; see `fast/precision.py`.
        padding: what the first `PADDED_BLOCKS` blocks see beyond the border; VGG's was zeros.

    Returns:
        A frozen model from (1, H, W, 3) in [0, 1] to the features (1, H', W', N) by name, for each
        of `layers`; with "mixed" those of the later blocks are bfloat16.

    Raises:
        InputError: the network has no such layer.
    """
    names = list(weights.kernels)
    for layer in layers:
        if layer not in names:
            raise InputError(nearest(layer, names, what=f"layer of {weights.architecture}"))
    inputs = keras.Input((None, None, 3), dtype="float32")
    # RGB to BGR, less the mean colour
    x = keras.applications.vgg19.preprocess_input(255 * inputs, data_format="channels_last")
    outputs = {}
    for name in names[: max(names.index(layer) for layer in layers) + 1]:
        block = block_of(name)
        # Stated here, for a user's own Keras configuration may have other defaults.
        kind = {"dtype": block_dtype(block, precision), "data_format": "channels_last"}
        if name.endswith("conv1") and block > 1:
            pool = {"avg": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}[pooling]
            x = pool(2, name=f"pool{block - 1}", **kind)(x)
        kernel, bias = weights.kernels[name], weights.biases[name]
        around = _MODES[padding if block <= PADDED_BLOCKS else "zero"]
        if precision == "winograd" and block > 1:  # 64 channels are too few for it to be faster
            x = WinogradConv2D(kernel, bias, activation=activation, padding=around, name=name)(x)
        else:
            if around != "zero":
                x = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=around.lower())
            convolution = keras.layers.Conv2D(
                kernel.shape[3],
                3,
                padding="same" if around == "zero" else "valid",
                activation=activation,
                name=name,
                **kind,
            )
            x = convolution(x)
            convolution.set_weights([kernel, bias])
        outputs[name] = x
        if activation == "linear":
            x = keras.layers.ReLU(name=f"relu{block}_{name[-1]}", dtype=kind["dtype"])(x)
    features = {layer: outputs[layer] for layer in layers}
    network = keras.Model(inputs, features, name=weights.architecture)
    network.trainable = False
    return network
