"""The history of generated pictures that the discriminator is shown: Shrivastava et al. 2017, as in Zhu et al. 2017."""

import numpy as np

__all__ = ["HistoryPool"]


class HistoryPool:
    """Keeps generated pictures, and gives back a mixture of new and old ones.

    Args:
        capacity: how many are kept, 50 in Zhu et al. 2017, Sec. 4; 0 gives every picture back as it is.
        kept: those that are kept already, (k, H, W, 3).

    Attributes:
        kept: float32 (k, H, W, 3).
    """

    def __init__(self, capacity: int, kept: np.ndarray | None = None) -> None:
        """Begin empty, or with what was kept."""
        self._capacity = capacity
        self._pictures = [] if kept is None else list(kept)

    @property
    def kept(self) -> np.ndarray:
        """What is kept, oldest place first."""
        return np.stack(self._pictures) if self._pictures else np.zeros((0, 1, 1, 3), np.float32)

    def exchange(self, pictures: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        """Give each picture back, or with a chance of one half an old one whose place it takes.

        While the pool is not full, each is kept and given back.

        Args:
            pictures: float32 (n, H, W, 3).
            chance: where the decisions come from.

        Returns:
            Likewise (n, H, W, 3).
        """
        given = []
        for picture in pictures:
            if len(self._pictures) < self._capacity:
                self._pictures.append(picture)
            elif self._capacity and chance.random() < 0.5:
                place = chance.integers(self._capacity)
                picture, self._pictures[place] = self._pictures[place], picture
            given.append(picture)
        return np.stack(given)
