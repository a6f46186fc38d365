"""Structures in the style of a pattern: topology optimisation with the study's objective.

minimise  c(ρ)/c₀ + λ·S(1 − ρ)/S₀  over z,  with ρ = σ(Fz + b) and b such that mean ρ = V

c is the compliance of the density ρ, S the style loss of its picture; c₀ and S₀ are those of the
structure without style. Vulimiri et al. 2021 (Materials 14:4551) have a Gram loss beside c, too.
"""

import dataclasses
import os
from typing import Any

import numpy as np
from scipy.ndimage import convolve, label
from scipy.optimize import brentq
from scipy.sparse import csc_matrix, diags_array
from scipy.sparse.linalg import splu
from scipy.special import expit, logit
from skimage.measure import marching_cubes
from tqdm import tqdm

from ..errors import InputError, nearest, optional
from ..objective import Objective
from ..optimizers import LBFGS
from ..options import build
from ..pictures.files import atomic_path, check_writable
from ..pictures.images import as_picture
from ..runs.callbacks import interrupted_once
from .patterns import PROBLEMS, Box, DesignSettings, Problem, pattern_of

E_MIN, NU = 1e-9, 0.3  # Young's modulus of a void (material has 1), Poisson's ratio: as `K0`
_A = np.array([[12, 3, -6, -3], [3, 12, 3, 0], [-6, 3, 12, -3], [-3, 0, -3, 12]])
_B = np.array([[-6, -3, 0, 3], [-3, -6, -3, -6], [0, -3, -6, 3], [3, -6, 3, -6]])
_C = np.array([[-4, 3, -2, 9], [3, -4, -9, 4], [-2, -9, -4, -3], [9, 4, -3, -4]])
_D = np.array([[2, -3, 4, -9], [-3, 2, 9, -2], [4, 9, 2, 3], [-9, -2, 3, 2]])
K0 = np.kron(np.eye(2), _A + NU * _C) + np.kron(np.eye(2)[::-1], _B + NU * _D)
K0 /= 24 * (1 - NU**2)
"""Stiffness of an element, a bilinear square in plane stress: Andreassen et al. 2011 (SMO 43)."""
CONE = np.maximum(0, 2 - np.hypot(*np.mgrid[-1:2, -1:2]))  # F: Hoyer et al. 2019 (arXiv 1909.04240)
ENLARGED = 2  # pixels of the picture along the side of an element
SOFT = 3.0  # the largest |z| that a stage begins with: σ(±3) is 0.95 and 0.05
FAINT = 0.1  # a finished structure has nothing denser than this that hangs together with no load
OPTIMIZER = LBFGS(first=0.3)


