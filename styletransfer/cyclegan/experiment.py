"""A training in a folder: begun, gone on with where it stopped, and what it leaves."""

import contextlib
import dataclasses
import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .._tensorflow import keras, tf
from ..errors import InputError
from ..options import build, check_number
from ..runs.checkpoint import read_state
from .checkpoint import Checkpoint, Progress
from .data import Data, data_for, difference, source_name
from .generators import Generator, write_average, write_generator
from .networks import discriminator
from .record import (
    CHECKPOINT,
    LOSSES,
    RECORD,
    UNDER_WAY,
    check_record,
    read_record,
    snapshot,
    write_record,
)
from .settings import KINDS, TrainingSettings
from .training import Training

__all__ = ["Trained", "train"]

log = logging.getLogger("styletransfer")

PARTS = ("samples", "snapshots")  # folders in the folder of a training

TEMPORARY = re.compile(
    r"\.(checkpoint|record|losses|latest|\d{7}|[AB]to[AB](-\d{7}|-mean)?)-[-\w]+\."
    r"(npz|json|csv|jpg)"
)
"""Names of the files that were being written when a training was killed."""


@dataclass(frozen=True)
class Trained:
    """What a training left in its folder, and the record of how the generators were made."""

    folder: Path
    record: dict[str, Any]

    def generator(self, name: str = "BtoA", *, step: int | None = None) -> Generator:
        """A generator, as it was after a `step` of `steps`; by default as it is now.

        "BtoA" makes paintings of photographs, "AtoB" the other way round.

        Raises:
            FileNotFoundError: there is none.
        """
        return Generator(self.folder / (f"{name}.npz" if step is None else snapshot(name, step)))

    def average(self, name: str = "BtoA", *, steps: Sequence[int]) -> Generator:
        """The generator with the mean weights after several steps (`write_average`), in a file.

        Raises:
            FileNotFoundError: there is no generator of one of them.
            InputError: no step is given.
        """
        path = self.folder / f"{name}-mean.npz"
        write_average(path, [self.folder / snapshot(name, step) for step in steps])
        return Generator(path)

    def discriminator(self, name: str = "critic_A") -> keras.Model:
        """A discriminator as the checkpoint has it, a model as of `networks.discriminator`.

        "critic_A" knows paintings, "critic_B" photographs; `objectives.asked` shows what it wants.

        Raises:
            FileNotFoundError: there is no checkpoint.
            InputError: the training has no such discriminator.
        """
        arrays, facts = read_state(self.folder / CHECKPOINT, what="the checkpoint of a training")
        settings = check_record(facts)
        if not name.startswith("critic_") or f"{name}/0" not in arrays:
            raise InputError(f"the training in {self.folder} has no discriminator {name!r}")
        network = discriminator(filters=settings.critic_filters, halving=settings.halving)
        network.set_weights([arrays[f"{name}/{i}"] for i in range(len(network.weights))])
        return network

    @property
    def steps(self) -> list[int]:
        """The steps after which there are snapshots of the generators."""
        names = [path.stem for path in self.folder.glob("snapshots/*.npz")]
        matches = [re.fullmatch(r"[AB]to[AB]-(\d+)", name) for name in names]
        return sorted({int(match[1]) for match in matches if match})

    @property
    def losses(self) -> pd.DataFrame:
        """The losses without their weights, means of every `MEANS` steps, by the last of them."""
        return pd.read_csv(self.folder / LOSSES, index_col="step")

    def __repr__(self) -> str:
        record, steps = self.record, self.record["settings"]["steps"]
        return f"<Trained: {record['kind']}, {record['step']} of {steps} steps, {self.folder.name}>"


