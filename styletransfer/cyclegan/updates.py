"""The alternating updates of generators and discriminators, on one device or on several."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psutil

from .._tensorflow import keras, tf
from ..errors import InputError
from .generators import BYTES
from .networks import parameters
from .objectives import TrainingObjective
from .pool import HistoryPool
from .settings import TrainingSettings

__all__ = ["Updates", "check_memory"]

FINITE = "finite"
"""A value beside the losses: the sum of all weights, which is finite where they all are."""


def check_memory(settings: TrainingSettings) -> None:
    """Refuse networks that cannot fit, by the least that they take.

    That is the weights of a generator and of a discriminator with gradients and Adam's two moments,
    a pass through the generator, and the pool. What a graphics card has is not known here.

    Raises:
        InputError: they need more memory than there is.
    """
    if tf.config.list_physical_devices("GPU"):
        return
    weights = parameters(filters=settings.filters, blocks=settings.depth)
    weights += 16 * (2 + 8 + 32) * settings.critic_filters**2  # the kernels between its ends
    pixels = settings.size**2
    features = BYTES * settings.filters * settings.batch * pixels
    needed = 4 * (4 * weights + 3 * settings.pool * pixels) + features
    if needed > (free := psutil.virtual_memory().available):
        raise InputError(
            f"the training takes at least {needed / 1e9:.0f} GB of memory, and {free / 1e9:.1f} GB "
            "are available; give fewer filters or blocks, or a smaller size, batch or pool"
        )


class Updates:
    """Adam for the generators and for the discriminators, and the pools between them.

    Args:
        objective: the networks and their losses.
        settings: with `steps` decided.
        strategy: the devices, which share each batch; it is in scope.

    Attributes:
        pools: one for each discriminator.
    """

    def __init__(
        self,
        objective: TrainingObjective,
        settings: TrainingSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._objective, self._settings, self._strategy = objective, settings, strategy
        names = objective.discriminators
        groups = {  # by the names that checkpoints have for them
            "generators": [name for name in objective.networks if name not in names],
            "critics": names,
        }
        self._weights: dict[str, list[keras.Variable]] = {}
        self._optimizers: dict[str, keras.optimizers.Optimizer] = {}
        for kind, group in groups.items():
            networks = [objective.networks[name] for name in group]
            self._weights[kind] = [v for network in networks for v in network.trainable_variables]
            # PyTorch's ε, with which the authors' code ran; Keras' own is 10⁻⁷.
            rate, decay = settings.learning_rate, settings.beta_1
            self._optimizers[kind] = keras.optimizers.Adam(rate, beta_1=decay, epsilon=1e-8)
            self._optimizers[kind].build(self._weights[kind])
        self.pools = [HistoryPool(settings.pool) for _ in names]
        self._generate = self._everywhere(self._update_generators)
        self._judge = self._everywhere(self._update_discriminators)

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """Weights and moments, by the names that they have in a checkpoint."""
        networks = {name: network.weights for name, network in self._objective.networks.items()}
        moments = {kind: optimizer.variables for kind, optimizer in self._optimizers.items()}
        groups = (networks | moments).items()
        return {f"{name}/{i}": v for name, group in groups for i, v in enumerate(group)}

    def __call__(self, crops: Sequence[np.ndarray], step: int) -> tuple[dict[str, float], bool]:
        """Make one step.

        Args:
            crops: of both sides, float32 (batch, size, size, 3) in [-1, 1].
            step: its number, from 0.

        Returns:
            The losses by name, and whether all weights are finite after it.
        """
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = self._settings.rate(step)
        shared = [self._shared_out(side) for side in crops]
        losses, fakes = self._generate(*shared)
        sums = [float(losses[FINITE])]
        if self.pools:
            rng = np.random.default_rng((self._settings.seed, step))
            pairs = zip(self.pools, fakes, strict=True)
            old = [self._shared_out(pool.exchange(self._whole(new), rng)) for pool, new in pairs]
            judged, _ = self._judge(*shared, *old)
            losses |= judged
            sums.append(float(losses[FINITE]))
        values = {name: float(losses[name]) for name in self._objective.terms}
        return values, bool(np.isfinite([*values.values(), *sums]).all())

    def _everywhere(self, update: Callable) -> Callable:
        """The update on every device: losses added up, pictures as they are."""

        def run(*crops: Any) -> tuple[dict[str, tf.Tensor], Any]:
            losses, pictures = self._strategy.run(update, crops)
            reduce = self._strategy.reduce
            return {name: reduce("SUM", loss, axis=None) for name, loss in losses.items()}, pictures

        return tf.function(run, autograph=False)

    def _descend(self, kind: str, losses: Callable[[], tuple[tf.Tensor, dict, Any]]) -> tuple:
        weights = [variable.value for variable in self._weights[kind]]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            total, parts, pictures = losses()
            loss = tf.reduce_sum(total) / self._settings.batch
        self._optimizers[kind].apply(tape.gradient(loss, weights), self._weights[kind])
        values = {name: tf.reduce_sum(v) / self._settings.batch for name, v in parts.items()}
        sums = [tf.reduce_sum(variable.value) for variable in self._weights[kind]]
        return {**values, FINITE: tf.add_n(sums)}, pictures

    def _update_generators(self, a: tf.Tensor, b: tf.Tensor) -> tuple:
        return self._descend("generators", lambda: self._objective.generated(a, b))

    def _update_discriminators(self, a: tf.Tensor, b: tf.Tensor, *fakes: tf.Tensor) -> tuple:
        def losses() -> tuple[tf.Tensor, dict, Any]:
            parts = self._objective.judged(a, b, fakes)
            return tf.add_n(list(parts.values())), parts, ()

        return self._descend("critics", losses)

    def _shared_out(self, pictures: np.ndarray) -> Any:
        """A batch, an equal part for each device."""
        count = self._strategy.num_replicas_in_sync
        if count == 1:
            return tf.constant(pictures)
        part = len(pictures) // count

        def of(context: Any) -> tf.Tensor:
            first = context.replica_id_in_sync_group * part
            return tf.constant(pictures[first : first + part])

        return self._strategy.experimental_distribute_values_from_function(of)

    def _whole(self, shared: Any) -> np.ndarray:
        parts = self._strategy.experimental_local_results(shared)
        return np.concatenate([part.numpy() for part in parts])
