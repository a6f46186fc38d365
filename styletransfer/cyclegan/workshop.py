"""A training in a folder: what it writes as it goes, and going on where it stopped."""

import dataclasses
import functools
import io
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..errors import InputError
from ..images import atomic_path, fit, resize, save_image
from ..options import build
from .data import Data, open_data
from .generators import Generator, write_generator
from .training import KINDS, Training, TrainingStep, recorded_settings

if TYPE_CHECKING:
    from .._tensorflow import keras, tf

__all__ = ["Trained", "milestones", "train"]

log = logging.getLogger("styletransfer")

CHECKPOINT, RECORD, LOSSES = "checkpoint.npz", "record.json", "losses.csv"

UNDER_WAY = "under way"  # what a record says until the training has ended, or for good if it was killed

SAVED_EVERY = 180.0  # seconds between two checkpoints
SHOWN_EVERY = 120.0  # seconds between two sheets of samples

SAMPLES = 4  # pictures on a sheet of samples
SAMPLE_SIZE = 256  # long side in pixels of each

MEANS = 50  # steps that a line of the losses' table is the mean of


@dataclass(frozen=True)
class Trained:
    """What a training left in its folder.

    Attributes:
        folder: where it is.
        record: how the generators were made.
    """

    folder: Path
    record: dict[str, Any]

    def generator(self, name: str = "BtoA", *, step: int | None = None) -> Generator:
        """A generator.

        Args:
            name: "BtoA" makes paintings of photographs, "AtoB" the other way round.
            step: as it was after so many steps, one of `steps`; by default as it is now.

        Raises:
            FileNotFoundError: there is none.
        """
        return Generator(self.folder / (f"{name}.npz" if step is None else _snapshot(name, step)))

    @property
    def steps(self) -> list[int]:
        """The steps after which the generators were kept."""
        return sorted({int(path.stem.partition("-")[2]) for path in self.folder.glob("snapshots/*.npz")})

    @property
    def losses(self) -> pd.DataFrame:
        """Each loss without its weight, the mean of every `MEANS` steps, by the last of them."""
        return pd.read_csv(self.folder / LOSSES, index_col="step")

    def __repr__(self) -> str:
        record = self.record
        return (
            f"<Trained: {record['kind']}, {record['step']} of {record['settings']['steps']} steps, {self.folder.name}>"
        )


def _snapshot(name: str, step: int) -> str:
    return f"snapshots/{name}-{step:07d}.npz"


def milestones(steps: int) -> list[int]:
    """1, 2 and 5 times the powers of ten from 50 to the last step, which is one, too."""
    series = (factor * 10**power for power in range(1, 9) for factor in (1, 2, 5))
    return [*(step for step in series if 50 <= step < steps), steps]


