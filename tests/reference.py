"""The objective in NumPy and float64, from the papers' formulas and nothing of the library."""

import functools

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.spatial.distance import cdist

MEAN_BGR = np.array([103.939, 116.779, 123.68])  # Simonyan and Zisserman's mean colour, 0..255
AROUND = {"zero": "constant", "replicate": "edge", "reflect": "reflect"}  # as NumPy calls them


def convolve(x, kernel, bias, stride=1, padding=1, around="zero"):
    """Convolution of (H, W, C); `around` is what the picture is continued by."""
    padded = np.pad(x, ((padding, padding), (padding, padding), (0, 0)), mode=AROUND[around])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(0, 1))
    return np.einsum("hwcij,ijcn->hwn", windows[::stride, ::stride], kernel, optimize=True) + bias


def pool(x, pooling):
    """2x2 pooling with stride 2; an odd last row or column is left out."""
    h, w, n = x.shape
    blocks = x[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2, n)
    return blocks.mean((1, 3)) if pooling == "avg" else blocks.max((1, 3))


def features(
    image,
    kernels,
    biases,
    pooling,
    scales=None,
    activation="relu",
    padding="zero",
    floor=0.0,
):
    """Features by layer name, (H', W', N) after or before the ReLU.

    They are divided by their scales (N,), if there are any. None of these counts as less than
    `floor` times their mean, and one that is zero as one. Only the first two blocks are padded with
    anything but zeros.
    """
    x = np.asarray(image, np.float64)[..., ::-1] * 255 - MEAN_BGR
    found = {}
    for name in kernels:
        if name.endswith("conv1") and name != "block1_conv1":
            x = pool(x, pooling)
        around = padding if name.startswith(("block1_", "block2_")) else "zero"
        linear = convolve(x, kernels[name].astype(np.float64), biases[name], around=around)
        x = np.maximum(linear, 0)
        found[name] = linear if activation == "linear" else x
        if scales:
            least = floor * scales[name].mean()
            found[name] = found[name] / [max(scale, least) or 1 for scale in scales[name].tolist()]
    return found


def mean_activations(pictures, kernels, biases, pooling):
    """Mean of every filter (N,) after the ReLU by layer name, each picture counting the same."""
    found = [features(picture, kernels, biases, pooling) for picture in pictures]
    return {name: np.mean([f[name].mean((0, 1)) for f in found], axis=0) for name in kernels}


def gram(f):
    """FᵀF, summed position by position."""
    flat = f.reshape(-1, f.shape[-1])
    return np.einsum("mi,mj->ij", flat, flat)


def at_a_quarter(f, shape, quarter):
    """Features (H, W, N) at a quarter of the size: means of blocks, or bilinear between them."""
    factor = shape[0] // f.shape[0] if f.shape[0] else 1
    height, width = quarter
    if f.shape[0] >= height:
        block = 4 // factor
        cut = f[: height * block, : width * block]
        return cut.reshape(height, block, width, block, -1).mean((1, 3))
    places = [
        np.clip((np.arange(n) + 0.5) * side / n - 0.5, 0, side - 1)
        for n, side in zip(quarter, f.shape[:2], strict=True)
    ]
    grid = np.meshgrid(*places, indexing="ij")
    return np.stack([map_coordinates(f[..., c], grid, order=1) for c in range(f.shape[2])], -1)


def hypercolumns(f, layers, shape):
    """Kolkin et al. 2022: the layers' features over their filters at (H/4, W/4), by position."""
    quarter = shape[0] // 4, shape[1] // 4
    parts = [at_a_quarter(f[layer], shape, quarter) / f[layer].shape[2] for layer in layers]
    return np.concatenate([part.reshape(-1, part.shape[-1]) for part in parts], 1)


def neighbours(rows, pool):
    """The numbers of the rows of `pool` that are nearest, by the centred cosine."""
    return cdist(rows - rows.mean(0), pool - pool.mean(0), "cosine").argmin(1)


