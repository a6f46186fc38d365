"""The history of generated pictures that a discriminator is shown.

Shrivastava et al. 2017 (arXiv 1612.07828), as in Zhu et al. 2017.
"""

import numpy as np

__all__ = ["HistoryPool"]


class HistoryPool:
    """Stores generated pictures, and gives back a mixture of new and old ones.

    Args:
        capacity: how many are stored, 50 in Zhu et al. 2017, Sec. 4; 0 gives every picture back as
            it is.
        pictures: those that are stored already, float32 (k, H, W, 3).
    """

    def __init__(self, capacity: int, pictures: np.ndarray | None = None) -> None:
        self._capacity = capacity
        self._pictures = [] if pictures is None else list(pictures)

    @property
    def pictures(self) -> np.ndarray:
        """The stored pictures, float32 (k, H, W, 3), oldest place first."""
        return np.stack(self._pictures) if self._pictures else np.zeros((0, 1, 1, 3), np.float32)

    def exchange(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give each picture back, or with a chance of one half an old one whose place it takes.

        While the pool is not full, each is stored and given back.

        Args:
            pictures: float32 (n, H, W, 3).
            rng: where the decisions come from.

        Returns:
            Likewise (n, H, W, 3).
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