def train(
    folder: str | os.PathLike,
    *,
    kind: str = "cycle",
    data: str | os.PathLike | Data = "bundled",
    until: int | None = None,
    listeners: Sequence[Callable] = (),
    progress: bool = True,
    strategy: "tf.distribute.Strategy | None" = None,
    **settings: Any,
) -> Trained:
    """Train generators in a folder, or go on with what is there.

    The folder gets a checkpoint every three minutes, the losses (losses.csv), sheets of translated hold-out pictures
    (samples/), the generators as they were at `milestones` (snapshots/) and as they are (AtoB.npz, BtoA.npz), and the
    record (record.json). A training that was interrupted or killed goes on with its next call; one that is done
    is returned at once.

    Args:
        folder: is made where it does not exist.
        kind: "cycle" (CycleGAN) or "adapted" (the proposal's objective with an adversarial term).
        data: "bundled", a folder with trainA and trainB, or what `open_data` gave.
        until: stop after this step of the whole training.
        listeners: called with the training and the step after every step.
        progress: show a progress bar with the time left.
        strategy: see `Training`.
        settings: of `CycleSettings` or `AdaptedSettings`. Of a training that is there only `steps` may change.

    Raises:
        InputError: a setting or data that cannot be used, or others than those of the training that is there.
        NonFiniteError: a loss is not finite; the last checkpoint is kept.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; there are: {', '.join(KINDS)}")
    wanted, folder = build(KINDS[kind], settings), Path(folder)
    if (done := _done(folder, kind, wanted, until)) is not None:
        return done
    try:
        for part in ("samples", "snapshots"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}); choose another folder") from None
    options = {"short_side": wanted.short_side, "least": wanted.size // 2, "progress": progress}
    data = data if isinstance(data, Data) else open_data(data, **options)
    checkpoint = folder / CHECKPOINT
    if checkpoint.exists():
        _check_same(folder, kind, wanted)
        training = Training.load(checkpoint, steps=wanted.steps, data=data, strategy=strategy)
    else:
        training = Training(data, wanted, strategy=strategy)
    watching = [Progress(), *listeners] if progress else listeners
    record = training.finish([*watching, Keeper(folder)], until=until)
    for name, network in training.generators.items():
        write_generator(folder / f"{name}.npz", network, record)
    _write_json(folder / RECORD, record)
    return Trained(folder, record)


def _recorded(folder: Path) -> dict[str, Any] | None:
    try:
        return json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / RECORD} is not the record of a training ({error})") from None


def _done(folder: Path, kind: str, wanted: Any, until: int | None) -> Trained | None:
    """The training that is there, where it is as long as it should be."""
    record = _recorded(folder)
    if record is None:
        return None
    _check_same(folder, kind, wanted)
    if record["stopped"] == UNDER_WAY:
        return None
    goal = wanted.steps or record["settings"]["steps"]
    reached = record["step"] >= (goal if until is None else min(until, goal))
    return Trained(folder, record) if reached and goal == record["settings"]["steps"] else None


def _check_same(folder: Path, kind: str, wanted: Any) -> None:
    """Refuse to go on with other settings than those of the record.

    Raises:
        InputError: they differ, or they are of another kind of training.
    """
    record = _recorded(folder)
    if record is None:
        return
    if record["kind"] != kind:
        raise InputError(f"{folder} holds a training of the kind {record['kind']!r}; choose another folder")
    before = recorded_settings(record)
    for name, value in dataclasses.asdict(wanted).items():
        there = getattr(before, name)
        if name not in ("steps", "precision") and value != there:
            raise InputError(f"{folder} holds a training with {name} = {there}, not {value}; choose another folder")


def _write_json(path: Path, facts: dict[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


class Progress:
    """A progress bar on standard error, with the time left."""

    def __init__(self) -> None:
        """The bar appears with the first step."""
        self._bar: tqdm | None = None

    def __call__(self, training: Training, step: TrainingStep) -> None:
        """Move the bar."""
        if self._bar is None:
            style = "{percentage:3.0f}% |{bar:30}| {n_fmt} of {total_fmt} steps, {elapsed} < {remaining} left{postfix}"
            self._bar = tqdm(total=training.settings.steps, initial=step.step - 1, bar_format=style, mininterval=0.5)
        self._bar.set_postfix_str(", ".join(f"{k} {v:.3g}" for k, v in step.losses.items()), refresh=False)
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
            self._attempt("the samples", functools.partial(self._samples, training, milestone=milestone))
        if now - self._saved > SAVED_EVERY:
            self._saved = now
            self._save(training)

    def close(self, training: Training) -> None:
        """Write what the training ends with."""
        if training.step and not training.broken:
            self._save(training)

    def _save(self, training: Training) -> None:
        self._attempt("the checkpoint", lambda: training.save(self._folder / CHECKPOINT))
        self._attempt("the record", lambda: _write_json(self._folder / RECORD, training.record(stopped=UNDER_WAY)))

    def _attempt(self, what: str, write: Callable[[], None]) -> None:
        try:
            write()
        except (OSError, InputError) as error:
            reason = getattr(error, "strerror", None) or error
            log.warning("%s could not be written (%s); what was there is kept", what.capitalize(), reason)

    def _snapshots(self, training: Training) -> None:
        record = training.record(stopped=UNDER_WAY if training.step < training.settings.steps else None)
        for name, network in training.generators.items():
            write_generator(self._folder / _snapshot(name, training.step), network, record)

    def _samples(self, training: Training, *, milestone: bool) -> None:
        if self._samples_of is None:
            self._samples_of = {name: _to_translate(training.data, name) for name in training.generators}
        sheet = _sheet(training.generators, self._samples_of)
        save_image(sheet, self._folder / "samples" / "latest.jpg")
        if milestone:
            save_image(sheet, self._folder / "samples" / f"{training.step:07d}.jpg")
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
    pictures = [each.load(size=SAMPLE_SIZE) for each in list(data.hold_out[side].values())[:SAMPLES]] or [
        resize(each / np.float32(255), fit(each.shape, SAMPLE_SIZE)) for each in known.pictures[:SAMPLES]
    ]
    return [_square(picture) for picture in pictures]


def _sheet(generators: "Mapping[str, keras.Model]", samples: Mapping[str, list[np.ndarray]]) -> np.ndarray:
    """Pictures above their translations, photographs first."""
    rows = []
    for name in sorted(generators, reverse=True):
        made = [np.asarray(generators[name](square[None] * 2 - 1))[0] / 2 + 0.5 for square in samples[name]]
        rows += [np.concatenate(samples[name], 1), np.concatenate(made, 1)]
    width = max(row.shape[1] for row in rows)
    return np.clip(np.concatenate([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows]), 0, 1)


def _square(picture: np.ndarray) -> np.ndarray:
    """The middle of a picture, three quarters of `SAMPLE_SIZE` high and wide."""
    side = SAMPLE_SIZE * 3 // 4
    picture = resize(picture, tuple(max(side, n) for n in picture.shape[:2]))
    top, left = ((n - side) // 2 for n in picture.shape[:2])
    return picture[top : top + side, left : left + side]
