"""The ways of writing the objective."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way of writing the objective: total = content + λ·style (+ total variation).

    content = Σ_l content_factor · R((F − P)²), style = Σ_l ω_l · style_factor · R(|G − A|^power),
    where R is the mean or the sum over all entries (`reduction`), F and P are the features of the
    picture and of the photograph, and G and A the style statistics of picture and painting (FᵀF, or
    FᵀF/M with `per_position`, M the number of positions). With `nearest` they are parts of
    hypercolumns instead (`neighbours.py`), G those of the picture and A the painting's nearest to
    the photograph's, and R is the mean over positions of the sum over filters.
    """

    formula: str  # the objective in one line
    content_factor: float = 1.0
    style_factor: float = 1.0
    power: Literal[1, 2]
    reduction: Literal["mean", "sum"]
    per_position: bool
    nearest: bool = False  # match positions in place of a statistic of them all
    unit: bool = False  # hypercolumns have norm 1: their distance does not see how bright they are
    scaled: bool = False  # rescale the network so that every filter's mean activation is one
    pooling: Literal["avg", "max"] = "avg"  # what stands in the place of VGG's pooling
    lam: float  # the default λ
    # The default ω_l: 1/(number of style layers), or 10³/N_l², with N_l the number of filters
    omega: Literal["equal", "authors"] = "equal"
    source: str  # where the form comes from


_GATYS = Form(
    formula="½ mean (F − P)² + λ Σ_l ω_l ¼ mean (G_l/M_l − A_l/M_l)², network rescaled",
    content_factor=0.5,
    style_factor=0.25,
    power=2,
    reduction="mean",
    per_position=True,
    scaled=True,
    lam=1e2,
    source="Gatys et al. 2016, Eqs. 1, 4, 5, 7 with means for sums; λ = β/α = 10³ is the paper's "
    "default",
)
_GATYS_CODE = Form(
    formula="mean (F − P)² + λ Σ_l ω_l mean (G_l/M_l − A_l/M_l)², ω_l = 10³/N_l²",
    power=2,
    reduction="mean",
    per_position=True,
    lam=0.03,
    omega="authors",
    source="leongatys/PytorchNeuralStyleTransfer@be6c8e2, NeuralStyleTransfer.ipynb, which has "
    "maximum pooling and λ = 1",
)
_PROPOSAL = Form(
    formula="Σ (F − P)² + λ Σ_l ω_l Σ |G_l − A_l|",
    power=1,
    reduction="sum",
    per_position=False,
    lam=1e-2,
    source="the study's proposal: sums of squares for content, of absolute differences for style",
)
_NEAREST = Form(
    formula="mean (F − P)² + λ Σ_l ω_l ½ mean |h_l − t_l|², h a position's hypercolumn of norm 1, "
    "t the painting's nearest to it",
    style_factor=0.5,
    power=2,
    reduction="mean",
    per_position=True,
    nearest=True,
    unit=True,
    lam=1e6,
    source="Kolkin et al. 2022 (arXiv 2203.13215), whose loss is Σ_l ½ mean |h_l − t_l|², the mean "
    "cosine distance, with the content term of gatys-code",
)

FORMS = {
    "gatys": _GATYS,
    "gatys-code": _GATYS_CODE,
    "proposal": _PROPOSAL,
    "proposal-squared": replace(
        _PROPOSAL,
        formula="Σ (F − P)² + λ Σ_l ω_l Σ (G_l − A_l)²",
        power=2,
        lam=1e-9,
        source="the proposal's formula with Gatys' squares in place of |·|",
    ),
    "proposal-scaled": replace(
        _PROPOSAL,
        formula=f"{_PROPOSAL.formula}, network rescaled",
        scaled=True,
        lam=1e-1,
        source="the proposal's formula on the rescaled network of Gatys et al. 2016",
    ),
    "nearest": _NEAREST,
    "nearest-squared": replace(
        _NEAREST,
        formula="mean (F − P)² + λ Σ_l ω_l ½ mean |h_l − t_l|², h as in nearest, of any norm",
        unit=False,
        lam=3e3,
        source="the targets of nearest, with squared distances in place of cosines",
    ),
}
"""The forms by name, as the setting `form` has them."""
