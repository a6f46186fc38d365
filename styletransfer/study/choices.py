"""A choice of settings: the same pairs with each of them, side by side, and the judge's numbers."""

import functools
import logging
import os
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

log = logging.getLogger("styletransfer")

JUDGED = ["style distance", "lpips-vgg"]


class Choice:
    """Every pair of pictures with every candidate.

    Where it is stopped, it has what was made until then, which the log says.

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
        FileNotFoundError, InputError: a picture or a setting that cannot be used; a run that
            failed.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[str, str]],
        candidates: Mapping[str, Mapping[str, Any]],
        *,
        store: Store | str | os.PathLike | None = None,
        progress: bool = True,
        **settings: Any,
    ) -> None:
        self.pairs, self.names = [(photo, painting) for photo, painting in pairs], list(candidates)
        points = [
            {"content": content, "style": style, **settings, **candidate}
            for candidate in candidates.values()
            for content, style in self.pairs
        ]
        sweep = Sweep(None, None, points, store=store).run(progress=progress)
        if sweep.errors:
            raise InputError(f"a run failed: {next(iter(sweep.errors.values()))}")
        keys = [(name, pair) for name in self.names for pair in self.pairs]
        results = {key: sweep[i] for i, key in enumerate(keys)}
        self._results = {key: result for key, result in results.items() if result is not None}
        if missing := len(keys) - len(self._results):
            said = f"{missing} of {len(keys)} pictures are not made"
            log.warning("%s; the comparison shows the others. Ask for it again to go on.", said)

    def __getitem__(self, key: tuple[str, tuple[str, str]]) -> Result:
        """The result of a candidate with a pair.

        Raises:
            InputError: it was not made, for the comparison was stopped.
        """
        if key not in self._results:
            raise InputError(f"there is no picture of {key}; make the comparison again to go on")
        return self._results[key]

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row for each candidate and pair: the judge's numbers, the run's losses, its seconds.

        `style distance` and `lpips-vgg` as in `metrics.YARDSTICKS`; the painting has the picture's
        long side there.

        Raises:
            InputError: the judge's networks are not here.
        """
        rows = []
        for pair in self.pairs:
            results = {n: self[n, pair] for n in self.names if (n, pair) in self._results}
            if not results:
                continue
            pictures = [result.image for result in results.values()]
            size = max(pictures[0].shape)
            photo, painting = (datasets.load_image(source, size=size) for source in pair)
            distances = style_distances(pictures, painting, photo)
            for (name, result), distance in zip(results.items(), distances, strict=True):
                row = {
                    "candidate": name,
                    "pair": " × ".join(pair),
                    "style distance": distance,
                    "lpips-vgg": lpips(result.image, photo),
                    "loss": result.record["picture"]["losses"]["total"],
                    "seconds": result.record["history"][-1]["seconds"],
                }
                rows.append(row)
        return pd.DataFrame(rows, columns=["candidate", "pair", *JUDGED, "loss", "seconds"])

    @property
    def means(self) -> pd.DataFrame:
        """The judge's two numbers of each candidate, as means over the pairs that all have."""
        complete = self.table.groupby("pair").filter(lambda rows: len(rows) == len(self.names))
        return complete.groupby("candidate")[JUDGED].mean().reindex(self.names)

    def sheet(self, names: Sequence[str] | None = None, *, height: float = 3.0) -> Figure:
        """A row for each pair: photograph, painting, and pictures with the judge's two numbers.

        Args:
            names: of the candidates that are shown; all by default.
            height: of a row, in inches.
        """
        judged = self.table.set_index(["candidate", "pair"])[JUDGED]
        names = list(names or self.names)
        panels: list[tuple[str, np.ndarray]] = []
        for pair in self.pairs:
            for source in pair:
                picture = datasets.locate(source)
                panels.append((picture.title or picture.name, picture.load(size=512)))
            for name in names:
                if (name, pair) not in self._results:
                    panels.append((f"{name}\nnot made", np.ones((8, 8, 3))))
                    continue
                distance, content = judged.loc[[(name, " × ".join(pair))]].to_numpy()[0]
                numbers = f"style {distance:.2f} · LPIPS {content:.2f}"
                panels.append((f"{name}\n{numbers}", self[name, pair].image))
        return figures.side_by_side(panels, height=height, columns=2 + len(names))


def pulls(objective: Objective, image: np.ndarray) -> dict[str, float]:
    """Which style layer moves the picture: its share of Σ_l ‖λ ω_l ∂E_l/∂x‖, by layer; sum 1.

    It is at the objective's λ and ω (as before when this returns) and at an image (H, W, 3).

    Raises:
        InputError: the picture has another shape, or no style layer moves it.
    """
    lam, omega = objective.lam, objective.omega
    norms = np.zeros(len(omega))
    try:
        objective.lam = 0.0
        _, rest = objective.value_and_gradient(image)  # of content, and of what else there is
        objective.lam = lam
        for i, weight in enumerate(omega):
            if lam * weight:  # else rounding might leave it something
                objective.omega = [weight if i == j else 0.0 for j in range(len(omega))]
                norms[i] = np.linalg.norm(objective.value_and_gradient(image)[1] - rest)
    finally:
        objective.lam, objective.omega = lam, omega
    if not norms.sum():
        raise InputError(
            "no style layer moves this picture: λ or every ω is zero, or the style is reached"
        )
    shares = (norms / norms.sum()).tolist()
    return dict(zip(objective.style_layers, shares, strict=True))


def even_omega(objective: Objective, image: np.ndarray) -> tuple[float, ...]:
    """ω with which style layers pull equally strongly, all together as strongly as before.

    A layer whose ω is zero keeps it. Arguments and errors are those of `pulls`.
    """
    shares = pulls(objective, image).values()
    moving = sum(share > 0 for share in shares)
    pairs = zip(objective.omega, shares, strict=True)
    return tuple(weight / (moving * share) if share else 0.0 for weight, share in pairs)
