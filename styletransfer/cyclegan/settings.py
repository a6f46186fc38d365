"""Every option of a training, its default and its meaning: for Python, command line and record.

The defaults are those of Zhu et al. 2017 (arXiv 1703.10593) and, where the paper is silent, of its
authors' code (junyanz/pytorch-CycleGAN-and-pix2pix).
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..forms import FORMS
from ..options import Options, option
from ..settings import MOST_WEIGHT, Settings

__all__ = [
    "ADAPTED",
    "HOLD_OUT",
    "KINDS",
    "SHIPPED",
    "VALIDATION",
    "AdaptedSettings",
    "CycleSettings",
    "TrainingSettings",
]

# Pixels below which the discriminator has no output: it halves three times and has windows of 4.
LEAST_SIZE = 32
MOST_FILTERS = 1024


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Options):
    """What every training of a generator has. None means: what the size or the data prescribes.

    Raises:
        InputError: a value outside its range, or a name that does not exist.
    """

    kind = ""  # no annotations: they are no options
    fewest = 2  # paintings: one has nothing to learn that is common to a collection

    steps: int | None = option(
        None, "by default 200 passes through the larger side, as in the paper", low=1, high=10**8
    )
    size: int = option(256, "side of the crops in pixels", low=LEAST_SIZE, high=8192)
    load_size: int | None = option(
        None,
        "short side in pixels of the pictures that are cropped; by default 286 of 256 of size",
        low=LEAST_SIZE,
        high=100_000,
    )
    widest: float = option(
        1.0,
        "crops are reduced from windows of up to so many times their side; the paper has 1",
        low=1,
        high=1000,
    )
    batch: int = option(1, "crops of each side in a step", low=1, high=1024)
    filters: int = option(64, "filters of the generator's first layer", low=1, high=MOST_FILTERS)
    critic_filters: int = option(
        64, "filters of the discriminator's first layer", low=1, high=MOST_FILTERS
    )
    blocks: int | None = option(
        None,
        "residual blocks; by default 6 up to 128 px, 9 above, as in the paper",
        low=0,
        high=100,
    )
    upsampling: str = option(
        "transposed",
        "how the generator enlarges: transposed convolutions, as in the paper, or nearest "
        "neighbours or bilinear interpolation, and a convolution",
        choices=("transposed", "nearest", "bilinear"),
    )
    norm: str = option(
        "instance",
        "what keeps features at one scale: instance norm, as in the paper, or the same, clipped, "
        "which leaves no spots",
        choices=("instance", "clipped"),
    )
    output: str = option(
        "picture",
        "what the generator's last layer makes: the picture, as in the paper, or the change of its "
        "input",
        choices=("picture", "change"),
    )
    halving: str = option(
        "strided",
        "how the discriminator halves: strided convolutions, as in the paper, or smoothed, with "
        "which it asks for no ripples",
        choices=("strided", "smoothed"),
    )
    learning_rate: float = option(2e-4, "Adam's step size", above=0, high=1e308)
    beta_1: float = option(0.5, "Adam's decay of the mean gradient", low=0, below=1)
    constant: float = option(
        0.5, "share of the steps before the learning rate falls, linearly, to zero", low=0, high=1
    )
    pool: int = option(
        50, "generated pictures that are stored for the discriminator", low=0, high=100_000
    )
    precision: str = option(
        "auto",
        "how the networks are computed: float32; mixed, bfloat16 with float32 weights and losses; "
        "auto is mixed where this machine is faster in it",
        choices=("auto", "float32", "mixed"),
    )
    # Twice the seed and one more is an int64 of the crops.
    seed: int = option(0, "seed of the weights, the crops and the pool", low=0, high=2**62 - 1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size % 4:
            raise InputError(
                f"size must be a multiple of 4, for the generator halves twice, not {self.size}"
            )
        if self.load_size is not None and self.load_size < self.size:
            raise InputError(
                f"load_size is {self.load_size}, below the size {self.size} of the crops; give a "
                "larger one"
            )
        if self.widest * self.size > self.short_side:
            raise InputError(
                f"windows of {self.widest:g} x {self.size} px do not fit into pictures of "
                f"{self.short_side} px; give a larger load_size or a smaller widest"
            )

    @property
    def short_side(self) -> int:
        """`load_size`, or its default: 286 px for crops of 256 (in the authors' code)."""
        return self.load_size or round(self.size * 286 / 256)

    @property
    def depth(self) -> int:
        """`blocks`, or its default: Zhu et al. 2017, Sec. 7.2."""
        default = 6 if self.size <= 128 else 9
        return default if self.blocks is None else self.blocks

    @property
    def network(self) -> dict[str, Any]:
        """What `networks.generator` takes, and a generator's file holds."""
        names = {"filters": self.filters, "blocks": self.depth, "upsampling": self.upsampling}
        # Files of before these two options do not have them.
        later = {"norm": (self.norm, "instance"), "output": (self.output, "picture")}
        return names | {name: value for name, (value, usual) in later.items() if value != usual}

    def rate(self, step: int) -> float:
        """The learning rate of a step (counted from 0), where `steps` is decided.

        Constant, then linear to zero: Zhu et al. 2017, Sec. 4.
        """
        steps = self.steps or 0
        falling = max(steps - self.constant * steps, 1.0)
        return self.learning_rate * min(1.0, (steps - step) / falling)


@dataclass(frozen=True, kw_only=True)
class CycleSettings(TrainingSettings):
    """The options of a CycleGAN."""

    kind = "cycle"

    cycle: float = option(10.0, "λ, the weight of the cycle loss", low=0, high=MOST_WEIGHT)
    identity: float = option(
        0.5, "share of λ that is the identity loss's weight; 0 leaves it out", low=0, high=1e6
    )


def _as_in_a_run(name: str) -> Any:
    entry = Settings.__dataclass_fields__[name]
    return dataclasses.field(default=entry.default, metadata=entry.metadata)


@dataclass(frozen=True, kw_only=True)
class AdaptedSettings(TrainingSettings):
    """The options of a generator for the proposal's objective with an adversarial term."""

    kind = "adapted"
    fewest = 1  # the objective is that of one painting, too

    form: str = option(
        "proposal",
        "how content and style are written",
        # A generator is trained on crops, which have no one painting to be matched with.
        choices=tuple(name for name, form in FORMS.items() if not form.nearest),
    )
    lam: float | None = _as_in_a_run("lam")
    adversarial: float = option(
        1.0,
        "weight of the adversarial loss, in units of λ times the photographs' style loss; 0 leaves "
        "the discriminator out",
        low=0,
        high=MOST_WEIGHT,
    )
    content_layers: tuple[str, ...] = _as_in_a_run("content_layers")
    style_layers: tuple[str, ...] = _as_in_a_run("style_layers")
    omega: str = option(
        "form",
        "ω, the weights of the style layers: those of the form, or even, with which each layer has "
        "an equal part in the photographs' style loss, as large as before in all",
        choices=("form", "even"),
    )
    statistic: str = _as_in_a_run("statistic")
    closeups: float = option(
        0.0,
        "share of the steps whose content and style are those of a quarter of the crop, enlarged "
        "twofold",
        low=0,
        high=1,
    )
    backbone: str = _as_in_a_run("backbone")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.style_layers or not self.content_layers:
            raise InputError("name at least one content layer and one style layer")
        # It refuses a layer that is named twice.
        Settings(content_layers=self.content_layers, style_layers=self.style_layers)
        if self.lam == 0:
            raise InputError("lam must be above 0: without style there is nothing to train for")


KINDS = {kind.kind: kind for kind in (CycleSettings, AdaptedSettings)}
"""Kinds of training by name, with their settings."""

ADAPTED = ("great_wave", "cafe_terrace_at_night", "composition_viii", "van_gogh")
"""Generators for the study's objective: of one painting each, whose name they have, and of nine."""

SHIPPED = (*ADAPTED, "photo2vangogh", "vangogh2photo")
"""The generators that come along, in data/generators; the last two are a CycleGAN's."""

HOLD_OUT = (
    "neuschwanstein_castle",
    "petra",
    "gateway_of_india",
    "mont_saint_michel",
    "chateau_de_chenonceau",
    "colosseum",
    "machu_picchu",
    "schwerin_palace",
)
"""The bundled photographs that no training sees and that the notebooks judge."""

VALIDATION = ("mount_rushmore", "mysore_palace", "pont_du_gard", "reims_cathedral")
"""Those on which settings and the last step are chosen; the other 32 are trained on."""
