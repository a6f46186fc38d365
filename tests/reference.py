"""The objective computed a second time, in NumPy and float64, from the papers' formulas and nothing of the library."""

import numpy as np

MEAN_BGR = np.array([103.939, 116.779, 123.68])  # Simonyan and Zisserman's mean colour, 0..255
FLOOR = 0.1


def convolve(x, kernel, bias):
    """3x3 convolution of (H, W, C) with zero padding."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((1, 1), (1, 1), (0, 0))), (3, 3), axis=(0, 1))
    return np.einsum("hwcij,ijcn->hwn", windows, kernel, optimize=True) + bias


def pool(x, pooling):
    """2x2 pooling with stride 2; an odd last row or column is left out."""
    h, w, n = x.shape
    blocks = x[: h // 2 * 2, : w // 2 * 2].reshape(h // 2, 2, w // 2, 2, n)
    return blocks.mean((1, 3)) if pooling == "avg" else blocks.max((1, 3))


def features(image, kernels, biases, pooling, scales=None, activation="relu"):
    """Features by layer name, (H', W', N) after or before the ReLU, divided by their scales (N,) if there are any."""
    x = np.asarray(image, np.float64)[..., ::-1] * 255 - MEAN_BGR
    found = {}
    for name in kernels:
        if name.endswith("conv1") and name != "block1_conv1":
            x = pool(x, pooling)
        linear = convolve(x, kernels[name].astype(np.float64), biases[name])
        x = np.maximum(linear, 0)
        kept = linear if activation == "linear" else x
        found[name] = kept / np.maximum(scales[name], FLOOR * scales[name].mean()) if scales else kept
    return found


def gram(f):
    """FᵀF, summed position by position."""
    flat = f.reshape(-1, f.shape[-1])
    return np.einsum("mi,mj->ij", flat, flat)


def losses(form, image, content, styles, lam, omega, content_layers, style_layers):
    """Content and style term of the forms, from features by layer name; of the paintings the mean Gram matrix."""
    pairs = [(image[layer], content[layer]) for layer in content_layers]
    if form.startswith("proposal"):
        c = sum(((f - p) ** 2).sum() for f, p in pairs)
    else:
        c = sum(((f - p) ** 2).mean() for f, p in pairs) * (0.5 if form == "gatys" else 1)
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
