"""The λ dictionary: what other programs' weights mean here, and the other way round.

Everybody compares squared differences of features and of Gram matrices, but some sum and some
average, some divide the Gram matrix and some do not. Written with means, all of them are

    Σ_c cw · mean((F − P)²) + Σ_l sw_l · mean((G/M − A/M)²),

and only the ratios sw_l / cw tell where the minimum is. A convention says what its own two weights
are worth in these units; for some that depends on the size of the picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from ..errors import InputError, nearest
from ..forms import FORMS
from ..layers import CONTENT_LAYERS, STYLE_LAYERS, block_of, filters_of

__all__ = ["CONVENTIONS", "Convention", "Layer", "settings_of", "style_weight_of", "table"]


@dataclass(frozen=True)
class Layer:
    """N filters at M positions of a picture of `pixels`, and the `count` of layers of the kind."""

    N: int
    M: int
    pixels: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How a program writes the objective.

    Attributes:
        content_weight, style_weight: its defaults.
        content: what a content weight of 1 is worth on mean((F − P)²).
        style: what a style weight of 1 is worth on mean((G/M − A/M)²).
        symbol: what it calls the two weights.
        source: where it stands.
        network: "raw", or "scaled" to mean activations of one.
        pooling, content_layers, style_layers: its defaults.
    """

    content_weight: float
    style_weight: float
    content: Callable[[Layer], float]
    style: Callable[[Layer], float]
    symbol: str
    source: str
    network: Literal["raw", "scaled"] = "raw"
    pooling: Literal["avg", "max"] = "max"
    content_layers: tuple[str, ...] = CONTENT_LAYERS
    style_layers: tuple[str, ...] = STYLE_LAYERS

    @property
    def home(self) -> str:
        """The form that has the convention's network."""
        return "gatys" if self.network == "scaled" else "gatys-code"

    def worth(self, shape: Sequence[int]) -> tuple[float, list[float]]:
        """What weights of 1 are worth for a picture (H, W, …): cw, and sw_l of the style layers."""

        def layer(name: str, count: int) -> Layer:
            block = block_of(name)
            # Pooling halves a side and drops what is odd.
            height, width = (side // 2 ** (block - 1) for side in shape[:2])
            pixels = shape[0] * shape[1]
            return Layer(N=filters_of(block), M=height * width, pixels=pixels, count=count)

        (content,) = self.content_layers
        style = [layer(name, len(self.style_layers)) for name in self.style_layers]
        return self.content(layer(content, 1)), [self.style(one) for one in style]


CONVENTIONS = {
    "gatys": Convention(
        content_weight=1.0,
        style_weight=1e3,
        content=lambda layer: 0.5,
        style=lambda layer: 0.25 / layer.count,
        symbol="1, λ",
        source="the form `gatys` with the paper's λ: Gatys et al. 2016 with means for sums",
        network="scaled",
        pooling="avg",
    ),
    "gatys-code": Convention(
        content_weight=1.0,
        style_weight=1.0,
        content=lambda layer: 1.0,
        style=lambda layer: 1e3 / layer.N**2,
        symbol="1, λ",
        source="the form `gatys-code` as its authors have it: "
        "leongatys/PytorchNeuralStyleTransfer@be6c8e2, NeuralStyleTransfer.ipynb",
    ),
    "paper": Convention(
        # α ½ Σ (F − P)², and β w_l / (4 N² M²) Σ (G − A)² with w_l = 1/(number of layers)
        content_weight=1e-3,
        style_weight=1.0,
        content=lambda layer: 0.5 * layer.N * layer.M,
        style=lambda layer: 0.25 / layer.count,
        symbol="α, β",
        source="Gatys et al. 2016, Eqs. 1, 4, 5, 7, read to the letter, and Fig. 3 B: α/β = 10⁻³",
        network="scaled",
        pooling="avg",
    ),
    "neural-style": Convention(
        # The Gram matrix is divided by N·M; both losses are means.
        content_weight=5.0,
        style_weight=100.0,
        content=lambda layer: 1.0,
        style=lambda layer: 1 / layer.N**2,
        symbol="-content_weight, -style_weight",
        source="jcjohnson/neural-style@07c4b82, neural_style.lua",
    ),
    "keras": Convention(
        # Σ (F − P)²; Σ (G − A)² / (4 · 3² · (H·W)²) over the number of layers, H·W of the picture
        # and not of the layer
        content_weight=2.5e-8,
        style_weight=1e-6,
        content=lambda layer: layer.N * layer.M,
        style=lambda layer: (layer.N * layer.M) ** 2 / (36 * layer.pixels**2 * layer.count),
        symbol="content_weight, style_weight",
        source="keras-io, examples/generative/neural_style_transfer.py",
        content_layers=("block5_conv2",),
    ),
    "tensorflow": Convention(
        # Means, the Gram matrix divided by M; style over the number of layers
        content_weight=1e4,
        style_weight=1e-2,
        content=lambda layer: 1.0,
        style=lambda layer: 1 / layer.count,
        symbol="content_weight, style_weight",
        source="tensorflow/docs, site/en/tutorials/generative/style_transfer.ipynb",
        content_layers=("block5_conv2",),
    ),
}
"""Conventions by name. The proposal's formula is not among them: absolute differences have other
minima, whatever λ."""


def _convention(name: str) -> Convention:
    if name not in CONVENTIONS:
        raise InputError(nearest(name, CONVENTIONS, what="convention"))
    return CONVENTIONS[name]


def settings_of(
    name: str,
    shape: Sequence[int],
    *,
    content_weight: float | None = None,
    style_weight: float | None = None,
) -> dict[str, Any]:
    """Settings whose objective has the same gradient, but for a factor.

    The form is that with the convention's network, and Σ ω_l is that form's own, so that λ can be
    compared with others of the form. Total variation is left out: the programs write it in ways
    that do not agree.

    Args:
        name: of the convention.
        shape: of the picture (H, W, …).
        content_weight: in the convention's units; by default its own default.
        style_weight: likewise.

    Returns:
        `form`, `lam`, `omega`, `content_layers`, `style_layers`, `pooling` and `padding`: they all
        have zeros beyond the border.

    Raises:
        InputError: an unknown convention.
    """
    convention = _convention(name)
    alpha = convention.content_weight if content_weight is None else content_weight
    beta = convention.style_weight if style_weight is None else style_weight
    cw, sw = convention.worth(shape)
    home = replace(CONVENTIONS[convention.home], style_layers=convention.style_layers)
    own_cw, own_sw = home.worth(shape)
    # ω_l of the form is 1/count or 10³/N²; what it is multiplied by there is the form's factor.
    whole = sum(own_sw) / FORMS[convention.home].style_factor
    return {
        "form": convention.home,
        "lam": beta * sum(sw) / (alpha * cw) * own_cw / sum(own_sw),
        "omega": tuple(one / sum(sw) * whole for one in sw),
        "content_layers": convention.content_layers,
        "style_layers": convention.style_layers,
        "pooling": convention.pooling,
        "padding": "zero",
    }


def style_weight_of(name: str, shape: Sequence[int], lam: float) -> float:
    """The style weight that a convention needs, beside its own content weight, for a λ of ours.

    λ is that of the form with the convention's network; the layers' weights against each other stay
    the convention's.

    Args:
        name: of the convention.
        shape: of the picture (H, W, …).
        lam: λ, above 0.

    Raises:
        InputError: an unknown convention.
    """
    return _convention(name).style_weight * lam / settings_of(name, shape)["lam"]


def table(shape: Sequence[int], *, names: Sequence[str] = tuple(CONVENTIONS)) -> pd.DataFrame:
    """The dictionary for a picture of `shape`: conventions' defaults, and in the others' units.

    Rows are conventions; `λ` is that of the form in the column `form`. A column named after a
    convention with the same network holds the style weight that it would need for the same λ; NaN
    where the networks differ: their features are not proportional.
    """
    rows = {}
    for name in names:
        convention, settings = _convention(name), settings_of(name, shape)
        others = {
            f"as {other}": style_weight_of(other, shape, settings["lam"])
            if CONVENTIONS[other].network == convention.network
            else float("nan")
            for other in names
        }
        rows[name] = {
            "weights": convention.symbol,
            "content": convention.content_weight,
            "style": convention.style_weight,
            "network": f"{convention.network}, {convention.pooling}",
            "content layer": " ".join(convention.content_layers),
            "form": settings["form"],
            "λ": settings["lam"],
            **others,
        }
    return pd.DataFrame.from_dict(rows, orient="index")
