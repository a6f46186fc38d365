"""A choice of settings, shown: the same pairs with each of them, side by side, and what the judge says of it."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import InputError
from ..objective import Objective
from ..pictures import datasets
from ..runs.record import Result
from ..runs.store import Store
from . import figures
from .judge import lpips, style_distances
from .sweeps import Sweep

__all__ = ["Choice", "even_omega", "pulls"]


class Choice:
    """Every pair of pictures with every candidate.

    Args:
        pairs: names or paths of a photograph and a painting each.
        candidates: the settings in which a candidate differs from the others, by what it is called.
        store: see `Sweep`.
        progress: say what will be done, and show a progress bar.
        settings: those that are the same for all.

    Attributes:
        pairs: as given.
        names: of the candidates.

    Raises:
        FileNotFoundError, InputError: a picture or a setting that cannot be used; a run that failed.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        candidates: Mapping[str, Mapping[str, Any]],
        *,
        store: Store | str | None = None,
        progress: bool = True,
        **settings: Any,
    ) -> None:
        """Make the runs that are missing."""
        self.pairs, self.names = [tuple(pair) for pair in pairs], list(candidates)
        points = [
            {"content": content, "style": style, **settings, **candidate}
            for candidate in candidates.values()
            for content, style in self.pairs
        ]
        sweep = Sweep(None, None, points, store=store).run(progress=progress)
        if sweep.errors:
            raise InputError(f"a run failed: {next(iter(sweep.errors.values()))}")
        if sweep.missing:
            raise KeyboardInterrupt  # the sweep was stopped, and half a comparison is none
        results = iter([sweep[i] for i in range(len(sweep))])
        self._results = {(name, pair): next(results) for name in self.names for pair in self.pairs}

    def __getitem__(self, key: tuple[str, tuple[str, str]]) -> Result:
        """The result of a candidate with a pair."""
        return self._results[key]

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """One row for each candidate and pair: the judge's two numbers, the run's own losses, and its seconds.

        `style distance` and `lpips-vgg` as in `metrics.YARDSTICKS`; the painting has the picture's long side there.

        Raises:
            InputError: the judge's networks are not here.
        """
        rows = []
        for pair in self.pairs:
            pictures = [self[name, pair].image for name in self.names]
            size = max(pictures[0].shape)
            photo, painting = (datasets.load_image(source, size=size) for source in pair)
            distances = style_distances(pictures, painting, photo)
            for name, picture, distance in zip(self.names, pictures, distances, strict=True):
                record = self[name, pair].record
                rows.append(
                    {
                        "candidate": name,
                        "pair": " × ".join(pair),
                        "style distance": distance,
                        "lpips-vgg": lpips(picture, photo),
                        "loss": record["picture"]["losses"]["total"],
                        "seconds": record["history"][-1]["seconds"],
                    }
                )
        return pd.DataFrame(rows)

    @property
    def means(self) -> pd.DataFrame:
        """The judge's two numbers of each candidate, as means over the pairs."""
        columns = ["style distance", "lpips-vgg"]
        return self.table.groupby("candidate", sort=False)[columns].mean().loc[self.names]

    def sheet(self, names: Sequence[str] | None = None, *, height: float = 3.0) -> Figure:
        """A row for each pair: photograph, painting, and the candidates' pictures with the judge's two numbers.

        Args:
            names: of the candidates that are shown; all by default.
            height: of a row, in inches.
        """
        judged = self.table.set_index(["candidate", "pair"])
        shown: list[tuple[str, np.ndarray]] = []
        for pair in self.pairs:
            for source in pair:
                picture = datasets.locate(source)
                shown.append((picture.title or picture.name, picture.load(size=512)))
            for name in names or self.names:
                row = judged.loc[(name, " × ".join(pair))]
                numbers = f"style {row['style distance']:.2f} · LPIPS {row['lpips-vgg']:.2f}"
                shown.append((f"{name}\n{numbers}", self[name, pair].image))
        return figures.side_by_side(shown, height=height, columns=2 + len(names or self.names))


def pulls(objective: Objective, image: np.ndarray) -> dict[str, float]:
    """Which style layer moves the picture: each one's share of Σ_l ‖λ ω_l ∂E_l/∂x‖, by layer; they add up to 1.

    Args:
        objective: at whose λ and ω; they are as before when this returns.
        image: where, float (H, W, 3).

    Raises:
        InputError: the picture has another shape, or no style layer moves it.
    """
    lam, omega = objective.lam, objective.omega
    norms = [0.0] * len(omega)
    try:
        objective.lam = 0.0
        _, rest = objective.value_and_gradient(
            image
        )  # of content, and of what else the objective has
        objective.lam = lam
        for i, weight in enumerate(omega):
            if lam * weight:  # else rounding might leave it something
                objective.omega = [weight if i == j else 0.0 for j in range(len(omega))]
                norms[i] = float(np.linalg.norm(objective.value_and_gradient(image)[1] - rest))
    finally:
        objective.lam, objective.omega = lam, omega
    if not sum(norms):
        raise InputError(
            "no style layer moves this picture: λ or every ω is zero, or the style is reached"
        )
    return {
        layer: norm / sum(norms) for layer, norm in zip(objective.style_layers, norms, strict=True)
    }


def even_omega(objective: Objective, image: np.ndarray) -> tuple[float, ...]:
    """ω with which every style layer pulls at a picture as strongly as the others, all together as strongly as before.

    Args:
        objective: whose λ and ω are the point to begin from; a layer whose ω is zero keeps it.
        image: where, float (H, W, 3).

    Raises:
        InputError: as `pulls`.
    """
    shares = pulls(objective, image).values()
    moving = sum(share > 0 for share in shares)
    return tuple(
        weight / (moving * share) if share else 0.0
        for weight, share in zip(objective.omega, shares, strict=True)
    )