class Structure:
    """A problem, of `PROBLEMS` or another, on (nx, ny) elements of side 1.

    `loaded` and `anchored` are the elements at loads, and at loads or supports, bool (ny, nx).

    InputError: there is no such problem, a place outside, it could move as a whole, or has no load.
    """

    def __init__(self, problem: str | Problem, size: tuple[int, ...]) -> None:
        if isinstance(problem, str) and problem not in PROBLEMS:
            raise InputError(nearest(problem, PROBLEMS, what="problem"))
        self.problem = PROBLEMS[problem] if isinstance(problem, str) else problem
        y, x = np.mgrid[: size[1] + 1, : size[0] + 1]

        def places(box: Box, more: int = 1) -> tuple[slice, ...]:
            if not all(0 <= share <= 1 for share in box):
                raise InputError(f"a place is outside: its shares are in [0, 1], not {box}")
            ends = [np.round(np.multiply(sorted(box[i::2]), size[i])).astype(int) for i in (1, 0)]
            return tuple(slice(low, high + more) for low, high in ends)

        self.given, held = np.full(size[::-1], np.nan), np.zeros((*x.shape, 2), bool)
        self.force = np.zeros(held.shape)
        for box, directions in self.problem.supports:
            held[places(box)] |= [direction in directions for direction in "xy"]
        for box, total in self.problem.loads:
            self.force[places(box)] += np.divide(total, x[places(box)].size)
        for box, density in self.problem.fixed:
            if density not in (0, 1):
                raise InputError(f"a density that is given must be 0 or 1, not {density}")
            self.given[places(box, 0)] = density
        self.force[held] = 0.0  # what is held does not move, and its load does no work
        rigid = np.transpose([[x**0, 0 * x, -y], [0 * x, x**0, x]], (2, 3, 0, 1))[held]
        if len(rigid) < 3 or np.linalg.matrix_rank(rigid) < 3:
            raise InputError("the structure could move as a whole: give it more supports")
        if not self.force.any():
            raise InputError("the structure has no load beside its supports: give it one")
        self.loaded, supported = (_around(np.any(at, -1)) for at in (self.force, held))
        self.anchored = self.loaded | supported
        n = np.arange(x.size).reshape(x.shape)
        corners = np.stack([n[:-1, :-1], n[:-1, 1:], n[1:, 1:], n[1:, :-1]], -1)
        self._degrees, self._held = (2 * corners[..., None] + [0, 1]).reshape(-1, 8), held.ravel()
        self._entries = np.repeat(self._degrees, 8, 1).ravel(), np.tile(self._degrees, 8).ravel()
        self._free = ~self._held[self._entries[0]] & ~self._held[self._entries[1]]

    def compliance(self, density: np.ndarray, *, p: float = 3.0) -> tuple[float, np.ndarray]:
        """c = fᵀu with K(ρ)u = f, and ∂c/∂ρ, of a density (H, W) in [0, 1].

        E(ρ) = E_min + ρᵖ(1 − E_min), ∂c/∂ρ_e = −p·ρ_e^(p − 1)·(1 − E_min)·u_eᵀk₀u_e: Andreassen
        et al. 2011, Eqs. 1 and 6. InputError: a load on a void.
        """
        if not _around(np.pad(density > 0, 1))[self.force.any(-1)].all():
            raise InputError("a load is on a void: move it, or put material there")
        rho, force = density.ravel(), self.force.ravel()
        values = np.outer(E_MIN + rho**p * (1 - E_MIN), K0).ravel() * self._free
        stiffness = csc_matrix((values, self._entries)) + diags_array(self._held * 1.0)
        # It is symmetric and positive definite: the diagonal serves as pivots.
        order = {"permc_spec": "MMD_AT_PLUS_A", "options": {"SymmetricMode": True}}
        u = splu(stiffness.tocsc(), diag_pivot_thresh=0.0, **order).solve(force)
        energy = np.einsum("ei,ij,ej->e", u[self._degrees], K0, u[self._degrees])
        return float(force @ u), (-p * rho ** (p - 1) * (1 - E_MIN) * energy).reshape(density.shape)

    def density(self, z: np.ndarray, *, volume: float) -> np.ndarray:
        """ρ = σ(Fz + b) of z (H, W), but where it is given; with mean V over all.

        F is the mean under a cone. b: Hoyer et al. 2019, Sec. 3, who filter σ(z + b), not z.
        InputError: what is given leaves no choice.
        """
        free, z = np.isnan(self.given), _smooth(z)
        share = (volume * free.size - np.nansum(self.given)) / max(1, free.sum())
        if not 0 < share < 1:
            raise InputError(
                f"the densities that are given leave no choice at a volume of {volume}"
            )
        low, high = logit(share) - z[free].max() - 1, logit(share) - z[free].min() + 1
        b = brentq(lambda b: expit(z[free] + b).mean() - share, low, high, xtol=1e-13)
        # 0 only where it is given, so that no trial of the optimiser is a load on a void
        return np.where(free, expit(np.maximum(z + b, -500)), self.given)


def _around(nodes: np.ndarray) -> np.ndarray:
    return nodes[1:, 1:] | nodes[1:, :-1] | nodes[:-1, 1:] | nodes[:-1, :-1]


