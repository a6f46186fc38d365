"""The training loop: one batch a step, until it is done, stopped or killed, and on from there."""

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._tensorflow import keras, tf
from ..errors import InputError, NonFiniteError
from ..fast.precision import has_bfloat16
from ..options import build
from ..runs.follow import follow, uninterrupted
from ..runs.record import versions
from ..runs.states import read_state, write_state
from .data import SIDES, Data, batches, open_data
from .objectives import STYLE_CROPS, Adapted, Cycle, TrainingObjective
from .pool import HistoryPool
from .settings import AdaptedSettings, CycleSettings, TrainingSettings

__all__ = ["KINDS", "Training", "TrainingStep", "recorded_settings"]

KINDS = {"cycle": CycleSettings, "adapted": AdaptedSettings}
"""Kinds of training by name, with their settings."""

PASSES = 200
"""Passes through the larger side by default: 100 with a constant rate and 100 with a falling one, Zhu et al. 2017."""


def recorded_settings(record: dict[str, Any]) -> TrainingSettings:
    """The settings of a training's record, which JSON has made lists of tuples.

    Raises:
        KeyError: it is no record of a training.
        InputError: it names settings that do not exist.
    """
    settings = {
        name: tuple(v) if isinstance(v, list) else v for name, v in record["settings"].items()
    }
    return build(KINDS[record["kind"]], settings)


@dataclass(frozen=True)
class TrainingStep:
    """One step.

    Attributes:
        step: its number, from 1.
        seconds: spent in the training so far.
        losses: by name, without their weights.
    """

    step: int
    seconds: float
    losses: dict[str, float]


