"""One evaluation (loss and gradient of the picture) beside a plain PyTorch loop, in one run: make bench.

Same pictures, weights (embedded VGG-16), layers, pooling, form and precision (float32). Only the ratio counts.
"""

import numpy as np
import pytest
import torch
from torch.nn import functional

from styletransfer import Objective, load_image
from styletransfer.images import resize
from styletransfer.weights import load_weights

SIZES = (384, 512)
PAIR = ("neuschwanstein_castle", "cafe_terrace_at_night")


def pictures(size):
    """A square photograph and painting, so that pixels are size²."""
    return tuple(resize(load_image(name), (size, size)) for name in PAIR)


class Plain:
    """The form "gatys-code" as one writes it in PyTorch."""

    def __init__(self, content, style, content_layer="block4_conv2"):
        loaded = load_weights("embedded")
        self.layers = [
            (name, torch.tensor(kernel.transpose(3, 2, 0, 1)), torch.tensor(loaded.biases[name]))
            for name, kernel in loaded.kernels.items()
        ][:11]  # up to block5_conv1
        self.content_layer = content_layer
        with torch.no_grad():
            self.content = self.features(torch.tensor(content))[content_layer]
            self.style = {n: self.gram(f) for n, f in self.features(torch.tensor(style)).items() if n.endswith("conv1")}

    def features(self, image):
        x = 255 * image.flip(2).permute(2, 0, 1)[None]
        x = x - torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
        found = {}
        for name, kernel, bias in self.layers:
            if name.endswith("conv1") and name != "block1_conv1":
                x = functional.max_pool2d(x, 2)
            x = found[name] = functional.relu(functional.conv2d(x, kernel, bias, padding=1))
        return found

    @staticmethod
    def gram(f):
        flat = f.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    def __call__(self, image):
        x = torch.tensor(image, requires_grad=True)
        found = self.features(x)
        loss = functional.mse_loss(found[self.content_layer], self.content)
        for name, target in self.style.items():
            loss = loss + 1e3 / target.shape[0] ** 2 * functional.mse_loss(self.gram(found[name]), target)
        loss.backward()
        return loss.item(), x.grad.numpy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(min_rounds=7, warmup=True, warmup_iterations=2)
def test_styletransfer(benchmark, size):
    content, style = pictures(size)
    benchmark.group = f"one evaluation at {size} x {size} px"
    objective = Objective(content, style, form="gatys-code", backbone="embedded")
    losses, gradient = benchmark(objective.value_and_gradient, content)
    loss, other = Plain(content, style)(content)
    assert losses.total == pytest.approx(loss, rel=1e-3)
    assert np.linalg.norm(gradient - other) < 1e-2 * np.linalg.norm(other)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.benchmark(min_rounds=7, warmup=True, warmup_iterations=2)
def test_plain_pytorch(benchmark, size):
    content, style = pictures(size)
    benchmark.group = f"one evaluation at {size} x {size} px"
    benchmark(Plain(content, style), content)
