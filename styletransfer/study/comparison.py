"""A comparison of settings: the same pairs with each of them, side by side, and judged."""

import functools
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..errors import InputError
from ..pictures import datasets
from ..runs.record import Result
from ..runs.store import Store
from .judge import lpips, style_distances
from .sheets import panels
from .sweeps import Sweep

__all__ = ["JUDGED", "Comparison"]

log = logging.getLogger("styletransfer")

JUDGED = ["style distance", "lpips-vgg"]
"""The judge's two numbers, as `metrics.YARDSTICKS` calls them; lower is better in both."""

SHORT = {"style distance": "style", "lpips-vgg": "LPIPS"}

Pair = tuple[str, str]


class Comparison:
    """Every pair of pictures with every candidate.

    Where it is stopped, it has what was made until then, which the log says.

    Args:
        pairs: names or paths of a photograph and a painting each.
        candidates: the settings in which a candidate differs from the others, by what it is called.
        store: see `Sweep`.
        progress: say what will be done, and show a progress bar.
        tolerant: go on without runs that fail, such as those that diverge; the log names them.
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
        pairs: Sequence[Pair],
        candidates: Mapping[str, Mapping[str, Any]],
        *,
        store: Store | str | os.PathLike | None = None,
        progress: bool = True,
        tolerant: bool = False,
        **settings: Any,
    ) -> None:
        self.pairs, self.names = [(photo, painting) for photo, painting in pairs], list(candidates)
        points = [
            {"content": content, "style": style, **settings, **candidate}
            for candidate in candidates.values()
            for content, style in self.pairs
        ]
        sweep = Sweep(None, None, points, store=store).run(progress=progress)
        if sweep.errors and not tolerant:
            raise InputError(f"a run failed: {next(iter(sweep.errors.values()))}")
        keys = [(name, pair) for name in self.names for pair in self.pairs]
        results = {key: sweep[i] for i, key in enumerate(keys)}
        self._results = {key: result for key, result in results.items() if result is not None}
        if missing := len(keys) - len(self._results):
            again = "" if sweep.errors else " Ask for it again to go on."
            said = f"{missing} of {len(keys)} pictures are not made"
            log.warning("%s; the comparison shows the others.%s", said, again)

    def __getitem__(self, key: tuple[str, Pair]) -> Result:
        """The result of a candidate with a pair.

        Raises:
            InputError: it was not made, for the comparison was stopped.
        """
        if key not in self._results:
            raise InputError(f"there is no picture of {key}; make the comparison again to go on")
        return self._results[key]

    def of(self, pair: Pair) -> dict[str, Result]:
        """The results of a pair, by candidate."""
        return {n: self._results[n, pair] for n in self.names if (n, pair) in self._results}

    @property
    def caption(self) -> str:
        """What all pictures have in common: weights, form, λ, size, steps, and the start.

        λ is left out where a picture has content or style alone.
        """
        captions = []
        for result in self._results.values():
            settings = result.record["settings"]
            parts = [*result.caption.split(", "), f"start: {settings['init']}"]
            if not (settings["content_layers"] and settings["style_layers"]):
                parts = [part for part in parts if not part.startswith("λ")]
            captions.append(parts)
        first = captions[0] if captions else []
        return ", ".join(part for part in first if all(part in other for other in captions))

    def __repr__(self) -> str:
        """How many pictures there are, and their caption."""
        made = f"{len(self._results)} pictures of {len(self.pairs)} pairs"
        return f"<Comparison: {made}; all with {self.caption}>" if self._results else made

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """A row for each candidate and pair: the judge's numbers, the run's losses, its length.

        `style distance` and `lpips-vgg` as in `metrics.YARDSTICKS`; the painting has the picture's
        long side there. `loss` is the total, `content_loss` and `style_loss` are without λ.

        Raises:
            InputError: the judge's networks are not here.
        """
        rows = []
        for pair in self.pairs:
            results = self.of(pair)
            distances = _style_distances(pair, [result.image for result in results.values()])
            for (name, result), distance in zip(results.items(), distances, strict=True):
                losses, history = result.record["picture"]["losses"], result.record["history"]
                row = {
                    "candidate": name,
                    "pair": " × ".join(pair),
                    "style distance": distance,
                    "lpips-vgg": lpips(result.image, _photo(pair, result.image)),
                    "loss": losses["total"],
                    "content_loss": losses["content"],
                    "style_loss": losses["style"],
                    "evaluations": len(history),
                    "seconds": history[-1]["seconds"],
                }
                rows.append(row)
        measured = ["loss", "content_loss", "style_loss", "evaluations", "seconds"]
        return pd.DataFrame(rows, columns=["candidate", "pair", *JUDGED, *measured])

    @property
    def means(self) -> pd.DataFrame:
        """The judge's two numbers of each candidate, as means over the pairs that all have."""
        complete = self.table.groupby("pair").filter(lambda rows: len(rows) == len(self.names))
        return complete.groupby("candidate")[JUDGED].mean().reindex(self.names)

    def sheet(
        self,
        names: Sequence[str] | None = None,
        *,
        pairs: Sequence[Pair] | None = None,
        sources: bool = True,
        numbers: Sequence[str] = ("style distance", "lpips-vgg"),
        width: float = 12.0,
    ) -> Figure:
        """A row for each pair: photograph above painting, then the candidates' pictures.

        Below it stands what all of the comparison's pictures have in common.

        Args:
            names: of the candidates that are shown; all by default.
            pairs: that are shown; all by default.
            sources: the photograph and the painting; leave out what may not be passed on.
            numbers: columns of the table that are written below each picture.
            width: of the sheet in inches.

        Raises:
            InputError: the judge's networks are not here.
        """
        names, pairs = list(names or self.names), list(pairs or self.pairs)
        pictures = [[self._image(name, pair) for name in names] for pair in pairs]
        notes = [[self._note(name, pair, numbers) for name in names] for pair in pairs]
        beside = [self._sources(pair) for pair in pairs] if sources else ()
        options: Any = {"sources": beside, "footer": self.caption, "width": width}
        return panels(pictures, columns=names, notes=notes if numbers else (), **options)

    def _image(self, name: str, pair: Pair) -> np.ndarray | None:
        result = self._results.get((name, pair))
        return None if result is None else result.image

    def _sources(self, pair: Pair) -> list[tuple[str, np.ndarray]]:
        """What was used of photograph and painting, with titles, and the painter's name."""
        used = [result.record["settings"] for result in self._results.values()]
        sources = []
        for name, kind in zip(pair, ("content_layers", "style_layers"), strict=True):
            if any(settings[kind] for settings in used):
                picture = datasets.locate(name)
                painter = picture.author if kind == "style_layers" else ""
                title = "\n".join(filter(None, (picture.title or picture.name, painter)))
                sources.append((title, picture.load(size=384)))
        return sources

    def _note(self, name: str, pair: Pair, numbers: Sequence[str]) -> str:
        if not numbers or (name, pair) not in self._results:
            return ""
        table = self.table
        row = table[(table["candidate"] == name) & (table["pair"] == " × ".join(pair))].iloc[0]
        return " · ".join(f"{SHORT.get(column, column)} {row[column]:.2f}" for column in numbers)


def _photo(pair: Pair, image: np.ndarray) -> np.ndarray:
    return datasets.load_image(pair[0], size=max(image.shape))


def _style_distances(pair: Pair, images: Sequence[np.ndarray]) -> list[float]:
    """Of pictures of one or several sizes: those of a size are judged together."""
    distances: dict[int, float] = {}
    for size in {max(image.shape) for image in images}:
        photo, painting = (datasets.load_image(source, size=size) for source in pair)
        alike = [i for i, image in enumerate(images) if max(image.shape) == size]
        judged = style_distances([images[i] for i in alike], painting, photo)
        distances |= dict(zip(alike, judged, strict=True))
    return [distances[i] for i in range(len(images))]
