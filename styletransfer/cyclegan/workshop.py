"""A training in a folder: what it writes as it goes, and going on where it stopped."""

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..errors import InputError
from ..options import build
from ..runs.states import read_state
from .data import Data, named, open_data
from .generators import Generator, write_average, write_generator
from .keeping import CHECKPOINT, LOSSES, RECORD, UNDER_WAY, Keeper, Progress, snapshot, write_json
from .settings import TrainingSettings
from .training import KINDS, Training, recorded_settings

if TYPE_CHECKING:
    from .._tensorflow import tf

__all__ = ["Trained", "train"]


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
        return Generator(self.folder / (f"{name}.npz" if step is None else snapshot(name, step)))

    def average(self, name: str = "BtoA", *, steps: Sequence[int]) -> Generator:
        """The generator with the mean weights of those after several steps (see `write_average`), in a file of its own.

        Raises:
            FileNotFoundError: one of them was not kept.
            InputError: no step is given.
        """
        path = self.folder / f"{name}-mean.npz"
        write_average(path, [self.folder / snapshot(name, step) for step in steps])
        return Generator(path)

    @property
    def steps(self) -> list[int]:
        """The steps after which the generators were kept."""
        return sorted(
            {int(path.stem.partition("-")[2]) for path in self.folder.glob("snapshots/*.npz")}
        )

    @property
    def losses(self) -> pd.DataFrame:
        """Each loss without its weight, the mean of every `MEANS` steps, by the last of them."""
        return pd.read_csv(self.folder / LOSSES, index_col="step")

    def __repr__(self) -> str:
        record = self.record
        return f"<Trained: {record['kind']}, {record['step']} of {record['settings']['steps']} steps, {self.folder.name}>"


def train(
    folder: str | os.PathLike,
    *,
    kind: str = "cycle",
    data: str | os.PathLike | Sequence[str | os.PathLike] | Data = "bundled",
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
        data: as `open_data` takes it, or what it gave.
        until: stop after this step of the whole training.
        listeners: called with the training and the step after every step.
        progress: show a progress bar with the time left.
        strategy: see `Training`.
        settings: of `CycleSettings` or `AdaptedSettings`. Of a training that is there only `steps` may change, to as
            many as are made or more.

    Raises:
        InputError: a setting or data that cannot be used, or others than those of the training that is there.
        NonFiniteError: a loss is not finite; the last checkpoint is kept.
    """
    if kind not in KINDS:
        raise InputError(f"unknown kind {kind!r}; there are: {', '.join(KINDS)}")
    if until is not None and until < 1:
        raise InputError(f"until must be a step, at least 1, not {until}")
    wanted, folder = build(KINDS[kind], settings), Path(folder)
    if (record := _recorded(folder)) is not None:
        _check_same(folder, record, kind, wanted)
        if _done(record, data, wanted.steps, until):
            return Trained(folder, record)
    try:
        for part in ("samples", "snapshots"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be made ({error.strerror}); choose another folder"
        ) from None
    options = {"short_side": wanted.short_side, "least": wanted.size // 2, "progress": progress}
    data = data if isinstance(data, Data) else open_data(data, **options)
    checkpoint = folder / CHECKPOINT
    for left in folder.glob(f".{checkpoint.stem}-*{checkpoint.suffix}"):
        left.unlink()  # what was being written when the training was killed
    if checkpoint.exists():
        training = Training.load(checkpoint, steps=wanted.steps, data=data, strategy=strategy)
    else:
        training = Training(data, wanted, strategy=strategy)
    watching = [Progress(), *listeners] if progress else listeners
    record = training.finish([*watching, Keeper(folder)], until=until)
    for name, network in training.generators.items():
        write_generator(folder / f"{name}.npz", network, record)
    write_json(folder / RECORD, record)
    return Trained(folder, record)


def _recorded(folder: Path) -> dict[str, Any] | None:
    """The record of the training in a folder: its own file's, or the checkpoint's where that was lost."""
    path, checkpoint = folder / RECORD, folder / CHECKPOINT
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not checkpoint.exists():
            return None
        _, facts = read_state(checkpoint, what="the checkpoint of a training")
        path, record = checkpoint, {**facts, "stopped": UNDER_WAY}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not the record of a training ({error})") from None
    try:
        record["step"], record["stopped"], record["data"]["source"], recorded_settings(record)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{path} is not the record of a training ({error!r} is missing or wrong)"
        ) from None
    return record


def _check_same(folder: Path, record: dict[str, Any], kind: str, wanted: TrainingSettings) -> None:
    """Refuse to go on with other settings than those of the record.

    Raises:
        InputError: they differ, or they are of another kind of training.
    """
    if record["kind"] != kind:
        raise InputError(
            f"{folder} holds a training of the kind {record['kind']!r}; choose another folder"
        )
    before = recorded_settings(record)
    for name, value in dataclasses.asdict(wanted).items():
        there = getattr(before, name)
        if value != there and name != "steps" and (name, value) != ("precision", "auto"):
            raise InputError(
                f"{folder} holds a training with {name} = {there}, not {value}; choose another folder"
            )


def _done(record: dict[str, Any], data: Any, steps: int | None, until: int | None) -> bool:
    """Whether the training that is there, on the same data, is as long as it should be."""
    source = data.source if isinstance(data, Data) else named(data)
    if record["stopped"] == UNDER_WAY or source != record["data"]["source"]:
        return False
    planned = record["settings"]["steps"]
    goal = steps or planned
    return goal == planned and record["step"] >= (goal if until is None else min(until, goal))
