"""A run on disk: all that is needed to go on with it, in one .npz file."""

import dataclasses
import itertools
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..pictures.images import as_picture
from ..pictures.sources import Collection, Source, described
from ..settings import recorded_settings
from .plan import Stage
from .request import Job
from .states import read_state, write_state

__all__ = ["Saved"]


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a file holds of a run.

    Attributes:
        job: the pictures, and the settings with every one decided.
        plan: the stages, as the machine decided that the run began on.
        weights: SHA-256 of the network's weights.
        asked: what a record says of the weights that were asked for.
        arrays, position: see `Position.packed`.
    """

    job: Job
    plan: tuple[Stage, ...]
    weights: str
    asked: dict[str, str]
    arrays: dict[str, np.ndarray]
    position: dict[str, Any]

    def write(self, path: str | os.PathLike) -> None:
        """Write the file, whole or not at all.

        Raises:
            InputError: the place cannot be written.
        """
        sources = {"content": self.job.content, "style": self.job.style, "start": self.job.start}
        pictures = {
            _array(name, number): member.compact
            for name, source in sources.items()
            for number, member in enumerate(source.members if source else ())
        }
        facts = {
            "settings": dataclasses.asdict(self.job.settings),
            "about": {name: sources[name].about for name in ("content", "style")},
            "start": self.job.start.about if self.job.start else None,
            "weights": self.weights,
            "asked": self.asked,
            "plan": [dataclasses.asdict(stage) for stage in self.plan],
            "position": self.position,
        }
        write_state(path, {**self.arrays, **pictures}, facts)

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Saved":
        """What `write` wrote.

        Raises:
            FileNotFoundError: no such file.
            InputError: the file is damaged, or no .npz file.
            KeyError, TypeError: it is another .npz file.
        """
        arrays, facts = read_state(path)

        def source(name: str, about: dict[str, Any]) -> Source | Collection:
            numbers = itertools.count()
            return described(
                about,
                lambda each: Source(as_picture(arrays.pop(_array(name, next(numbers)))), each),
            )

        content, style = (source(name, facts["about"][name]) for name in ("content", "style"))
        start = source("start", facts["start"]) if facts["start"] else None
        return cls(
            job=Job(content, style, recorded_settings(facts["settings"]), start),
            plan=tuple(Stage(**stage) for stage in facts["plan"]),
            **{name: facts[name] for name in ("weights", "asked", "position")},
            arrays=arrays,
        )


def _array(name: str, number: int) -> str:
    """What the array of a source's picture is called."""
    return f"{name}-{number}" if number else name
