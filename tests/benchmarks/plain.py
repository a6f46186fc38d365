"""Style transfer as one writes it in PyTorch in an afternoon: what this is measured against."""

import time

import numpy as np
import torch
from torch.nn import functional

from styletransfer.forms import FORMS
from styletransfer.weights.backbones import load_weights

CONTENT_LAYER = "block4_conv2"
LAM = FORMS["gatys-code"].lam


def convolutions(backbone: str) -> list[tuple[str, torch.Tensor, torch.Tensor]]:
    """Name, kernel and bias of each convolution up to conv5_1, in PyTorch's layout."""
    loaded = load_weights(backbone)
    names = list(loaded.kernels)
    return [
        (
            name,
            torch.tensor(loaded.kernels[name].transpose(3, 2, 0, 1)),
            torch.tensor(loaded.biases[name]),
        )
        for name in names[: names.index("block5_conv1") + 1]
    ]


class Plain:
    """The form "gatys-code" with padding "zero": loss and gradient of a picture, float32.

    Args:
        content, style: float32 (H, W, 3) in [0, 1].
        backbone: the weights that the library's objective has.
    """

    def __init__(
        self, content: np.ndarray, style: np.ndarray, *, backbone: str = "embedded"
    ) -> None:
        self.layers = convolutions(backbone)
        with torch.no_grad():
            self.content = self.features(torch.tensor(content))[CONTENT_LAYER]
            self.style = {
                n: self.gram(f)
                for n, f in self.features(torch.tensor(style)).items()
                if n.endswith("conv1")
            }

    def features(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        x = 255 * image.flip(2).permute(2, 0, 1)[None]
        x = x - torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
        found = {}
        for name, kernel, bias in self.layers:
            if name.endswith("conv1") and name != "block1_conv1":
                x = functional.avg_pool2d(x, 2)
            x = found[name] = functional.relu(functional.conv2d(x, kernel, bias, padding=1))
        return found

    @staticmethod
    def gram(f: torch.Tensor) -> torch.Tensor:
        flat = f.flatten(2)[0]
        return flat @ flat.T / flat.shape[1]

    def loss(self, image: torch.Tensor) -> torch.Tensor:
        found = self.features(image)
        loss = functional.mse_loss(found[CONTENT_LAYER], self.content)
        for name, target in self.style.items():
            weight = LAM * 1e3 / target.shape[0] ** 2
            loss = loss + weight * functional.mse_loss(self.gram(found[name]), target)
        return loss

    def __call__(self, image: np.ndarray) -> tuple[float, np.ndarray]:
        x = torch.tensor(image, requires_grad=True)
        loss = self.loss(x)
        loss.backward()
        return loss.item(), x.grad.numpy()

    def optimise(self, start: np.ndarray, *, evaluations: int) -> tuple[np.ndarray, float, float]:
        """Picture, its loss and the seconds of torch.optim.LBFGS with 100 pairs."""
        x = torch.tensor(start, requires_grad=True)
        options = {"max_iter": evaluations, "max_eval": evaluations, "history_size": 100}
        optimizer = torch.optim.LBFGS([x], tolerance_grad=0, tolerance_change=0, **options)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = self.loss(x)
            loss.backward()
            return loss

        began = time.perf_counter()
        optimizer.step(closure)
        seconds = time.perf_counter() - began
        with torch.no_grad():
            return x.numpy(), float(self.loss(x)), seconds