class Training:
    """Generators in training, as an iterator over steps.

    Args:
        data: the two sides; see `open_data`.
        settings: every option; their class says what is trained.
        strategy: a `tf.distribute.Strategy` for more than one device, which share each batch; by default the one that
            is in scope.

    Attributes:
        settings: with `steps` and `precision` decided.
        data: as given.
        objective: the networks.
        step: how many steps are made.
        seconds: spent so far.
        broken: whether a loss was not finite; nothing is saved then.
        plans: how many steps were planned, and from which step on.

    Raises:
        InputError: a batch that cannot be shared out, or a setting that cannot be used.
    """

    def __init__(
        self,
        data: Data,
        settings: TrainingSettings,
        *,
        strategy: tf.distribute.Strategy | None = None,
    ) -> None:
        """Build the networks."""
        self._strategy = strategy or tf.distribute.get_strategy()
        devices = self._strategy.num_replicas_in_sync
        if settings.batch % devices:
            raise InputError(
                f"a batch of {settings.batch} cannot be shared by {devices} devices; give a multiple"
            )
        precision = settings.precision
        if precision == "auto":
            precision = "mixed" if has_bfloat16() else "float32"
        steps = settings.steps or PASSES * math.ceil(
            max(len(data.a.pictures), len(data.b.pictures)) / settings.batch
        )
        self.settings, self.data = (
            dataclasses.replace(settings, steps=steps, precision=precision),
            data,
        )
        dtype = "mixed_bfloat16" if precision == "mixed" else "float32"
        with self._strategy.scope():
            self.objective = self._objective(dtype)
            self._optimizers = {"generators": self._adam(), "critics": self._adam()}
            for kind, optimizer in self._optimizers.items():
                optimizer.build(self._variables(kind))
        self._pools = [HistoryPool(self.settings.pool) for _ in self.objective.critics]
        self.step, self.seconds = 0, 0.0
        self.plans: list[dict[str, int]] = [{"from": 0, "steps": steps}]
        self._rows: list[np.ndarray] = []
        self._batches: Iterator | None = None
        self.broken = False
        self._generate = tf.function(
            lambda *crops: self._everywhere(self._generators_step, crops), autograph=False
        )
        self._judge = tf.function(
            lambda *crops: self._everywhere(self._critics_step, crops), autograph=False
        )

    def _objective(self, dtype: str) -> TrainingObjective:
        if isinstance(self.settings, CycleSettings):
            return Cycle(self.settings, dtype=dtype)
        count = math.ceil(STYLE_CROPS / self.settings.batch)
        sampling = dataclasses.replace(self.settings, steps=count)
        samples = list(batches((self.data.a, self.data.b), sampling))
        return Adapted(self.settings, dtype=dtype, samples=samples)

    def _adam(self) -> keras.optimizers.Adam:
        # PyTorch's ε, with which the authors' code ran; Keras' own is 10⁻⁷.
        return keras.optimizers.Adam(
            self.settings.learning_rate, beta_1=self.settings.beta_1, epsilon=1e-8
        )

    def _variables(self, kind: str) -> list[keras.Variable]:
        """The weights of the generators or of the critics."""
        own = (
            self.generators
            if kind == "generators"
            else {name: self.networks[name] for name in self.objective.critics}
        )
        return [variable for network in own.values() for variable in network.trainable_variables]

    @property
    def networks(self) -> dict[str, keras.Model]:
        """Every network by name; the generators are "AtoB" and "BtoA"."""
        return self.objective.networks

    @property
    def generators(self) -> dict[str, keras.Model]:
        """Those of the networks that are no discriminators."""
        return {
            name: network
            for name, network in self.networks.items()
            if name not in self.objective.critics
        }

    @property
    def history(self) -> dict[str, np.ndarray]:
        """Each loss by name, one value for every step."""
        rows = (
            np.stack(self._rows)
            if self._rows
            else np.zeros((0, len(self.objective.terms)), np.float32)
        )
        return dict(zip(self.objective.terms, rows.T, strict=True))

    def _everywhere(self, step: Callable, crops: tuple) -> tuple[dict[str, tf.Tensor], Any]:
        """One step on every device: losses added up, pictures as they are."""
        losses, pictures = self._strategy.run(step, crops)
        return {k: self._strategy.reduce("SUM", v, axis=None) for k, v in losses.items()}, pictures

    def _descend(
        self, kind: str, losses: Callable[[], tuple[tf.Tensor, dict, Any]]
    ) -> tuple[dict[str, tf.Tensor], Any]:
        variables = self._variables(kind)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([variable.value for variable in variables])
            total, parts, rest = losses()
            loss = tf.reduce_sum(total) / self.settings.batch
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        self._optimizers[kind].apply(gradients, variables)
        return {
            name: tf.reduce_sum(part) / self.settings.batch for name, part in parts.items()
        }, rest

    def _generators_step(self, a: tf.Tensor, b: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        return self._descend("generators", lambda: self.objective.generated(a, b))

    def _critics_step(
        self, a: tf.Tensor, b: tf.Tensor, *fakes: tf.Tensor
    ) -> tuple[dict[str, tf.Tensor], Any]:
        def losses() -> tuple[tf.Tensor, dict, Any]:
            parts = self.objective.judged(a, b, fakes)
            return tf.add_n(list(parts.values())), parts, ()

        return self._descend("critics", losses)

    def _shared_out(self, pictures: np.ndarray) -> Any:
        """A batch, an equal part for each device."""
        count = self._strategy.num_replicas_in_sync
        if count == 1:
            return tf.constant(pictures)
        part = len(pictures) // count

        def of(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            first = context.replica_id_in_sync_group * part
            return tf.constant(pictures[first : first + part])

        return self._strategy.experimental_distribute_values_from_function(of)

    def _whole(self, shared: Any) -> np.ndarray:
        parts = self._strategy.experimental_local_results(shared)
        return np.concatenate([part.numpy() for part in parts])

    def __iter__(self) -> Iterator[TrainingStep]:
        return self

    def __next__(self) -> TrainingStep:
        if self.broken:
            raise InputError("a loss is not finite; load the last checkpoint to go on")
        if self.step >= self.settings.steps:
            raise StopIteration
        if self._batches is None:
            self._batches = batches(
                (self.data.a, self.data.b), self.settings, start=self.step
            ).as_numpy_iterator()
        with uninterrupted():
            return self._stepped(next(self._batches))

    def _stepped(self, crops: Sequence[np.ndarray]) -> TrainingStep:
        began = time.perf_counter()
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = self.settings.rate(self.step)
        shared = [self._shared_out(side) for side in crops]
        losses, fakes = self._generate(*shared)
        if self._pools:
            chance = np.random.default_rng((self.settings.seed, self.step))
            old = [
                pool.exchange(self._whole(fake), chance)
                for pool, fake in zip(self._pools, fakes, strict=True)
            ]
            losses |= self._judge(*shared, *(self._shared_out(pictures) for pictures in old))[0]
        values = {name: float(losses[name]) for name in self.objective.terms}
        if not all(map(math.isfinite, values.values())):
            self.broken = True
            raise NonFiniteError(
                f"a loss is not finite at step {self.step + 1}; the last checkpoint is kept; give a smaller "
                "learning_rate"
            )
        self.step += 1
        self.seconds += time.perf_counter() - began
        self._rows.append(np.array(list(values.values()), np.float32))
        return TrainingStep(self.step, self.seconds, values)

    def finish(
        self, listeners: Sequence[Callable] = (), *, until: int | None = None
    ) -> dict[str, Any]:
        """Make the steps that are left; an interrupt (Ctrl-C, the stop button) ends it with what was learned so far.

        Args:
            listeners: as in `follow`.
            until: likewise.

        Returns:
            The record.

        Raises:
            NonFiniteError: a loss is not finite.
            KeyboardInterrupt: it was interrupted before the first step.
        """
        return self.record(stopped=follow(self, listeners, until=until))

    def record(self, *, stopped: str | None = None) -> dict[str, Any]:
        """How the networks so far were made: settings, data with checksums, versions, time, mean losses of 20 parts.

        Args:
            stopped: why the training ended before its time, or None.
        """
        parts = np.array_split(np.arange(self.step), min(20, self.step)) if self.step else []
        history = self.history
        losses = [
            {
                "steps": [int(part[0]) + 1, int(part[-1]) + 1],
                **{k: float(v[part].mean()) for k, v in history.items()},
            }
            for part in parts
        ]
        return {
            "kind": next(name for name, kind in KINDS.items() if type(self.settings) is kind),
            "settings": dataclasses.asdict(self.settings),
            "data": self.data.about,
            "parameters": {name: network.count_params() for name, network in self.networks.items()},
            "weights": self.objective.weights.about
            if isinstance(self.objective, Adapted)
            else None,
            **(
                {"lam": self.objective.lam, "unit": self.objective.unit}
                if isinstance(self.objective, Adapted)
                else {}
            ),
            "blocks": self.settings.depth,
            "step": self.step,
            "plans": self.plans,
            "seconds": round(self.seconds, 1),
            "versions": versions(),
            "stopped": stopped,
            "losses": losses,
        }

    def _state(self) -> dict[str, Any]:
        """Every variable by the name that it has in a checkpoint."""
        networks = {
            f"{k}/{i}": v for k, n in self.networks.items() for i, v in enumerate(n.weights)
        }
        moments = {
            f"{k}/{i}": v for k, o in self._optimizers.items() for i, v in enumerate(o.variables)
        }
        return {**networks, **moments}

    def save(self, path: str | os.PathLike) -> None:
        """Write all that is needed to go on from here into one .npz file, whole or not at all.

        Raises:
            InputError, OSError: the place cannot be written, or a loss is not finite; what was there is kept.
        """
        if self.broken:
            raise InputError("networks whose losses are not finite are not saved")
        arrays = {
            name: keras.ops.convert_to_numpy(variable) for name, variable in self._state().items()
        }
        arrays |= {f"pool/{i}": pool.kept for i, pool in enumerate(self._pools)}
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
        """A training that goes on where `save` left it, step for step as if it had never stopped.

        Args:
            path: the checkpoint.
            steps: make that many steps in all, in place of what was planned; the learning rate then falls later.
            data: the two sides; by default they are read again from where they were.
            strategy: as in `Training`.
            progress: show a progress bar while pictures are read.

        Raises:
            FileNotFoundError: no such file.
            InputError: it is no checkpoint of a training, or one of other networks; the pictures have changed; or more
                steps are made already.
        """
        arrays, facts = read_state(path)
        try:
            settings = recorded_settings(facts)
            if steps is not None:
                if steps < facts["step"]:
                    raise InputError(
                        f"{facts['step']} steps are made already; {steps} in all are too few"
                    )
                settings = dataclasses.replace(settings, steps=steps)
            if data is None:
                options = {
                    "short_side": settings.short_side,
                    "least": settings.size // 2,
                    "progress": progress,
                }
                data = open_data(facts["data"]["source"], **options)
            for side in SIDES:
                if [each["sha256"] for each in data.about[side]] != [
                    each["sha256"] for each in facts["data"][side]
                ]:
                    raise InputError(
                        f"the pictures of side {side} are not those that {path} was trained on"
                    )
            training = cls(data, settings, strategy=strategy)
            training._restore(arrays, facts)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"{path} is not the checkpoint of a training ({error!r} is missing or wrong)"
            ) from None
        except _OtherNetworks as error:
            raise InputError(
                f"{path} is of other networks than its settings describe ({error})"
            ) from None
        return training

    def _restore(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> None:
        for name, variable in self._state().items():
            if arrays[name].shape != tuple(variable.shape):
                raise _OtherNetworks(
                    f"{name} has the shape {arrays[name].shape}, not {tuple(variable.shape)}"
                )
            variable.assign(arrays[name])
        self._pools = [
            HistoryPool(self.settings.pool, arrays[f"pool/{i}"]) for i in range(len(self._pools))
        ]
        self.step, self.seconds = facts["step"], facts["seconds"]
        changed = facts["settings"]["steps"] != self.settings.steps
        self.plans = [
            *facts["plans"],
            *([{"from": self.step, "steps": self.settings.steps}] if changed else []),
        ]
        self._rows = list(arrays["history"])


class _OtherNetworks(Exception):
    """A checkpoint whose arrays do not fit."""
