"""How far apart two distributions are, of features or of colours, and how far a picture's are from those of paintings.

A sample is float (n, N): n points of N values, here the features of N filters at n positions. Two may differ in n.
"""

from collections.abc import Sequence

import numpy as np
import scipy.linalg
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial.distance import cdist, pdist
from scipy.stats import wasserstein_distance

from ..errors import InputError
from ..layers import layer_name, smallest_side
from ..network import loss_network
from ..pictures.images import as_picture, fit, resize
from ..settings import Settings
from ..weights.backbones import load_weights, resolve_backbone

__all__ = [
    *("StyleReference", "frechet", "hellinger", "mean_std", "pyramid_patches", "rgb_uv_histogram"),
    *("sliced_wasserstein", "squared_mmd", "standardized", "vgg_features"),
]

PATCH, LEVELS = 7, 3
"""Side in pixels of a patch (Karras et al. 2018, Sec. 5), and levels of the pyramid it is taken from: it covers 7 px
of the picture in the finest and 28 in the coarsest."""


def sliced_wasserstein(
    a: np.ndarray, b: np.ndarray, *, directions: int = 128, seed: int = 0
) -> float:
    """Mean over random directions of the projections' Wasserstein distance W₁: at least 0, in the units of the samples.

    Rabin et al. 2011; on VGG features Heitz et al. 2021 (both with squares, W₂², where here it is W₁, whose few far
    points count less). Weakness: it depends on the directions drawn, and two distributions that differ along few
    directions only seem close, the more so the larger N is.

    Args:
        a: a sample.
        b: the other one.
        directions: how many.
        seed: of the directions.
    """
    drawn = np.random.default_rng(seed).normal(size=(a.shape[1], directions))
    drawn /= np.linalg.norm(drawn, axis=0)
    return float(
        np.mean(
            [wasserstein_distance(*pair) for pair in zip((a @ drawn).T, (b @ drawn).T, strict=True)]
        )
    )


