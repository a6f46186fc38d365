"""neural-style (jcjohnson/neural-style@07c4b82) in plain PyTorch: what people compare with.

    python -m tests.benchmarks.neural_style [--size 512] [--iterations 500] [--init image]

paints the held-out pairs, one after another, into results/bench/neural-style, where the benchmark
finds them: together they take more than an hour. A pair that is there already is left as it is.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from styletransfer import load_image
from styletransfer.pictures.images import save_image

from .plain import CONTENT_LAYER, convolutions

# Photographs and paintings that no default was chosen on: none of them is in notebooks/12_defaults.
HELD_OUT = (
    ("eiffel_tower", "church_at_auvers"),
    ("great_wall_of_china", "poppies"),
    ("hawa_mahal", "spring"),
    ("pont_du_gard", "ramparts_at_aigues_mortes"),
    ("brandenburg_gate", "night_cafe"),
    ("golden_temple", "village_street_in_auvers"),
)

CONTENT_WEIGHT, STYLE_WEIGHT, TV_WEIGHT = 5.0, 100.0, 1e-3


class NeuralStyle:
    """Its objective with its default weights, on a canvas in the network's range.

    That is BGR, 0..255, less the mean.

    Args:
        content, style: float32 (H, W, 3) in [0, 1].
        backbone: the weights that the library's objective has.
    """

    def __init__(
        self, content: np.ndarray, style: np.ndarray, *, backbone: str = "embedded"
    ) -> None:
        self.layers = convolutions(backbone)
        self.mean = torch.tensor([103.939, 116.779, 123.68]).reshape(1, 3, 1, 1)
        self.start = self.canvas(content)
        with torch.no_grad():
            self.content = self.features(self.start)[CONTENT_LAYER]
            found = self.features(self.canvas(style))
            self.style = {name: self.gram(f) for name, f in found.items() if name.endswith("conv1")}

    def canvas(self, picture: np.ndarray) -> torch.Tensor:
        bgr = torch.tensor(np.ascontiguousarray(picture[..., ::-1]))
        return 255 * bgr.permute(2, 0, 1)[None].contiguous() - self.mean

    def picture(self, canvas: torch.Tensor) -> np.ndarray:
        values = (canvas.detach() + self.mean)[0].permute(1, 2, 0).numpy()[..., ::-1] / 255
        return np.ascontiguousarray(np.clip(values, 0, 1))

    def features(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        found = {}
        for name, kernel, bias in self.layers:
            if name.endswith("conv1") and name != "block1_conv1":
                x = functional.max_pool2d(x, 2)
            x = found[name] = functional.relu(functional.conv2d(x, kernel, bias, padding=1))
        return found

    @staticmethod
    def gram(f: torch.Tensor) -> torch.Tensor:
        flat = f.flatten(2)[0]
        return flat @ flat.T / flat.numel()

    def loss(self, x: torch.Tensor) -> torch.Tensor:
        found = self.features(x)
        loss = CONTENT_WEIGHT * functional.mse_loss(found[CONTENT_LAYER], self.content)
        for name, target in self.style.items():
            loss = loss + STYLE_WEIGHT * functional.mse_loss(self.gram(found[name]), target)
        down, right = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
        return loss + TV_WEIGHT * 0.5 * (down.square().sum() + right.square().sum())

    def paint(self, iterations: int, *, init: str = "random") -> tuple[np.ndarray, float, float]:
        """The picture, its CPU seconds and its seconds by the clock, by iterations of L-BFGS."""
        torch.manual_seed(0)
        x = self.start.clone() if init == "image" else 0.001 * torch.randn_like(self.start)
        x.requires_grad_(True)
        options = {
            "max_iter": iterations,
            "tolerance_grad": -1,
            "tolerance_change": -1,
            "history_size": 100,
        }
        optimizer = torch.optim.LBFGS([x], **options)

        def closure() -> torch.Tensor:
            optimizer.zero_grad()
            loss = self.loss(x)
            loss.backward()
            return loss

        cpu, clock = time.process_time(), time.perf_counter()
        optimizer.step(closure)
        return self.picture(x), time.process_time() - cpu, time.perf_counter() - clock


def place(pair: tuple[str, str], size: int, iterations: int, init: str) -> Path:
    """Where the picture of a pair is kept; what it took stands beside it."""
    return Path("results/bench/neural-style") / f"{'-'.join(pair)}-{size}-{iterations}-{init}.png"


def painted(
    pair: tuple[str, str], *, size: int, iterations: int, init: str
) -> tuple[np.ndarray, float]:
    """neural-style's picture of a pair and its CPU seconds, kept or made now."""
    file = place(pair, size, iterations, init)
    if not file.with_suffix(".json").is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        content, style = (load_image(name, size=size) for name in pair)
        picture, cpu, clock = NeuralStyle(content, style).paint(iterations, init=init)
        save_image(picture, file)
        file.with_suffix(".json").write_text(json.dumps({"cpu_seconds": cpu, "seconds": clock}))
    return load_image(file), json.loads(file.with_suffix(".json").read_text())["cpu_seconds"]


def main() -> None:
    """Paint every held-out pair."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--iterations", type=int, default=500)
    parser.add_argument("--init", choices=("random", "image"), default="image")
    arguments = parser.parse_args()
    for pair in HELD_OUT:
        _, cpu = painted(pair, **vars(arguments))
        print(*pair, f"{cpu:.0f} CPU seconds", flush=True)


if __name__ == "__main__":
    main()