def islands(material: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The pieces of the material, bool (H, W), in which none of the anchors lies."""
    pieces, _ = label(material)
    return material & ~np.isin(pieces, pieces[anchors])


def _smooth(z: np.ndarray) -> np.ndarray:
    return convolve(z, CONE / CONE.sum(), mode="reflect")  # a symmetric matrix: Fᵀ = F


def pull_back(gradient: np.ndarray, density: np.ndarray) -> np.ndarray:
    """∂/∂z from ∂/∂ρ, at the ρ of `Structure.density`: b moves with z, so that V stays."""
    slope = density * (1 - density)
    return _smooth(slope * (gradient - np.sum(slope * gradient) / (np.sum(slope) or 1.0)))


def picture_of(density: np.ndarray) -> np.ndarray:
    """Dark material on white, float32 (H', W', 3), as the network sees a density in [0, 1]."""
    return as_picture(np.kron(1 - density, np.ones((ENLARGED, ENLARGED))), "1 − the density")


def style_of(density: np.ndarray, objective: Objective) -> tuple[float, np.ndarray]:
    """S, the objective's total, and ∂S/∂ρ."""
    losses, gradient = objective.value_and_gradient(picture_of(density))
    blocks = gradient.sum(axis=2, dtype=float).reshape(len(density), ENLARGED, -1, ENLARGED)
    return losses.total, -blocks.sum(axis=(1, 3))


def _objective(pattern: Any, plain: np.ndarray, settings: DesignSettings) -> Objective:
    if isinstance(pattern, Objective):
        return pattern
    if not isinstance(pattern, np.ndarray):
        pattern = pattern_of(pattern, volume=settings.volume)
    chosen: Any = {"style_layers": settings.layers, "backbone": settings.backbone, "lam": 1.0}
    objective = Objective(None, picture_of(pattern), content_layers=(), **chosen)
    losses = objective(picture_of(plain)).layers["style"].values()
    objective.omega = [1 / len(losses) / (loss or 1.0) for loss in losses]
    return objective


@dataclasses.dataclass(frozen=True, eq=False)
class Design:
    """A structure and how it was made."""

    density: np.ndarray  # ρ, float (H, W) in [0, 1]
    compliance: float
    style: float  # S/S₀; 1 without a pattern
    history: tuple[dict[str, float], ...]  # p, loss, compliance and style of each evaluation
    settings: DesignSettings
    stopped: str | None  # "interrupted", or None

    @property
    def greyness(self) -> float:
        """Mean 4ρ(1 − ρ): Sigmund 2007 (SMO 33). 0 is black and white."""
        return float(np.mean(4 * self.density * (1 - self.density)))

    @property
    def parts(self) -> int:
        """How many pieces the material, ρ > ½, has; elements that touch at corners are apart."""
        return label(self.density > 0.5)[1]


def design(
    problem: str | Problem = "mbb",
    pattern: str | np.ndarray | Objective | None = None,
    *,
    plain: Design | None = None,
    progress: bool = False,
    **options: Any,
) -> Design:
    """The structure of least c/c₀ + λ·S/S₀; Ctrl-C ends it early, with the structure so far.

    Args:
        problem: of `PROBLEMS`, or another.
        pattern: the style: a name or path (`pattern_of`), or a density, float (H', W') in [0, 1];
            each layer is weighted by the inverse of its loss of `plain`. An objective of
            `picture_of` a density takes the place of the style loss. None: no style.
        plain: the structure without style; it is made where it is None.
        progress: show a bar with the time left.
        options: see `DesignSettings`; InputError refuses what cannot be used, here and above.
    """
    settings = build(DesignSettings, options)
    structure, objective, c0, s0 = Structure(problem, settings.size), None, 1.0, 1.0
    if pattern is not None:
        plain = plain or design(problem, progress=progress, **options)
        if plain.stopped:
            return plain
        if plain.density.shape != structure.given.shape:
            raise InputError("the structure without style has another size")
        objective, c0 = _objective(pattern, plain.density, settings), plain.compliance
        s0 = objective(picture_of(plain.density)).total or 1.0  # 0 of the plain structure itself
    z, stopped = np.zeros(structure.given.shape), None
    history: list[dict[str, float]] = []

    def evaluate(z: np.ndarray, p: float) -> tuple[np.ndarray, dict[str, float], np.ndarray]:
        density = structure.density(z, volume=settings.volume)
        c, gradient = structure.compliance(density, p=p)
        s, more = style_of(density, objective) if objective else (s0, 0.0)
        loss = {"p": p, "loss": c / c0 + settings.lam * s / s0, "compliance": c, "style": s / s0}
        return density, loss, pull_back(gradient / c0 + settings.lam / s0 * more, density)

    with interrupted_once(), tqdm(total=settings.steps, disable=not progress) as bar:
        try:
            for p in settings.penalties:
                if history:
                    density = structure.density(z, volume=settings.volume)
                    z = logit(np.clip(density, expit(-SOFT), expit(SOFT)))
                    z[islands(density > 0.5, structure.anchored)] = -3 * SOFT
                state = OPTIMIZER.start(z)
                for _ in range(settings.steps // len(settings.penalties)):
                    _, losses, gradient = evaluate(state.x, p)
                    state = OPTIMIZER.step(state, losses["loss"], gradient)
                    z, history = state.kept, [*history, losses]
                    bar.update()
                    if state.stalled:
                        break
        except KeyboardInterrupt:
            if not history:
                raise
            stopped = "interrupted"
    density, losses, _ = evaluate(z, settings.penalties[-1])
    while (lost := islands(density > FAINT, structure.loaded)).any():
        structure.given[lost] = 0.0  # and b gives its volume to what is left
        density, losses, _ = evaluate(z, settings.penalties[-1])
    return Design(density, losses["compliance"], losses["style"], tuple(history), settings, stopped)


def write_stl(density: np.ndarray, path: str | os.PathLike, *, depth: float = 10.0) -> None:
    """Write the material, ρ > ½, as a plate of a thickness in elements; an element is 1 mm.

    Raises:
        InputError: no material, another ending than .stl, a place that cannot be written, or
            trimesh is missing.
    """
    check_writable(path, endings={".stl": "STL"})
    trimesh = optional("trimesh", extra="beyond", need="a mesh needs")
    if not (density > 0.5).any():
        raise InputError("no element has a density above ½: there is nothing to write")
    plate = np.pad(np.stack([density[::-1].T] * 2, axis=-1), 1)
    corners, faces, *_ = marching_cubes(plate, 0.5, gradient_direction="ascent")
    corners[:, 2] = depth * np.clip(corners[:, 2] - 1, 0, 1)  # the bevelled rims become flat
    with atomic_path(path) as temporary:
        trimesh.Trimesh(corners, faces).export(temporary, file_type="stl")