def nearest_style(image, content, styles, omega, layers, *, unit):
    """The style term of the form `nearest`, whose targets come from the photograph's neighbours.

    Of two columns, scaled to norm 1 or not, half the squared distance, a layer's part by its ω.
    """

    def columns(f):
        first = f["block1_conv1"]
        found = hypercolumns(f, layers, first.shape)
        return found / np.linalg.norm(found, axis=1, keepdims=True) if unit else found

    pool = np.concatenate([columns(style) for style in styles])
    targets = pool[neighbours(columns(content), pool)]
    ends = np.cumsum([image[layer].shape[2] for layer in layers])
    parts = np.split((columns(image) - targets) ** 2, ends[:-1], axis=1)
    return sum(w * part.sum(1).mean() / 2 for w, part in zip(omega, parts, strict=True))


def losses(form, image, content, styles, lam, omega, content_layers, style_layers):
    """Content and style term of the forms, from features by layer name.

    Several paintings count by the mean of their Gram matrices.
    """
    pairs = [(image[layer], content[layer]) for layer in content_layers]
    if form.startswith("proposal"):
        c = sum(((f - p) ** 2).sum() for f, p in pairs)
    else:
        c = sum(((f - p) ** 2).mean() for f, p in pairs) * (0.5 if form == "gatys" else 1)
    if form.startswith("nearest"):
        unit = form == "nearest"
        s = nearest_style(image, content, styles, omega, style_layers, unit=unit)
        return c + lam * s, c, s
    s = 0.0
    for weight, layer in zip(omega, style_layers, strict=True):
        f, paintings = image[layer], [style[layer] for style in styles]
        if form.startswith("proposal"):
            g, t = gram(f), sum(gram(a) for a in paintings) / len(paintings)
            s += weight * (np.abs(g - t) ** (2 if form == "proposal-squared" else 1)).sum()
        else:
            g = gram(f) / (f.shape[0] * f.shape[1])
            t = sum(gram(a) / (a.shape[0] * a.shape[1]) for a in paintings) / len(paintings)
            s += weight * ((g - t) ** 2).mean() * (0.25 if form == "gatys" else 1)
    return c + lam * s, c, s


# The convolutions of torchvision's networks as (stride, padding), in groups with maximum pooling
# between them, whose windows have the side that stands first and the stride 2.
TORCHVISION = {
    "vgg": (2, [[(1, 1)] * 2, [(1, 1)] * 2, [(1, 1)] * 3, [(1, 1)] * 3, [(1, 1)] * 3]),
    "alex": (3, [[(4, 2)], [(1, 2)], [(1, 1)] * 3]),
}


def torchvision_features(net, image, parameters):
    """Features after every ReLU, of (kernel, bias) for every convolution."""
    x = (np.asarray(image, np.float64) - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    side, groups = TORCHVISION[net]
    found = []
    for group in groups:
        if found:
            windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(0, 1))
            x = windows[::2, ::2].max((3, 4))
        for stride, padding in group:
            kernel, bias = parameters[len(found)]
            x = np.maximum(convolve(x, kernel.astype(np.float64), bias, stride, padding), 0)
            found.append(x)
    return found


def lpips(pairs, heads):
    """Zhang et al. 2018, Eq. 1, of pairs of features (H', W', N) and weights (N,) of channels."""
    total = 0.0
    for (a, b), head in zip(pairs, heads, strict=True):
        a, b = (f / np.sqrt((f**2).sum(-1, keepdims=True) + 1e-20) for f in (a, b))
        total += np.einsum("hwn,n->hw", (a - b) ** 2, head).mean()
    return total


def linear_cka(x, y):
    """Linear centred kernel alignment of features (positions, N): Kornblith et al. 2019, Sec. 3.

    0 where they have nothing to do with each other, 1 where they are rotated and scaled at most.
    """
    x, y = (each.astype(np.float64) for each in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    alignment = np.linalg.norm(y.T @ x) ** 2
    return alignment / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


@functools.cache
def scales_of(weights, pooling, photographs):
    """Mean activations of an unscaled network on photographs of the databases, at 128 px."""
    pictures = [photograph.load(size=128) for photograph in photographs]
    return mean_activations(pictures, weights.kernels, weights.biases, pooling)
