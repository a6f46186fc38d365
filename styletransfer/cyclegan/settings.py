"""Every option of a training, its default and its meaning: one home for Python, command line and record.

The defaults are those of Zhu et al. 2017 (arXiv 1703.10593) and, where the paper is silent, of its authors' code
(junyanz/pytorch-CycleGAN-and-pix2pix).
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError, nearest
from ..forms import FORMS
from ..layers import CONTENT_LAYERS, STYLE_LAYERS
from ..options import check_number, option
from ..settings import Settings

__all__ = ["AdaptedSettings", "CycleSettings", "TrainingSettings"]

LEAST_SIZE = 32
"""Side of a crop in pixels below which the discriminator has no output: it halves three times and has windows of 4."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What every training of a generator has. None means: what the size or the data prescribes.

    Raises:
        InputError: a value outside its range, or a name that does not exist.
    """

    steps: int | None = option(
        None,
        "steps of one batch each; by default 200 passes through the larger of the two sides, as in the paper",
    )
    size: int = option(256, "side of the crops in pixels")
    load_size: int | None = option(
        None,
        "short side in pixels to which pictures are brought before they are cropped; by default 286 of 256 of size",
    )
    widest: float = option(
        1.0,
        "crops are taken from windows of up to this many times their side, and reduced; the paper has 1",
    )
    batch: int = option(1, "crops of each side in a step")
    filters: int = option(64, "filters of the generator's first layer")
    critic_filters: int = option(64, "filters of the discriminator's first layer")
    blocks: int | None = option(
        None, "residual blocks; by default 6 up to 128 px and 9 above, as in the paper"
    )
    upsampling: str = option(
        "transposed",
        "how the generator enlarges: transposed convolutions, as in the paper, or nearest neighbours and a convolution",
        choices=("transposed", "nearest"),
    )
    learning_rate: float = option(2e-4, "Adam's step size")
    beta_1: float = option(0.5, "Adam's decay of the mean gradient")
    constant: float = option(
        0.5, "share of the steps after which the learning rate begins to fall, linearly, to zero"
    )
    pool: int = option(50, "generated pictures that are kept for the discriminator")
    precision: str = option(
        "auto",
        "how the networks are computed: float32; mixed, bfloat16 with float32 weights and losses; auto is mixed where "
        "this machine is faster in it",
        choices=("auto", "float32", "mixed"),
    )
    seed: int = option(0, "seed of the weights, the crops and the pool")

    def __post_init__(self) -> None:
        """Check the values."""
        for entry in dataclasses.fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, np.generic):
                object.__setattr__(self, entry.name, value := value.item())
            if value is None and entry.default is not None:
                raise InputError(
                    f"{entry.name} must have a value; its default is {entry.default!r}"
                )
            choices = entry.metadata["choices"]
            if choices and value is not None and value not in choices:
                raise InputError(nearest(value, choices, what=entry.name))
        for name, low in (
            *(
                ("steps", 1),
                ("size", LEAST_SIZE),
                ("load_size", LEAST_SIZE),
                ("batch", 1),
                ("filters", 1),
            ),
            *(("critic_filters", 1), ("blocks", 0), ("pool", 0), ("seed", 0)),
        ):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), whole=True, low=low)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("widest", self.widest, low=1)
        for name in ("beta_1", "constant"):
            check_number(name, getattr(self, name), low=0)
            if getattr(self, name) > 1 - (name == "beta_1") * 1e-9:
                raise InputError(f"{name} must be a share, below 1, not {getattr(self, name)}")
        if self.size % 4:
            raise InputError(
                f"size must be a multiple of 4, for the generator halves twice, not {self.size}"
            )
        if self.load_size is not None and self.load_size < self.size:
            raise InputError(
                f"load_size is {self.load_size}, below the size {self.size} of the crops; give a larger one"
            )
        if self.widest * self.size > self.short_side:
            raise InputError(
                f"windows of {self.widest:g} x {self.size} px do not fit into pictures of {self.short_side} px; give a "
                "larger load_size or a smaller widest"
            )

    @property
    def short_side(self) -> int:
        """`load_size`, or what it is by default: 286 px for crops of 256 (in the authors' code)."""
        return self.load_size or round(self.size * 286 / 256)

    @property
    def depth(self) -> int:
        """`blocks`, or what it is by default: Zhu et al. 2017, Sec. 7.2."""
        if self.blocks is not None:
            return self.blocks
        return 6 if self.size <= 128 else 9

    def rate(self, step: int) -> float:
        """The learning rate of a step (counted from 0): constant, then linear to zero (Zhu et al. 2017, Sec. 4)."""
        begin = self.constant * self.steps
        return self.learning_rate * min(1.0, (self.steps - step) / max(self.steps - begin, 1.0))


@dataclass(frozen=True, kw_only=True)
class CycleSettings(TrainingSettings):
    """The options of a CycleGAN."""

    cycle: float = option(10.0, "λ, the weight of the cycle loss")
    identity: float = option(
        0.5, "weight of the identity loss, as a share of the cycle loss's; 0 leaves it out"
    )

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        for name in ("cycle", "identity"):
            check_number(name, getattr(self, name), low=0)


@dataclass(frozen=True, kw_only=True)
class AdaptedSettings(TrainingSettings):
    """The options of a generator that is trained with the proposal's objective and an adversarial term."""

    form: str = option("proposal", "how content and style are written", choices=tuple(FORMS))
    lam: float | None = option(
        None, "λ, the weight of style against content; by default the form's"
    )
    adversarial: float = option(
        1.0,
        "weight of the adversarial loss, in units of λ times the style loss that the photographs begin with; 0 leaves "
        "the discriminator out",
    )
    content_layers: tuple[str, ...] = option(
        CONTENT_LAYERS, "layers whose features are the content"
    )
    style_layers: tuple[str, ...] = option(
        STYLE_LAYERS, "layers whose mean statistics over the paintings are the style"
    )
    statistic: str = option("gram", "what of the features is the style (see losses.py)")
    backbone: str = option(
        "auto", "the loss network's weights: auto, vgg19, vgg16, embedded, or a path"
    )

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        check_number("adversarial", self.adversarial, low=0)
        checked = Settings(**self.objective)
        for name in ("content_layers", "style_layers"):
            object.__setattr__(self, name, getattr(checked, name))
        if not self.style_layers or not self.content_layers:
            raise InputError(
                "the adapted objective needs at least one content layer and one style layer"
            )

    @property
    def objective(self) -> dict[str, Any]:
        """The options that `Objective` has, too."""
        names = ("form", "lam", "content_layers", "style_layers", "statistic", "backbone")
        return {name: getattr(self, name) for name in names}