def mean_std(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over the N values of (difference of means)² + (difference of standard deviations)²: at least 0.

    Li et al. 2017 (arXiv 1701.01036), "BN statistics"; Huang and Belongie 2017 match the same two. Weakness: it does
    not see which values go together, nor any shape of a distribution beyond its width.
    """
    return float(np.mean(np.square(a.mean(0) - b.mean(0)) + np.square(a.std(0) - b.std(0))))


def squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel: about 0 for one distribution, at most 2.

    Gretton et al. 2012, the unbiased estimate of their Eq. 3, which can be slightly negative, with the kernel
    k(x, y) = exp(−|x − y|²/2σ²). σ² is the mean of |x − y|² over the points of b, so that every a is measured by one
    kernel; they take the median over both samples, which is 0 where most of a painting is one even colour. (The Gram
    matrix is the MMD of another kernel, (xᵀy)²: Li et al. 2017.) Weakness: it is blind to differences much finer than
    σ, and saturates for samples much further apart than σ.

    Args:
        a: a sample of at least two points.
        b: what it is measured against, at least two points that differ.
    """
    # pdist leaves out the distance of a point from itself, and that makes the estimate unbiased.
    squares = [pdist(a, "sqeuclidean"), pdist(b, "sqeuclidean"), cdist(a, b, "sqeuclidean")]
    width = 2 * squares[1].mean()
    of_a, of_b, between = (np.exp(-square / width).mean() for square in squares)
    return float(of_a + of_b - 2 * between)


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance |μ − ν|² + tr(Σ + T − 2(ΣT)^½) of the Gaussians with the samples' moments: at least 0.

    Dowson and Landau 1982; Heusel et al. 2017 (FID). Weakness: it sees nothing beyond a Gaussian, and is too large for
    small samples, so that only distances from equally many points can be compared.
    """
    # Of a symmetric matrix, tr (ΣT)^½ is the sum of the roots of the eigenvalues of T^½ΣT^½.
    covariance, target = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    values, vectors = scipy.linalg.eigh(target)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(scipy.linalg.eigvalsh(root @ covariance @ root), 0)).sum()
    squares = np.square(a.mean(0) - b.mean(0)).sum()
    return float(max(squares + np.trace(covariance) + np.trace(target) - 2 * shared, 0.0))


def hellinger(p: np.ndarray, q: np.ndarray) -> float:
    """Hellinger distance of two histograms that each sum to one: 0 for equal ones, 1 where they share no bin.

    √½ |√p − √q| as in Afifi et al. 2021 (HistoGAN). Weakness: bins have no neighbours; what has moved to the next bin
    counts as much as what has moved to the last.
    """
    return float(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2))


def rgb_uv_histogram(picture: np.ndarray) -> np.ndarray:
    """Histogram (3, 64, 64) of the log-chroma of a picture (H, W, 3) in [0, 1]; it sums to one.

    Afifi et al. 2021 (HistoGAN), with the constants of the authors' code (mahmoudnafifi/HistoGAN@4211159,
    histogram_classes/RGBuvHistBlock.py). Plane c holds u and v, the logarithms of channel c over each of the other two;
    a pixel weighs as much as its intensity. Weakness: lightness is not in it, but for that weight, so that a picture
    and a darker copy of it have nearly the same.

    Raises:
        InputError: it is no picture.
    """
    picture = as_picture(picture)
    side = 150  # px; there both sides become 150, here the long one
    if max(picture.shape) > side:
        picture = resize(picture, fit(picture.shape, side))
    pixels, least = picture.reshape(-1, 3).astype(np.float64), 1e-6
    logs, intensity = (
        np.log(pixels + least),
        np.sqrt(np.square(pixels).sum(1, keepdims=True) + least),
    )
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
    """Features (H', W', N) by layer, of the network as it was trained: neither scaled nor with average pooling.

    Args:
        picture: float32 (H, W, 3) in [0, 1].
        layers: Keras layer names.
        backbone: as for `load_weights`.

    Raises:
        InputError: no such layer or weights.
    """
    network = loss_network(load_weights(backbone), layers, pooling="max")
    return {layer: np.asarray(values)[0] for layer, values in network(picture[None]).items()}


def pyramid_patches(picture: np.ndarray) -> list[np.ndarray]:
    """Every patch of 7 x 7 px of each level of a picture's Laplacian pyramid, finest first: (n, 3, 49) each.

    Karras et al. 2018 (Progressive GAN), Sec. 5, whose pyramid is Burt and Adelson's; here a level is what `resize` to
    half the size and back leaves out. There are `LEVELS` levels, or as many as have room for a patch, at least one.

    Args:
        picture: float32 (H, W, 3) in [0, 1], its sides at least 7 px.
    """
    found = []
    while len(found) < LEVELS and (min(picture.shape[:2]) >= PATCH or not found):
        half = resize(picture, tuple(-(-side // 2) for side in picture.shape[:2]))
        band = picture - resize(half, picture.shape[:2])
        found.append(
            sliding_window_view(band, (PATCH, PATCH), axis=(0, 1)).reshape(-1, 3, PATCH**2)
        )
        picture = half
    return found


def standardized(patches: np.ndarray) -> np.ndarray:
    """Patches (n, 3, k) with mean 0 and deviation 1 in each channel, as a sample (n, 3k): Karras et al. 2018."""
    centred = patches - patches.mean((0, 2), keepdims=True)
    deviation = patches.std((0, 2), keepdims=True)
    return (centred / np.maximum(deviation, 1e-6)).reshape(len(patches), -1)


class StyleReference:
    """One painting or many, encoded once, against which the style and the colours of pictures are measured.

    Features of a layer are divided by the root of the mean of its filters' variances over the paintings. That makes
    layers comparable and keeps the proportions of the filters of a layer: divided each by its own deviation, those that
    hardly ever fire would decide. Every distance is the mean over the layers.

    Args:
        paintings: a float array (H, W, 3) in [0, 1], or a sequence of them, of any sizes.
        size: long side in pixels to which paintings and pictures are resized; CycleGAN's pictures have 256 (Zhu et al.
            2017).
        layers: their names; the default objective has none of these, and VGG-16 and VGG-19 have them all.
        backbone: see `Settings`.
        positions: how many of a picture's positions count in a layer, drawn at random. Each of n paintings gives an nth
            of them, at least one, and all the same number. At 256 px block 4 has 1024 positions.
        seed: of the positions and of the projections; with the same seed the same pictures have the same distances.
            Between three seeds those of one photograph from one painting moved by up to 5 %.

    Attributes:
        layers: Keras layer names.
        size, positions, seed: as given.
        backbone: whose weights are in use.
        paintings: at that size.
        colours: the mean of the paintings' `rgb_uv_histogram`.

    Raises:
        InputError: no painting, one that is no picture or has, once resized, a side of fewer than four positions in the
            deepest layer, features that do not vary, no layer, or an unknown layer or backbone.
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
        """Encode the paintings."""
        if isinstance(paintings, np.ndarray) and paintings.ndim < 4:
            paintings = [paintings]
        if not len(paintings):
            raise InputError("the collection is empty; give at least one painting")
        if not len(layers):
            raise InputError("there is no layer to compare at; give at least one")
        self.layers, self.size = tuple(layer_name(layer) for layer in layers), size
        self.backbone = resolve_backbone(backbone)[0]
        self.positions, self.seed = positions, seed
        share = max(1, positions // len(paintings))
        samples, patches, histograms = [], [], []
        self.paintings = [
            self.fit(painting, f"painting {number}") for number, painting in enumerate(paintings)
        ]
        for number, fitted in enumerate(self.paintings):
            samples.append(self._sample(fitted, share, stream=number))
            patches.append(self._patches(fitted, share, stream=number))
            histograms.append(rgb_uv_histogram(fitted))
        self.colours = np.mean(histograms, axis=0)
        self._scales, self._targets = {}, {}
        for layer in self.layers:
            # A sample is in random order: its first points are a draw as good as any.
            least = min(len(sample[layer]) for sample in samples)
            pooled = np.concatenate([sample[layer][:least] for sample in samples])
            scale = np.sqrt(pooled.var(0).mean())
            if scale == 0:
                raise InputError(
                    f"the features of {layer} do not vary: give other paintings or more positions"
                )
            self._scales[layer], self._targets[layer] = scale, pooled / scale
        self._textures = [
            standardized(np.concatenate([each[: min(map(len, level))] for each in level]))
            for level in zip(*patches, strict=False)  # a small painting may have fewer levels
        ]

    def distances(self, picture: np.ndarray) -> dict[str, float]:
        """Distances of a picture by their names in `metrics.YARDSTICKS`, all about 0 for the painting itself.

        "sliced Wasserstein" is `sliced_wasserstein`, "mean and deviation" `mean_std`, "squared MMD" `squared_mmd`.
        "VGG-SIFID" is `frechet` divided by N: the single-image Fréchet distance of Shaham et al. 2019 (SinGAN), who
        have Inception's features in place of VGG's, so that it must not be compared with published SIFID. "patch
        Wasserstein" looks through no network: it is `sliced_wasserstein` of `standardized` `pyramid_patches`, the mean
        over levels (Karras et al. 2018; a colour or a contrast that a whole level has is not in it). "RGB-uv to
        paintings" is `hellinger` of the picture's `rgb_uv_histogram` and `colours`.

        Args:
            picture: float (H, W, 3) in [0, 1] of any size.

        Raises:
            InputError: it is no picture, or too small.
        """
        picture = self.fit(picture)
        rows = []
        for layer, sample in self._sample(picture, self.positions, stream=0).items():
            pair = sample / self._scales[layer], self._targets[layer]
            rows.append(
                {
                    "sliced Wasserstein": sliced_wasserstein(*pair, seed=self.seed),
                    "mean and deviation": mean_std(*pair),
                    "squared MMD": squared_mmd(*pair),
                    "VGG-SIFID": frechet(*pair) / sample.shape[1],
                }
            )
        style = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        levels = zip(self._patches(picture, self.positions, stream=0), self._textures, strict=False)
        textures = [
            sliced_wasserstein(standardized(level), target, seed=self.seed)
            for level, target in levels
        ]
        style["patch Wasserstein"] = float(np.mean(textures))
        return {**style, "RGB-uv to paintings": hellinger(rgb_uv_histogram(picture), self.colours)}

    def fit(self, picture: np.ndarray, what: str = "the picture") -> np.ndarray:
        """A picture (H, W, 3) at the size at which it is compared.

        Raises:
            InputError: it is no picture, or too small.
        """
        picture = as_picture(picture, what)
        picture = resize(picture, fit(picture.shape, self.size))
        if min(picture.shape[:2]) < (least := max(PATCH, 4 * smallest_side(self.layers))):
            height, width = picture.shape[:2]
            raise InputError(
                f"{what} has {width} x {height} pixels at that size; these layers need sides of {least}"
            )
        return picture

    def _sample(self, picture: np.ndarray, count: int, *, stream: int) -> dict[str, np.ndarray]:
        """By layer a sample in random order; with one stream, pictures of one shape have the same positions."""
        found = {}
        for layer, features in vgg_features(picture, self.layers, backbone=self.backbone).items():
            points = features.reshape(-1, features.shape[-1])
            # Paintings have streams of their own, lest a few positions be the same few places in all of them.
            order = np.random.default_rng((self.seed, stream)).permutation(len(points))
            found[layer] = points[order[:count]].astype(np.float64)
        return found

    def _patches(self, picture: np.ndarray, count: int, *, stream: int) -> list[np.ndarray]:
        """By level a draw in random order; with one stream, pictures of one shape have the same positions."""
        chance = np.random.default_rng((self.seed, stream))
        return [
            patches[chance.permutation(len(patches))[:count]]
            for patches in pyramid_patches(picture)
        ]