def train(
    folder: str | os.PathLike,
    *,
    kind: str = "cycle",
    data: str | os.PathLike | Sequence[str | os.PathLike] | Data = "bundled",
    until: int | None = None,
    callbacks: Sequence[Callable] = (),
    progress: bool = True,
    strategy: tf.distribute.Strategy | None = None,
    start: str | os.PathLike | None = None,
    **settings: Any,
) -> Trained:
    """Train generators in a folder, or go on with what is there.

    The folder gets the record (record.json), a checkpoint every three minutes, the losses
    (losses.csv), sheets of translated hold-out pictures (samples/), and the generators as they were
    at `milestones` (snapshots/) and as they are (AtoB.npz, BtoA.npz). A training that was
    interrupted or killed goes on with its next call; one that is done is returned at once, and if
    its pictures have changed since, the log says so.

    Args:
        folder: is made where it does not exist, after everything is checked.
        kind: "cycle" (CycleGAN) or "adapted" (the proposal's objective with an adversarial term).
        data: as `open_data` takes it, or what it gave.
        until: stop after this step of the whole training.
        callbacks: called with the training and the step after every step.
        progress: show a progress bar with the time left.
        strategy: see `Training`.
        start: the file, or the name, of a generator whose weights the painting generator begins
            with; it needs the same network.
        settings: of `CycleSettings` or `AdaptedSettings`. Of a training that is there only `steps`
            may change, to as many as are made or more.

    Raises:
        InputError: a setting or data that cannot be used, or others than those of the training that
            is there.
        NonFiniteError: a loss or a weight is not finite; the last checkpoint stays.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; there are: {', '.join(KINDS)}")
    if until is not None:
        check_number("until", until, whole=True, low=1)
    wanted, folder = build(KINDS[kind], settings), Path(folder)
    new = not os.path.exists(folder)
    before = read_record(folder)
    first = None if start is None else Generator(start)
    if before is not None:
        _check_same(folder, before, wanted)
        if first is not None and first.sha256 != (before.get("start") or {}).get("sha256"):
            raise InputError(f"{folder} holds a training that began otherwise; choose another")
        if _done(before, data, wanted.steps, until):
            now = data.about if isinstance(data, Data) else None
            if changed := difference(before["data"], now):
                log.warning("The training in %s is done; since then, %s.", folder, changed)
            return Trained(folder, before)
    _check_place(folder)
    data = data_for(data, wanted, progress=progress)
    checkpoint = folder / CHECKPOINT
    if os.path.exists(checkpoint):
        training = Training.load(checkpoint, steps=wanted.steps, data=data, strategy=strategy)
    else:
        if before is not None and (changed := difference(before["data"], data.about)):
            raise InputError(f"the training in {folder} cannot be gone on with: {changed}")
        training = Training(data, wanted, strategy=strategy, start=first)
    _make(folder)
    # The record comes first: it tells a later call what was begun, wherever this one is killed.
    write_record(folder, training.record(stopped=UNDER_WAY))
    try:
        watching = [Progress(), *callbacks] if progress else callbacks
        record = training.finish([*watching, Checkpoint(folder)], until=until)
    finally:
        if not training.step and before is None:  # nothing is left of what has not made a step
            (folder / RECORD).unlink(missing_ok=True)
            for path in [folder / part for part in PARTS] + [folder] * new:
                with contextlib.suppress(OSError):  # it is not empty
                    path.rmdir()
    for name, network in training.generators.items():
        write_generator(folder / f"{name}.npz", network, record)
    write_record(folder, record)
    return Trained(folder, record)


def _check_place(folder: Path) -> None:
    """Refuse a folder that cannot be made or written, before anything is read."""
    nearest = next(p for p in (folder.absolute(), *folder.absolute().parents) if os.path.exists(p))
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        reason = "it may not be written" if os.path.isdir(nearest) else "it is no folder"
        raise InputError(f"{folder} cannot be made or used: {nearest}: {reason}; choose another")


def _make(folder: Path) -> None:
    """Make the folders, and clear what a killed training was writing."""
    try:
        for part in PARTS:
            (folder / part).mkdir(parents=True, exist_ok=True)
        for place in (folder, *(folder / part for part in PARTS)):
            for path in place.glob(".*"):
                if TEMPORARY.fullmatch(path.name):
                    path.unlink()
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}); choose another") from None


def _check_same(folder: Path, record: dict[str, Any], wanted: TrainingSettings) -> None:
    """Refuse to go on with another kind of training, or with other settings than the record's."""
    said = f"{folder} holds a training"
    if record["kind"] != wanted.kind:
        raise InputError(f"{said} of the kind {record['kind']!r}; choose another folder")
    before = check_record(record)
    for name, value in dataclasses.asdict(wanted).items():
        there = getattr(before, name)
        if value != there and name != "steps" and (name, value) != ("precision", "auto"):
            raise InputError(f"{said} with {name} = {there}, not {value}; choose another folder")


def _done(record: dict[str, Any], data: Any, steps: int | None, until: int | None) -> bool:
    """Whether the training that is there, on the same source, is as long as it should be."""
    source = data.source if isinstance(data, Data) else source_name(data)
    if record["stopped"] == UNDER_WAY or source != record["data"]["source"]:
        return False
    planned = record["settings"]["steps"]
    goal = steps or planned
    return goal == planned and record["step"] >= (goal if until is None else min(until, goal))
