"""How far a picture is from paintings, in style and in colours."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..errors import InputError
from ..layers import layer_name, smallest_side
from ..network import loss_network
from ..pictures.images import as_picture, fit, resize
from ..settings import Settings
from ..weights.backbones import load_weights, resolve_backbone
from .distributions import (
    frechet,
    hellinger,
    mean_std,
    relaxed_emd,
    sliced_wasserstein,
    squared_mmd,
)

__all__ = ["StyleReference", "pyramid_patches", "rgb_uv_histogram", "standardized", "vgg_features"]

PATCH, LEVELS = 7, 3
"""Side in pixels of a patch (Karras et al. 2018, Sec. 5), and levels of the pyramid it is taken
from: it covers 7 px of the picture in the finest and 28 in the coarsest."""


def rgb_uv_histogram(picture: np.ndarray) -> np.ndarray:
    """Histogram (3, 64, 64) of the log-chroma of a picture (H, W, 3) in [0, 1]; it sums to one.

    Afifi et al. 2021 (HistoGAN), with the constants of the authors' code
    (mahmoudnafifi/HistoGAN@4211159, histogram_classes/RGBuvHistBlock.py). Plane c holds u and v,
    the logarithms of channel c over each of the other two; a pixel weighs as much as its intensity.
    Weakness: lightness is not in it, but for that weight, so that a picture and a darker copy of it
    have nearly the same.

    Raises:
        InputError: it is no picture.
    """
    picture = as_picture(picture)
    side = 150  # px; there both sides become 150, here the long one
    if max(picture.shape) > side:
        picture = resize(picture, fit(picture.shape, side))
    pixels, least = picture.reshape(-1, 3).astype(np.float64), 1e-6
    logs = np.log(pixels + least)
    intensity = np.sqrt(np.square(pixels).sum(1, keepdims=True) + least)
    bins = np.linspace(-3, 3, 64)
    planes = []
    for channel, others in enumerate(((1, 2), (0, 2), (0, 1))):
        chroma = (logs[:, channel, None] - logs[:, other, None] for other in others)
        u, v = (1 / (1 + np.square((values - bins) / 0.02)) for values in chroma)
        planes.append((intensity * u).T @ v)
    return np.array(planes) / np.sum(planes)


def vgg_features(
    picture: np.ndarray, layers: tuple[str, ...], *, backbone: str
) -> dict[str, np.ndarray]:
    """Features (H', W', N) by layer of the network as trained: not scaled, no average pooling.

    Args:
        picture: float32 (H, W, 3) in [0, 1].
        layers: Keras layer names.
        backbone: as for `load_weights`.
    """
    network = loss_network(load_weights(backbone), layers, pooling="max")
    return {layer: np.asarray(values)[0] for layer, values in network(picture[None]).items()}


def pyramid_patches(picture: np.ndarray) -> list[np.ndarray]:
    """The patches of 7 x 7 px of a Laplacian pyramid's levels, finest first: (n, 3, 49) each.

    Karras et al. 2018 (Progressive GAN), Sec. 5, whose pyramid is Burt and Adelson's; here a level
    is what `resize` to half the size and back leaves out. There are `LEVELS` levels, or as many as
    have room for a patch, at least one. The picture is (H, W, 3), its sides at least 7 px.
    """
    levels: list[np.ndarray] = []
    while len(levels) < LEVELS and (min(picture.shape[:2]) >= PATCH or not levels):
        height, width = picture.shape[:2]
        half = resize(picture, (-(-height // 2), -(-width // 2)))
        windows = sliding_window_view(
            picture - resize(half, (height, width)), (PATCH, PATCH), axis=(0, 1)
        )
        levels.append(windows.reshape(-1, 3, PATCH**2))
        picture = half
    return levels


def standardized(patches: np.ndarray) -> np.ndarray:
    """Patches (n, 3, k) with mean 0 and deviation 1 by channel, as a sample (n, 3k)."""
    centred = patches - patches.mean((0, 2), keepdims=True)
    deviation = patches.std((0, 2), keepdims=True)
    return (centred / np.maximum(deviation, 1e-6)).reshape(len(patches), -1)


class StyleReference:
    """One painting or many, encoded once, to measure the style and the colours of pictures against.

    Features of a layer are divided by the root of the mean of its filters' variances over the
    paintings. That makes layers comparable and keeps the proportions of the filters of a layer:
    divided by their own deviations, those that hardly ever fire would decide. Every distance is the
    mean over the layers.

    Args:
        paintings: a float array (H, W, 3) in [0, 1], or a sequence of them, of any sizes.
        size: long side in pixels to which paintings and pictures are resized; CycleGAN's pictures
            have 256 (Zhu et al. 2017).
        layers: their names; the default objective has none of these, and VGG-16 and VGG-19 have
            them all.
        backbone: see `Settings`.
        positions: how many of a picture's positions count in a layer, drawn at random. Each of n
            paintings gives an nth of them, at least one, and all the same number. At 256 px block 4
            has 1024 positions.
        seed: of the positions and of the projections; with the same seed the same pictures have the
            same distances. Between three seeds those of one photograph from one painting moved by
            up to 5 %.

    Attributes:
        layers: Keras layer names.
        size, positions, seed: as given.
        backbone: whose weights are in use.
        paintings: at that size.
        colours: the mean of the paintings' `rgb_uv_histogram`.

    Raises:
        InputError: no painting, one that is no picture or has, once resized, a side of fewer than
            four positions in the deepest layer, features that do not vary, no layer, or an unknown
            layer or backbone.
    """

    def __init__(
        self,
        paintings: np.ndarray | Sequence[np.ndarray],
        *,
        size: int = 256,
        layers: Sequence[str] = ("block2_conv2", "block3_conv3", "block4_conv3"),
        backbone: str = Settings.backbone,
        positions: int = 1024,
        seed: int = 0,
    ) -> None:
        if isinstance(paintings, np.ndarray) and paintings.ndim < 4:
            paintings = [paintings]
        if not len(paintings):
            raise InputError("the collection is empty; give at least one painting")
        if not len(layers):
            raise InputError("there is no layer to compare at; give at least one")
        self.layers, self.size = tuple(layer_name(layer) for layer in layers), size
        self.backbone = resolve_backbone(backbone)[0]
        self.positions, self.seed = positions, seed
        self.paintings = [self.fit(p, f"painting {number}") for number, p in enumerate(paintings)]
        self.colours = np.mean([rgb_uv_histogram(p) for p in self.paintings], axis=0)
        share = max(1, positions // len(self.paintings))
        # Paintings have streams of their own, lest a few positions be the same few in all of them.
        samples = [self._sample(p, share, stream=i) for i, p in enumerate(self.paintings)]
        patches = [self._patches(p, share, stream=i) for i, p in enumerate(self.paintings)]
        self._scales, self._targets = {}, {}
        for layer in self.layers:
            pooled = _pooled([sample[layer] for sample in samples])
            scale = np.sqrt(pooled.var(0).mean())
            if scale == 0:
                raise InputError(
                    f"the features of {layer} do not vary: give other paintings or more positions"
                )
            self._scales[layer], self._targets[layer] = scale, pooled / scale
        # A small painting may have fewer levels.
        self._textures = [standardized(_pooled(level)) for level in zip(*patches, strict=False)]

    def distances(self, picture: np.ndarray) -> dict[str, float]:
        """Distances of a picture by their names in `metrics.YARDSTICKS`, about 0 for the painting.

        "sliced Wasserstein" is `sliced_wasserstein`, "mean and deviation" `mean_std`, "squared MMD"
        `squared_mmd`. "VGG-SIFID" is `frechet` divided by N: the single-image Fréchet distance of
        Shaham et al. 2019 (SinGAN), who have Inception's features in place of VGG's, so that it
        must not be compared with published SIFID. "relaxed EMD" is `relaxed_emd`. "patch
        Wasserstein" looks through no network: it
        is `sliced_wasserstein` of `standardized` `pyramid_patches`, the mean over levels (Karras et
        al. 2018; a colour or a contrast that a whole level has is not in it). "RGB-uv to paintings"
        is `hellinger` of the picture's `rgb_uv_histogram` and `colours`.

        Raises:
            InputError: it is no picture (H, W, 3) in [0, 1], or too small.
        """
        picture = self.fit(picture)
        rows = []
        for layer, sample in self._sample(picture, self.positions, stream=0).items():
            pair = sample / self._scales[layer], self._targets[layer]
            row = {
                "sliced Wasserstein": sliced_wasserstein(*pair, seed=self.seed),
                "mean and deviation": mean_std(*pair),
                "squared MMD": squared_mmd(*pair),
                "VGG-SIFID": frechet(*pair) / sample.shape[1],
                "relaxed EMD": relaxed_emd(*pair),
            }
            rows.append(row)
        levels = zip(self._patches(picture, self.positions, stream=0), self._textures, strict=False)
        textures = [sliced_wasserstein(standardized(p), t, seed=self.seed) for p, t in levels]
        return {
            **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]},
            "patch Wasserstein": float(np.mean(textures)),
            "RGB-uv to paintings": hellinger(rgb_uv_histogram(picture), self.colours),
        }

    def fit(self, picture: np.ndarray, what: str = "the picture") -> np.ndarray:
        """A picture (H, W, 3) at the size at which it is compared.

        Raises:
            InputError: it is no picture, or too small.
        """
        picture = as_picture(picture, what)
        picture = resize(picture, fit(picture.shape, self.size))
        height, width = picture.shape[:2]
        if min(height, width) < (least := max(PATCH, 4 * smallest_side(self.layers))):
            raise InputError(
                f"{what} has {width} x {height} pixels at that size; these layers need sides of "
                f"{least}"
            )
        return picture

    def _sample(self, picture: np.ndarray, count: int, *, stream: int) -> dict[str, np.ndarray]:
        """By layer a draw of positions; of one stream and shape, pictures have the same ones."""
        sample = {}
        for layer, features in vgg_features(picture, self.layers, backbone=self.backbone).items():
            points = features.reshape(-1, features.shape[-1])
            order = np.random.default_rng((self.seed, stream)).permutation(len(points))
            sample[layer] = points[order[:count]].astype(np.float64)
        return sample

    def _patches(self, picture: np.ndarray, count: int, *, stream: int) -> list[np.ndarray]:
        """By level a draw of patches, likewise."""
        chance = np.random.default_rng((self.seed, stream))
        return [p[chance.permutation(len(p))[:count]] for p in pyramid_patches(picture)]


def _pooled(draws: Sequence[np.ndarray]) -> np.ndarray:
    """As many of each draw as the smallest has: in random order, the first ones are a draw too."""
    return np.concatenate([draw[: min(map(len, draws))] for draw in draws])
