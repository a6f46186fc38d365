"""What a training writes as it goes: checkpoints, losses, samples, and generators at milestones."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..errors import InputError, first_few
from ..pictures.files import atomic_path
from ..pictures.images import resize, save_image
from .data import Data
from .generators import write_generator
from .record import CHECKPOINT, LOSSES, UNDER_WAY, snapshot, write_record
from .training import Training, TrainingStep

if TYPE_CHECKING:
    from .._tensorflow import keras

log = logging.getLogger("styletransfer")

SAVED_EVERY = 180.0  # seconds between two checkpoints
SHOWN_EVERY = 120.0  # seconds between two sheets of samples

SAMPLES = 4  # pictures of a side on a sheet of samples
SAMPLE_SIDE = 192  # their sides in pixels

MEANS = 50  # steps that a line of the losses' table is the mean of


def milestones(steps: int) -> list[int]:
    """1, 2 and 5 times the powers of ten from 50 on, and 3/4, 7/8 and the whole of the way.

    By the two fractions the learning rate has fallen to a half and a quarter (see `constant` of the
    settings); with the last step they tell whether a training was still getting better at its end.
    """
    series = {factor * 10**power for power in range(1, 9) for factor in (1, 2, 5)}
    series |= {3 * steps // 4, 7 * steps // 8}
    return [*sorted(step for step in series if 50 <= step < steps), steps]


class Progress:
    """A progress bar on standard error, with the time left."""

    _bar: tqdm | None = None  # it comes with the first step: before, there may be a refusal

    def __call__(self, training: Training, step: TrainingStep) -> None:
        """Move the bar."""
        if self._bar is None:
            style = (
                "{percentage:3.0f}% |{bar:30}| {n_fmt} of {total_fmt} steps, "
                "{elapsed} < {remaining} left{postfix}"
            )
            begun, steps = step.step - 1, training.settings.steps
            self._bar = tqdm(total=steps, initial=begun, bar_format=style, mininterval=0.5)
        losses = ", ".join(f"{name} {loss:.3g}" for name, loss in step.losses.items())
        self._bar.set_postfix_str(losses, refresh=False)
        self._bar.update()

    def close(self, training: Training) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


class Checkpoint:
    """Writes checkpoints, losses, samples and snapshots into the folder of a training.

    A checkpoint that cannot be written (the disk is full) is reported, the one before it stays, and
    the next is tried when it is due: hours of training must not end for it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved = self._shown = time.monotonic()
        self._originals: dict[str, list[np.ndarray]] = {}  # by generator, decoded once

    def __call__(self, training: Training, step: TrainingStep) -> None:
        """Write what is due."""
        now = time.monotonic()
        if milestone := step.step in milestones(training.settings.steps or 0):
            self._attempt("the generators", self._snapshots, training)
        if milestone or step.step == 1 or now - self._shown > SHOWN_EVERY:
            self._shown = now
            names = ["latest", f"{step.step:07d}"] if milestone else ["latest"]
            self._attempt("the samples", self._samples, training, names)
            self._attempt("the losses", self._losses, training)
        if now - self._saved > SAVED_EVERY:
            self._saved = now
            self.close(training)

    def close(self, training: Training) -> None:
        """Write checkpoint and record, if there is anything to go on from."""
        if training.step and not training.broken:
            record = training.record(stopped=UNDER_WAY)
            self._attempt("the checkpoint", training.save, self._folder / CHECKPOINT)
            self._attempt("the record", write_record, self._folder, record)

    def _attempt(self, what: str, write: Callable[..., None], *given: object) -> None:
        try:
            write(*given)
        except Exception as error:  # whatever it is: what follows is still to be written
            reason = getattr(error, "strerror", None) or error
            said = "%s could not be written (%s); what was there stays"
            log.warning(said, what.capitalize(), reason)
            log.debug("How it failed:", exc_info=True)

    def _snapshots(self, training: Training) -> None:
        done = training.step >= (training.settings.steps or 0)
        record = training.record(stopped=None if done else UNDER_WAY)
        for name, network in training.generators.items():
            write_generator(self._folder / snapshot(name, training.step), network, record)

    def _samples(self, training: Training, names: list[str]) -> None:
        if not self._originals:
            sides = {"AtoB": "A", "BtoA": "B"}
            self._originals = {g: _originals(training.data, sides[g]) for g in training.generators}
        sheet = _sheet(training.generators, self._originals)
        for name in names:
            save_image(sheet, self._folder / "samples" / f"{name}.jpg")

    def _losses(self, training: Training) -> None:
        history = pd.DataFrame(training.history)
        last = pd.Index(np.minimum((history.index // MEANS + 1) * MEANS, len(history)), name="step")
        with atomic_path(self._folder / LOSSES) as temporary:
            history.groupby(last).mean().to_csv(temporary, float_format="%.6g")


def _originals(data: Data, side: str) -> list[np.ndarray]:
    """Hold-out pictures of a side, else training pictures, cut square."""
    pictures, broken = [], []
    for name, picture in data.hold_out[side].items():
        try:
            pictures.append(picture.load())
        except (InputError, OSError):
            log.debug("A hold-out picture cannot be read.", exc_info=True)
            broken.append(name)
        if len(pictures) == SAMPLES:
            break
    if broken:
        said = "%d hold-out picture(s) of side %s cannot be read and are left out: %s."
        log.warning(said, len(broken), side, first_few(broken, ", "))
    if not pictures:
        known = data.a if side == "A" else data.b
        pictures = [picture / np.float32(255) for picture in known.pictures[:SAMPLES]]
    return [_square(picture) for picture in pictures]


def _sheet(
    generators: "Mapping[str, keras.Model]", originals: Mapping[str, list[np.ndarray]]
) -> np.ndarray:
    """Pictures above their translations, photographs first."""
    rows = []
    for name in sorted(generators, reverse=True):
        made = [np.asarray(generators[name](p[None] * 2 - 1))[0] / 2 + 0.5 for p in originals[name]]
        rows += [np.concatenate(originals[name], 1), np.concatenate(made, 1)]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows]
    return np.clip(np.concatenate(padded), 0, 1)


def _square(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, `SAMPLE_SIDE` high and wide."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(picture[top : top + side, left : left + side], (SAMPLE_SIDE, SAMPLE_SIDE))
