"""What is kept of a training as it goes: checkpoints, losses, samples, and the generators at its milestones."""

import functools
import io
import json
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..errors import InputError
from ..pictures.files import atomic_path
from ..pictures.images import fit, resize, save_image
from .data import NAMED, Data
from .generators import write_generator
from .training import Training, TrainingStep

if TYPE_CHECKING:
    from .._tensorflow import keras

__all__ = [
    "CHECKPOINT",
    "LOSSES",
    "RECORD",
    "UNDER_WAY",
    "Keeper",
    "Progress",
    "milestones",
    "snapshot",
    "write_json",
]

log = logging.getLogger("styletransfer")

CHECKPOINT, RECORD, LOSSES = "checkpoint.npz", "record.json", "losses.csv"

UNDER_WAY = (
    "under way"  # what a record says until the training has ended, or for good if it was killed
)

SAVED_EVERY = 180.0  # seconds between two checkpoints
SHOWN_EVERY = 120.0  # seconds between two sheets of samples

SAMPLES = 4  # pictures on a sheet of samples
SAMPLE_SIZE = 256  # long side in pixels of each

MEANS = 50  # steps that a line of the losses' table is the mean of


def snapshot(name: str, step: int) -> str:
    """The file of the generator `name` as it was after so many steps, in the folder of its training."""
    return f"snapshots/{name}-{step:07d}.npz"


def milestones(steps: int) -> list[int]:
    """1, 2 and 5 times the powers of ten from 50 on, the last step, and three quarters and seven eighths of the way.

    By these two the learning rate has fallen to a half and a quarter (see `constant` of the settings); with the last
    step they tell whether a training was still getting better when it ended.
    """
    series = {factor * 10**power for power in range(1, 9) for factor in (1, 2, 5)} | {
        3 * steps // 4,
        7 * steps // 8,
    }
    return [*sorted(step for step in series if 50 <= step < steps), steps]


