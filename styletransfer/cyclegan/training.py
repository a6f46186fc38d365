"""The training loop: one batch a step, until it is done, stopped or killed, and on from there."""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from .._tensorflow import keras, tf
from ..errors import InputError, NonFiniteError
from ..fast.precision import has_bfloat16
from ..runs.callbacks import follow, uninterrupted
from ..runs.checkpoint import read_state, write_state
from ..runs.record import versions
from .data import Data, batches, data_for, difference
from .generators import Generator
from .objectives import STYLE_PICTURES, Adapted, Cycle, TrainingObjective
from .record import check_record
from .settings import AdaptedSettings, CycleSettings, TrainingSettings
from .updates import HistoryPool, Updates, check_memory

__all__ = ["Training", "TrainingStep"]

PASSES = 200  # through the larger side, Zhu et al. 2017: half of them with a falling rate
PARTS = 20  # parts of the training whose mean losses are in the record


class TrainingStep(NamedTuple):
    """A step's number (from 1), the seconds so far, and its losses by name, without weights."""

    step: int
    seconds: float
    losses: dict[str, float]


class Training:
    """Generators in training, as an iterator over steps.

    Args:
        data: the two sides; see `open_data`.
        settings: every option; their class says what is trained.
        strategy: a `tf.distribute.Strategy` for more than one device, which share each batch; by
            default the one that is in scope.
        start: a generator whose weights the generator that paints begins with.

    Attributes:
        settings: with `steps` and `precision` decided.
        objective: the networks and their losses.
        step, seconds: how many steps are made, and the time spent in them.
        broken: whether a loss or a weight was not finite; nothing is saved then.
        plans: how many steps were planned, and from which step on.
        start: name, checksum and steps of the generator that it began with, or None.

    Raises:
        InputError: a batch that cannot be shared out, a setting that cannot be used, a generator of
            another shape, or networks that do not fit into memory.
    """

    def __init__(
        self,
        data: Data,
        settings: TrainingSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
        start: Generator | None = None,
    ) -> None:
        strategy = strategy or tf.distribute.get_strategy()
        devices = strategy.num_replicas_in_sync
        if settings.batch % devices:
            raise InputError(
                f"a batch of {settings.batch} cannot be shared by {devices} devices; give another"
            )
        if start is not None and start.shape != settings.network:
            raise InputError(
                f"{start.name} has the network {start.shape}, which is not that of the settings, "
                f"{settings.network}; give the same, or another start"
            )
        check_memory(settings)
        precision = settings.precision
        if precision == "auto":
            precision = "mixed" if has_bfloat16() else "float32"
        most = max(len(data.a.pictures), len(data.b.pictures))
        steps = settings.steps or PASSES * math.ceil(most / settings.batch)
        self.settings = dataclasses.replace(settings, steps=steps, precision=precision)
        self.data = data
        with strategy.scope():
            self.objective = _objective(data, self.settings)
            self._updates = Updates(self.objective, self.settings, strategy)
        self.step, self.seconds, self.broken = 0, 0.0, False
        self.start: dict[str, Any] | None = None
        if start is not None:
            self.networks["BtoA"].set_weights(start.weights)
            steps_before = start.record["step"]
            self.start = {"name": start.name, "sha256": start.sha256, "steps": steps_before}
        self.plans: list[dict[str, int]] = [{"from": 0, "steps": steps}]
        self._rows: list[np.ndarray] = []
        self._batches: Iterator | None = None

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network by name; the generators are "AtoB" and "BtoA"."""
        return self.objective.networks

    @property
    def generators(self) -> dict[str, keras.Model]:
        """Those of the networks that are no discriminators."""
        return {name: self.networks[name] for name in self.objective.generators}

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The losses by name, one value for every step."""
        terms = self.objective.terms
        columns = np.reshape(self._rows, (-1, len(terms))).astype(np.float32).T
        return dict(zip(terms, columns, strict=True))

    def __iter__(self) -> Iterator[TrainingStep]:
        return self

    def __next__(self) -> TrainingStep:
        if self.broken:
            raise InputError("a loss is not finite; load the last checkpoint to go on")
        if self.step >= (self.settings.steps or 0):
            raise StopIteration
        if self._batches is None:
            sides = self.data.a, self.data.b
            self._batches = batches(sides, self.settings, start=self.step).as_numpy_iterator()
        with uninterrupted():
            crops, began = next(self._batches), time.perf_counter()
            losses, finite = self._updates(crops, self.step)
            if not finite:
                self.broken = True
                raise NonFiniteError(
                    f"a loss or a weight is not finite at step {self.step + 1}; train again in "
                    "another folder, with a smaller learning_rate (the last checkpoint is still "
                    "there)"
                )
            self.step += 1
            self.seconds += time.perf_counter() - began
            self._rows.append(np.array(list(losses.values()), np.float32))
            return TrainingStep(self.step, self.seconds, losses)

    def finish(
        self, callbacks: Sequence[Callable] = (), *, until: int | None = None
    ) -> dict[str, Any]:
        """Make the steps that are left, as `follow` does, and give the record.

        Raises:
            NonFiniteError: a loss or a weight is not finite.
            KeyboardInterrupt: it was interrupted before the first step.
        """
        return self.record(stopped=follow(self, callbacks, until=until))

    def record(self, *, stopped: str | None = None) -> dict[str, Any]:
        """How the networks so far were made, and why the training ended before its time, if it did.

        It has settings, data with checksums, versions, time, and the mean losses of `PARTS` parts.
        """
        history, losses = self.history, []
        for part in np.array_split(np.arange(self.step), max(1, min(PARTS, self.step))):
            if len(part):
                means = {name: float(loss[part].mean()) for name, loss in history.items()}
                losses.append({"steps": [int(part[0]) + 1, int(part[-1]) + 1], **means})
        adapted: dict[str, Any] = {"weights": None}
        if isinstance(self.objective, Adapted):
            goal = self.objective
            adapted = {
                "weights": goal.weights.about,
                "lam": goal.lam,
                "omega": goal.omega,
                "unit": goal.unit,
            }
        return {
            "kind": self.settings.kind,
            "settings": dataclasses.asdict(self.settings),
            "data": self.data.about,
            "parameters": {name: network.count_params() for name, network in self.networks.items()},
            **adapted,
            "blocks": self.settings.depth,
            "step": self.step,
            "plans": self.plans,
            "start": self.start,
            "seconds": round(self.seconds, 1),
            "versions": versions(),
            "stopped": stopped,
            "losses": losses,
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write all that is needed to go on from here into one .npz file, whole or not at all.

        Raises:
            InputError, OSError: the place cannot be written, or a loss is not finite; what was
                there stays.
        """
        if self.broken:
            raise InputError("networks whose losses are not finite are not saved")
        variables = self._updates.variables.items()
        arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in variables}
        arrays |= {f"pool/{i}": pool.pictures for i, pool in enumerate(self._updates.pools)}
        arrays["history"] = np.stack(list(self.history.values()), axis=-1)
        write_state(path, arrays, {**self.record(), "seconds": self.seconds})

    @classmethod
    def load(
        cls,
        path: str | os.PathLike,
        *,
        steps: int | None = None,
        data: Data | None = None,
        strategy: tf.distribute.Strategy | None = None,
        progress: bool = True,
    ) -> "Training":
        """A training that goes on where `save` left it, as if it had never stopped.

        With `steps` it makes that many in all, in place of what was planned; the learning rate then
        falls later. By default the pictures are read again from where they were, with a progress
        bar.

        Raises:
            FileNotFoundError: no such file.
            InputError: it is no checkpoint of a training, or one of other networks; the pictures
                have changed; or more steps are made already.
        """
        arrays, facts = read_state(path, what="the checkpoint of a training")
        try:
            settings = check_record(facts)
        except InputError as error:
            raise InputError(f"{path} is not the checkpoint of a training ({error})") from None
        made = facts["step"]
        if steps is not None and steps < made:
            raise InputError(f"{made} steps are made already; {steps} in all are too few")
        settings = dataclasses.replace(settings, steps=steps or settings.steps)
        source = facts["data"]["source"] if data is None else data
        data = data_for(source, settings, progress=progress)
        if changed := difference(facts["data"], data.about):
            raise InputError(f"{path} cannot be gone on with: {changed}")
        training = cls(data, settings, strategy=strategy)
        if misfit := training._misfit(arrays, made):
            raise InputError(f"{path} is of other networks than its settings describe ({misfit})")
        training._restore(arrays, facts)
        return training

    def _misfit(self, arrays: Mapping[str, np.ndarray], made: int) -> str:
        """Which array of a checkpoint has no place here; empty where all of them fit."""
        shapes = {name: tuple(v.shape) for name, v in self._updates.variables.items()}
        shapes["history"] = (made, len(self.objective.terms))
        crop = (self.settings.size, self.settings.size, 3)
        for i in range(len(self._updates.pools)):
            stored = len(arrays.get(f"pool/{i}", ()))
            shapes[f"pool/{i}"] = (stored, *(crop if stored else (1, 1, 3)))
        for name in sorted(shapes.keys() | arrays.keys()):
            found = arrays[name].shape if name in arrays else None
            if found != shapes.get(name):
                return f"{name} has the shape {found}, not {shapes.get(name)}"
        return ""

    def _restore(self, arrays: Mapping[str, np.ndarray], facts: dict[str, Any]) -> None:
        for name, variable in self._updates.variables.items():
            variable.assign(arrays[name])
        for i in range(len(self._updates.pools)):
            self._updates.pools[i] = HistoryPool(self.settings.pool, arrays[f"pool/{i}"])
        self.step, self.seconds = facts["step"], facts["seconds"]
        self.plans, self.start = list(facts.get("plans", [])), facts.get("start")
        if facts["settings"]["steps"] != self.settings.steps:
            self.plans.append({"from": self.step, "steps": self.settings.steps or 0})
        self._rows = list(arrays["history"])


def _objective(data: Data, settings: TrainingSettings) -> TrainingObjective:
    dtype = "mixed_bfloat16" if settings.precision == "mixed" else "float32"
    if isinstance(settings, CycleSettings):
        return Cycle(settings, dtype=dtype)
    paintings = [tf.constant(a, tf.float32) / 127.5 - 1 for a in data.a.pictures[:STYLE_PICTURES]]
    sampling = dataclasses.replace(settings, steps=math.ceil(STYLE_PICTURES / settings.batch))
    photographs = [b for _, b in batches((data.a, data.b), sampling)]
    adapted = cast(AdaptedSettings, settings)
    return Adapted(adapted, dtype=dtype, paintings=paintings, photographs=photographs)
