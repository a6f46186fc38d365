"""Every option of a run, its default and its meaning: for Python, command line and record."""

import re
from dataclasses import dataclass
from typing import Any

from .errors import InputError
from .forms import FORMS
from .layers import CONTENT_LAYERS, STYLE_LAYERS, layer_name
from .options import Options, build, option
from .pictures.colour import COLOURS


@dataclass(frozen=True)
class Quality:
    """How many evaluations the coarsest, each further and the last size get by default."""

    first: int
    between: int
    last: int


QUALITIES = {
    "draft": Quality(first=50, between=20, last=15),
    "normal": Quality(first=100, between=40, last=40),
    "fine": Quality(first=200, between=100, last=100),
}

SIZE = 512  # the default long side in pixels
LEAST_TILE = 64  # side in pixels of the smallest tile: below it most of a tile would be margin
MOST_WEIGHT = 1e30  # of λ, ω and the weights of terms: larger ones leave the range of float32
MOST_SIDE = MOST_STEPS = 1_000_000
MOST_REGIONS = 16
FOUND = 3  # regions by default, where they are to be found


@dataclass(frozen=True, kw_only=True)
class Settings(Options):
    """Every option of a run. None means: what the form, the optimiser or the size prescribes.

    Raises:
        InputError: a value outside its range, or a name that does not exist.
    """

    size: int = option(
        None,
        f"long side of the picture in pixels; by default {SIZE}, or the last of sizes",
        low=1,
        high=MOST_SIDE,
    )
    quality: str = option(
        "normal",
        "how many steps each size gets, where they are not given: draft, a first impression; "
        "normal, a finished picture; fine, twice the steps, for a lower loss",
        choices=tuple(QUALITIES),
    )
    sizes: tuple[int, ...] | None = option(
        None,
        "long sides to go through, coarse to fine, ending at the size; by default halvings down "
        "to 160",
        low=1,
        high=MOST_SIDE,
    )
    steps: int | tuple[int, ...] | None = option(
        None,
        "evaluations of the objective: of all sizes together, or a list with those of each; by "
        "default the quality's",
        low=1,
        high=MOST_STEPS,
    )
    form: str = option(
        "gatys-code",
        "how the objective is written: whose formula, and with it the scale of λ (see forms.py)",
        choices=tuple(FORMS),
    )
    lam: float | None = option(
        None,
        "λ, the weight of style against content; by default the form's",
        low=0,
        high=MOST_WEIGHT,
    )
    content_layers: tuple[str, ...] = option(
        CONTENT_LAYERS, "layers whose features are the content", convert=layer_name
    )
    style_layers: tuple[str, ...] = option(
        STYLE_LAYERS, "layers whose statistics are the style", convert=layer_name
    )
    omega: tuple[float, ...] | None = option(
        None, "ω, one weight for each style layer; by default the form's", low=0, high=MOST_WEIGHT
    )
    statistic: str = option(
        "gram",
        "what of the features is the style: gram, the Gram matrix; shifted_gram, also that with "
        "features further on; mean_std, mean and deviation of each filter; mean_cov, mean and "
        "covariance; gaussian_w2, the Wasserstein distance of Gaussians; mmd, random Fourier "
        "features; histogram, soft histograms; or your own (see statistics.py)",
    )
    tv: float = option(
        0.0, "weight of total variation, which smooths the picture", low=0, high=MOST_WEIGHT
    )
    box: float = option(
        1.0,
        "how strongly values outside [0, 1] are drawn back, in units of the first gradient; 0 lets "
        "them be",
        low=0,
        high=MOST_WEIGHT,
    )
    backbone: str = option(
        "auto",
        "the loss network's weights: auto, vgg19, vgg16, embedded, or the path of a weights file; "
        "auto is VGG-19 where its file is here or can be fetched, and else the embedded VGG-16",
    )
    pooling: str | None = option(None, "avg or max; by default the form's", choices=("avg", "max"))
    padding: str = option(
        "replicate",
        "what the first two blocks see beyond the picture's border: zero, as VGG was trained, "
        "replicate or reflect",
        choices=("zero", "replicate", "reflect"),
    )
    floor: float = option(
        0.0,
        "scaled network: the least share of its layer's mean activation that a filter's counts as",
        low=0,
        high=1e6,
    )
    activation: str = option(
        "relu",
        "which features of a layer: relu, after the ReLU, or linear, before it",
        choices=("relu", "linear"),
    )
    precision: str = option(
        "auto",
        "how the network is computed: float32; winograd, the same with a quarter of the "
        "multiplications; mixed, bfloat16 in the later blocks, but for the last steps; auto is "
        "winograd, and float32 for pictures below 100 px and on a graphics card",
        choices=("auto", "float32", "winograd", "mixed"),
    )
    tile: int | None = option(
        None,
        "side in pixels of the tiles in which a picture is evaluated; by default it is whole while "
        "memory allows",
        low=LEAST_TILE,
        high=MOST_SIDE,
    )
    optimizer: str = option("lbfgs", "how the picture is changed", choices=("lbfgs", "adam", "sgd"))
    history: int | None = option(
        None,
        "L-BFGS: how many pairs of steps it remembers; by default 100, and fewer on large pictures",
        low=1,
        high=10_000,
    )
    learning_rate: float | None = option(
        None,
        "Adam and SGD: size of the steps, in units of the picture's range; by default the "
        "optimiser's",
        above=0,
        high=MOST_WEIGHT,
    )
    momentum: float = option(0.9, "SGD: share of the last step that is made again", low=0, below=1)
    decay: float = option(
        1.0,
        "SGD and Adam: what the learning rate is multiplied by after each step",
        above=0,
        high=1,
    )
    init: str = option(
        "content",
        "where the picture starts: content, style, noise, generator, which is what the generator "
        "that comes along for this painting makes of the photograph, or the path or name of a "
        "picture",
    )
    seed: int = option(0, "seed of the noise", low=0, high=2**63 - 1)
    noise: float = option(
        0.02,
        "the standard deviation, in units of the picture's range, of the noise that init=noise "
        "starts from",
        low=0,
        high=1,
    )
    color: str = option(
        "painting",
        "whose colours the picture gets: painting; luminance, the photograph's, for only light and "
        "dark are transferred; or chol, pca or monge, those of the painting matched to the "
        "photograph's before the transfer",
        choices=COLOURS,
    )
    style_scale: float = option(
        1.0, "long side of the painting, as a multiple of the picture's", above=0, high=1e4
    )
    mix: tuple[float, ...] | None = option(
        None,
        "weights of several paintings, in their order; or those in every style layer, one layer "
        "after another: 1,0 1,0 0,1 0,1 0,1 takes two fine layers from the first of two paintings "
        "and the rest from the second; by default all count equally",
        low=0,
        high=MOST_WEIGHT,
    )
    regions: tuple[str, ...] | None = option(
        None,
        "parts of the picture that take their style from different paintings, or parts of them: "
        f"match, {FOUND} regions of like content (match:5 for 5); or label pictures, in which a "
        "region has one colour: the photograph's, and then each painting's, for which a colour "
        "will do that all of it has (mask.png,white,black)",
    )
    guide: str = option(
        "middle",
        "which positions of a layer belong to a region: simple, those that lie in it; middle, "
        "those of which the middle quarter of what they see lies in it; inside, those that see "
        "nothing else; all, those that see any of it",
        choices=("simple", "middle", "inside", "all"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.content_layers and not self.style_layers:
            raise InputError("there is neither a content nor a style layer; name at least one")
        if self.omega is not None and len(self.omega) != len(self.style_layers):
            raise InputError(
                f"omega has {len(self.omega)} weights for {len(self.style_layers)} style layers; "
                "give one for each"
            )
        for name in ("content_layers", "style_layers"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise InputError(f"{name} names a layer twice")
        if self.regions is not None and len(self.regions) < 2 and not self.clusters:
            raise InputError(
                f"regions is {' '.join(self.regions)!r}; it must be match, or match:2 to "
                f"match:{MOST_REGIONS}, or label pictures of the photograph and of each painting"
            )
        if FORMS[self.form].nearest:
            for name in ("statistic", "tile", "mix", "regions"):
                if getattr(self, name) != getattr(Settings, name):
                    raise InputError(
                        f"{name} does not go with the form {self.form}, which compares positions "
                        "of the picture as a whole with those of all paintings; leave it out"
                    )
        sizes = self.sizes
        if sizes is not None:
            if not sizes or list(sizes) != sorted(set(sizes)):
                raise InputError(f"sizes must grow from each to the next, not {sizes}")
            if self.size not in (None, sizes[-1]):
                raise InputError(
                    f"size is {self.size}, but sizes end at {sizes[-1]}; give one of the two"
                )
        if self.size is None:
            object.__setattr__(self, "size", sizes[-1] if sizes else SIZE)

    @property
    def clusters(self) -> int:
        """How many regions are to be found; 0 where there are none, or label pictures say."""
        if self.regions is None or len(self.regions) != 1:
            return 0
        found = re.fullmatch("match(:([0-9]{1,2}))?", self.regions[0])
        count = int(found[2] or FOUND) if found else 0
        return count if 2 <= count <= MOST_REGIONS else 0


TITLES = {
    "lam": "λ",
    "omega": "ω",
    "tv": "total variation",
    "content": "photograph",
    "style": "painting",
}


def title(name: str) -> str:
    """What a page calls a setting, or one of the two pictures."""
    return TITLES.get(name, name.replace("_", " "))


def settings_from(options: dict[str, Any]) -> Settings:
    """Settings from names and values; raises InputError as `options.build`."""
    return build(Settings, options)


def recorded_settings(options: dict[str, Any]) -> Settings:
    """`settings_from` a record or saved run; before version 0.2 two settings had other values."""
    return settings_from({"padding": "zero", "floor": 0.1, **options})
