"""The alternating updates of generators and discriminators, on one device or on several."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil

from .._tensorflow import keras, tf
from ..errors import InputError
from .networks import BYTES, parameters
from .settings import TrainingSettings

if TYPE_CHECKING:
    from .objectives import Losses, TrainingObjective

FINITE = "finite"  # beside the losses: the sum of all weights, which is finite where they all are


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


class HistoryPool:
    """Stores generated pictures, and gives back a mixture of new and old ones.

    Shrivastava et al. 2017 (arXiv 1612.07828), as in Zhu et al. 2017, Sec. 4, where it stores 50. A
    pool without capacity gives every picture back as it is.
    """

    def __init__(self, capacity: int, pictures: Sequence[np.ndarray] | np.ndarray = ()) -> None:
        self._capacity, self._pictures = capacity, list(pictures)

    @property
    def pictures(self) -> np.ndarray:
        """The stored pictures, float32 (k, H, W, 3), oldest place first."""
        return np.stack(self._pictures) if self._pictures else np.zeros((0, 1, 1, 3), np.float32)

    def exchange(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give each picture back, or with a chance of one half an old one whose place it takes.

        While the pool is not full, each of the pictures (n, H, W, 3) is stored and given back.
        """
        given = []
        for picture in pictures:
            if len(self._pictures) < self._capacity:
                self._pictures.append(picture)
            elif self._capacity and rng.random() < 0.5:
                place = rng.integers(self._capacity)
                picture, self._pictures[place] = self._pictures[place], picture
            given.append(picture)
        return np.stack(given)


class Updates:
    """Adam for the generators and for the discriminators, and the pools between them.

    The settings have their `steps` decided, and the strategy is in scope: its devices share each
    batch. There is one pool for each discriminator.
    """

    def __init__(
        self,
        objective: "TrainingObjective",
        settings: TrainingSettings,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._objective, self._settings, self._strategy = objective, settings, strategy
        self._optimizers: dict[str, keras.optimizers.Optimizer] = {}
        self.pools = [HistoryPool(settings.pool) for _ in objective.discriminators]
        # By the names that checkpoints have for them.
        self._generate = self._update("generators", objective.generators, objective.generated)
        self._judge = self._update("critics", objective.discriminators, objective.judged)

    @property
    def variables(self) -> dict[str, keras.Variable]:
        """Weights and moments, by the names that they have in a checkpoint."""
        groups = {name: network.weights for name, network in self._objective.networks.items()}
        groups |= {kind: optimizer.variables for kind, optimizer in self._optimizers.items()}
        return {f"{name}/{i}": v for name, group in groups.items() for i, v in enumerate(group)}

    def __call__(self, crops: Sequence[np.ndarray], step: int) -> tuple[dict[str, float], bool]:
        """Make one step, counted from 0, with crops (batch, size, size, 3) of both sides.

        Returns:
            The losses by name, and whether all weights are finite after it.
        """
        for optimizer in self._optimizers.values():
            optimizer.learning_rate = self._settings.rate(step)
        shared = [self._shared_out(side) for side in crops]
        losses, fakes = self._generate(*shared, tf.constant(step))
        sums = [losses[FINITE]]
        if self.pools:
            rng = np.random.default_rng((self._settings.seed, step))
            pairs = zip(self.pools, fakes, strict=True)
            old = [self._shared_out(pool.exchange(self._whole(new), rng)) for pool, new in pairs]
            judged, _ = self._judge(*shared, *old)
            losses |= judged
            sums.append(judged[FINITE])
        values = {name: float(losses[name]) for name in self._objective.terms}
        return values, bool(np.isfinite([*values.values(), *map(float, sums)]).all())

    def _update(self, kind: str, names: Sequence[str], losses: "Callable[..., Losses]") -> Callable:
        """A step of some networks on every device: losses added up, pictures as they are."""
        networks = [self._objective.networks[name] for name in names]
        variables = [variable for network in networks for variable in network.trainable_variables]
        settings, strategy = self._settings, self._strategy
        # PyTorch's ε, with which the authors' code ran; Keras' own is 10⁻⁷.
        adam = keras.optimizers.Adam(settings.learning_rate, beta_1=settings.beta_1, epsilon=1e-8)
        adam.build(variables)
        self._optimizers[kind] = adam

        def descend(*inputs: tf.Tensor) -> tuple[dict[str, tf.Tensor], Sequence[tf.Tensor]]:
            weights = [variable.value for variable in variables]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(weights)
                total, parts, pictures = losses(*inputs)
                loss = tf.reduce_sum(total) / settings.batch
            adam.apply(tape.gradient(loss, weights), variables)
            values = {name: tf.reduce_sum(v) / settings.batch for name, v in parts.items()}
            finite = tf.add_n([tf.reduce_sum(variable.value) for variable in variables])
            return {**values, FINITE: finite}, pictures

        def everywhere(*inputs: Any) -> tuple[dict[str, tf.Tensor], Any]:
            values, pictures = strategy.run(descend, inputs)
            sums = {name: strategy.reduce("SUM", v, axis=None) for name, v in values.items()}
            return sums, pictures

        return tf.function(everywhere, autograph=False)

    def _shared_out(self, pictures: np.ndarray) -> Any:
        """A batch, an equal part for each device."""
        count = self._strategy.num_replicas_in_sync
        if count == 1:
            return tf.constant(pictures)
        parts = np.split(pictures, count)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(parts[context.replica_id_in_sync_group])
        )

    def _whole(self, shared: Any) -> np.ndarray:
        parts = self._strategy.experimental_local_results(shared)
        return np.concatenate([part.numpy() for part in parts])