def write_json(path: Path, facts: dict[str, Any]) -> None:
    """Write a record, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


class Progress:
    """A progress bar on standard error, with the time left."""

    def __init__(self) -> None:
        """The bar appears with the first step."""
        self._bar: tqdm | None = None

    def __call__(self, training: Training, step: TrainingStep) -> None:
        """Move the bar."""
        if self._bar is None:
            style = "{percentage:3.0f}% |{bar:30}| {n_fmt} of {total_fmt} steps, {elapsed} < {remaining} left{postfix}"
            self._bar = tqdm(
                total=training.settings.steps,
                initial=step.step - 1,
                bar_format=style,
                mininterval=0.5,
            )
        self._bar.set_postfix_str(
            ", ".join(f"{k} {v:.3g}" for k, v in step.losses.items()), refresh=False
        )
        self._bar.update()

    def close(self, training: Training) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


class Keeper:
    """Writes checkpoints, losses, samples and snapshots into a folder.

    A checkpoint that cannot be written (the disk is full) is reported, the one before it is kept, and the next is tried
    when it is due: hours of training must not end for it.

    Args:
        folder: with "samples" and "snapshots" in it.
    """

    def __init__(self, folder: Path) -> None:
        """Nothing is written before the first step."""
        self._folder = folder
        self._saved = self._shown = time.monotonic()
        self._samples_of: dict[str, list[np.ndarray]] | None = None  # by generator, decoded once

    def __repr__(self) -> str:
        return "what is kept of the training"

    def __call__(self, training: Training, step: TrainingStep) -> None:
        """Write what is due."""
        now = time.monotonic()
        if milestone := step.step in milestones(training.settings.steps):
            self._attempt("the generators", functools.partial(self._snapshots, training))
        if milestone or step.step == 1 or now - self._shown > SHOWN_EVERY:
            self._shown = now
            self._attempt(
                "the samples", functools.partial(self._samples, training, milestone=milestone)
            )
            self._attempt("the losses", functools.partial(self._losses, training))
        if now - self._saved > SAVED_EVERY:
            self._saved = now
            self._save(training)

    def close(self, training: Training) -> None:
        """Write what the training ends with."""
        if training.step and not training.broken:
            self._save(training)

    def _save(self, training: Training) -> None:
        self._attempt("the checkpoint", lambda: training.save(self._folder / CHECKPOINT))
        self._attempt(
            "the record",
            lambda: write_json(self._folder / RECORD, training.record(stopped=UNDER_WAY)),
        )

    def _attempt(self, what: str, write: Callable[[], None]) -> None:
        try:
            write()
        except Exception as error:  # whatever it is: what follows is still to be kept
            reason = getattr(error, "strerror", None) or error
            log.warning(
                "%s could not be written (%s); what was there is kept", what.capitalize(), reason
            )

    def _snapshots(self, training: Training) -> None:
        record = training.record(
            stopped=UNDER_WAY if training.step < training.settings.steps else None
        )
        for name, network in training.generators.items():
            write_generator(self._folder / snapshot(name, training.step), network, record)

    def _samples(self, training: Training, *, milestone: bool) -> None:
        if self._samples_of is None:
            self._samples_of = {
                name: _to_translate(training.data, name) for name in training.generators
            }
        sheet = _sheet(training.generators, self._samples_of)
        save_image(sheet, self._folder / "samples" / "latest.jpg")
        if milestone:
            save_image(sheet, self._folder / "samples" / f"{training.step:07d}.jpg")

    def _losses(self, training: Training) -> None:
        history = pd.DataFrame(training.history)
        history.index = pd.Index(range(1, len(history) + 1), name="step")
        means = history.groupby((history.index - 1) // MEANS).mean()
        means.index = pd.Index(np.minimum((means.index + 1) * MEANS, len(history)), name="step")
        text = io.StringIO()
        means.to_csv(text, float_format="%.6g")
        with atomic_path(self._folder / LOSSES) as temporary:
            temporary.write_text(text.getvalue(), encoding="utf-8")


def _to_translate(data: Data, generator: str) -> list[np.ndarray]:
    """Hold-out pictures of a generator's side, or training pictures where there is none, cut square."""
    side, known = ("B", data.b) if generator == "BtoA" else ("A", data.a)
    pictures, broken = [], []
    for name, picture in data.hold_out[side].items():
        try:
            pictures.append(picture.load(size=SAMPLE_SIZE))
        except (InputError, OSError):
            broken.append(name)
        if len(pictures) == SAMPLES:
            break
    if broken:
        names = ", ".join(broken[:NAMED]) + (
            f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
        )
        log.warning(
            "%d hold-out picture(s) of side %s cannot be read and are left out: %s.",
            len(broken),
            side,
            names,
        )
    pictures = pictures or [
        resize(each / np.float32(255), fit(each.shape, SAMPLE_SIZE))
        for each in known.pictures[:SAMPLES]
    ]
    return [_square(picture) for picture in pictures]


def _sheet(
    generators: "Mapping[str, keras.Model]", samples: Mapping[str, list[np.ndarray]]
) -> np.ndarray:
    """Pictures above their translations, photographs first."""
    rows = []
    for name in sorted(generators, reverse=True):
        made = [
            np.asarray(generators[name](square[None] * 2 - 1))[0] / 2 + 0.5
            for square in samples[name]
        ]
        rows += [np.concatenate(samples[name], 1), np.concatenate(made, 1)]
    width = max(row.shape[1] for row in rows)
    return np.clip(
        np.concatenate([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows]), 0, 1
    )


def _square(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, three quarters of `SAMPLE_SIZE` high and wide."""
    side = SAMPLE_SIZE * 3 // 4
    picture = resize(picture, tuple(max(side, n) for n in picture.shape[:2]))
    top, left = ((n - side) // 2 for n in picture.shape[:2])
    return picture[top : top + side, left : left + side]
