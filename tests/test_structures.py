"""Structures: mechanics, the gradient of the objective, designs and meshes."""

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.ndimage

from styletransfer import Objective, load_image
from styletransfer.beyond import structures
from styletransfer.beyond.patterns import DRAWN, PROBLEMS, pattern_of
from styletransfer.beyond.structures import Structure, design, picture_of, write_stl
from styletransfer.optimizers import LBFGSState

SMALL = {"size": (24, 12), "steps": 16, "layers": ("conv1_1", "conv2_1"), "backbone": "embedded"}


def stiffness_by_quadrature():
    """That of a bilinear square in plane stress: shape functions, 3 x 3 Gauss points."""
    nu, corners = 0.3, [(0, 0), (1, 0), (1, 1), (0, 1)]
    D = np.array([[1, nu, 0], [nu, 1, 0], [0, 0, (1 - nu) / 2]]) / (1 - nu**2)
    places, weights = np.polynomial.legendre.leggauss(3)
    k = np.zeros((8, 8))
    for (x, wx), (y, wy) in itertools.product(
        zip((places + 1) / 2, weights / 2, strict=True), repeat=2
    ):
        B = np.zeros((3, 8))
        for i, (a, b) in enumerate(corners):
            dx = (2 * a - 1) * (y if b else 1 - y)
            dy = (2 * b - 1) * (x if a else 1 - x)
            B[:, 2 * i : 2 * i + 2] = [[dx, 0], [0, dy], [dy, dx]]
        k += wx * wy * B.T @ D @ B
    return k


def compliance_by_dense_algebra(density, held, force):
    """Element by element into a full matrix; `held` and `force` by (row, column, direction)."""
    height, width = density.shape
    number = np.arange((height + 1) * (width + 1) * 2).reshape(height + 1, width + 1, 2)
    K, k0 = np.zeros((number.size, number.size)), stiffness_by_quadrature()
    for i, j in np.ndindex(height, width):
        nodes = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
        degrees = np.concatenate([number[node] for node in nodes])
        K[np.ix_(degrees, degrees)] += (1e-9 + density[i, j] ** 3 * (1 - 1e-9)) * k0
    f = np.zeros(number.size)
    for place, value in force.items():
        f[number[place]] = value
    free = np.setdiff1d(number.ravel(), [number[place] for place in held])
    return f[free] @ np.linalg.solve(K[np.ix_(free, free)], f[free])


def test_the_compliance_of_grey_is_the_published_one():
    """The first one in the history of Sigmund's 99 lines, `top(60, 20, 0.5, 3, 1.5)`; 1007.02210
    with E_min."""
    density = np.full((20, 60), 0.5)
    c, gradient = Structure("mbb", (60, 20)).compliance(density)
    assert c == pytest.approx(1007.02210, rel=1e-7)
    assert np.sum(density * gradient) == pytest.approx(-3 * c, rel=1e-7)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_compliance_is_that_of_dense_algebra(name):
    w, h = 8, 4
    density = np.random.default_rng(1).uniform(0.1, 1, (h, w))
    left = [(i, 0, 0) for i in range(h + 1)]
    held, force = {
        "mbb": ([*left, (h, w, 1)], {(0, 0, 1): 1}),
        "cantilever": ([*left, *((i, 0, 1) for i in range(h + 1))], {(h // 2, w, 1): 1}),
        "bridge": (
            list(itertools.product([h], [0, w], [0, 1])),
            {(h, j, 1): 1 / (w + 1) for j in range(w + 1)},
        ),
    }[name]
    c, gradient = Structure(name, (w, h)).compliance(density)
    assert c == pytest.approx(compliance_by_dense_algebra(density, held, force), rel=1e-9)
    step = np.random.default_rng(2).normal(size=density.shape) * 1e-6
    ends = [Structure(name, (w, h)).compliance(density + s * step)[0] for s in (1, -1)]
    assert np.sum(gradient * step) == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)


@pytest.mark.parametrize("volume", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_volume_is_kept(name, volume):
    z = np.random.default_rng(0).normal(0, 5, (20, 60))
    structure = Structure(name, (60, 20))
    density = structure.density(z, volume=volume)
    assert density.mean() == pytest.approx(volume, abs=1e-12)
    deck = np.isfinite(structure.given)
    assert deck.any() == (name == "bridge")
    np.testing.assert_array_equal(density[deck], 1)


class Probe:
    """In the place of the optimiser: it is led along a line, and keeps what it is told."""

    def __init__(self, points):
        self.points, self.told = points, []

    def start(self, z):
        return LBFGSState(x=self.points[0], kept=z)

    def step(self, state, loss, gradient):
        self.told.append((loss, gradient))
        return dataclasses.replace(state, x=self.points[len(self.told) % len(self.points)])


@pytest.mark.parametrize("problem", ["mbb", "bridge"])
def test_the_gradient_of_the_whole_objective(problem, monkeypatch):
    """Through filter, volume, compliance, enlargement and the network, by finite differences."""
    plain = design(problem, **SMALL)
    rng = np.random.default_rng(3)
    z, along = rng.normal(0, 1, (12, 24)), rng.normal(0, 1, (12, 24))
    probe = Probe([z, z + 1e-2 * along, z - 1e-2 * along, z])
    monkeypatch.setattr(structures, "OPTIMIZER", probe)
    design(problem, "cells", plain=plain, lam=3.0, **SMALL)
    (_, gradient), (ahead, _), (behind, _) = probe.told[-4:-1]  # of the last stage
    assert np.sum(gradient * along) == pytest.approx((ahead - behind) / 2e-2, rel=5e-3)
    without = design(problem, plain=plain, **SMALL)
    assert without.style == 1


def test_the_parts_of_the_loss():
    """c/c₀ + λ·S/S₀ with each layer of S in units of its loss of the plain structure."""
    plain = design("mbb", **SMALL)
    made = design("mbb", "lattice", plain=plain, lam=0.5, **SMALL)
    assert made.compliance == Structure("mbb", (24, 12)).compliance(made.density)[0]
    pattern = picture_of(pattern_of("lattice", volume=0.5))
    options = {"content_layers": (), "style_layers": SMALL["layers"], "backbone": "embedded"}
    objective = Objective(None, pattern, **options)
    ours, before = (objective(picture_of(d.density)).layers["style"] for d in (made, plain))
    assert made.style == pytest.approx(np.mean([ours[k] / before[k] for k in ours]), rel=1e-4)
    assert made.style < 0.9
    last = made.history[-1]
    assert last["loss"] == pytest.approx(
        last["compliance"] / plain.compliance + 0.5 * last["style"], rel=1e-6
    )


def test_the_optimum_is_close_to_that_of_the_99_lines():
    """203.306 at the end of its history (60 x 20, V = 0.5, p = 3, r = 1.5); its edges are grey."""
    made = design("mbb", size=(60, 20))
    assert 0.9 * 203.306 < made.compliance < 203.306
    assert made.greyness < 0.02
    assert made.parts == 1
    assert made.density.mean() == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(("name", "axis"), [("cantilever", 0), ("bridge", 1)])
def test_a_symmetric_problem_has_a_symmetric_structure(name, axis):
    density = design(name, **SMALL).density
    assert np.ptp(density) > 0.9
    np.testing.assert_allclose(density, np.flip(density, axis), atol=1e-4)


def test_a_reference_is_approached():
    """An objective in place of the style: the content loss of another structure."""
    reference = picture_of(design("bridge", **SMALL).density)
    options = {"content_layers": ("conv1_1",), "style_layers": (), "backbone": "embedded"}
    objective = Objective(reference, None, **options)
    plain = design("mbb", **SMALL)
    made = design("mbb", objective, plain=plain, lam=10.0, **SMALL)
    before, after = (objective(picture_of(d.density)).content for d in (plain, made))
    assert made.style == pytest.approx(after / before, rel=1e-5)
    assert made.style < 0.5


@pytest.mark.parametrize("name", [*DRAWN, "great_wave"])
@pytest.mark.parametrize("volume", [0.3, 0.5])
def test_patterns(name, volume):
    pattern = pattern_of(name, volume=volume)
    assert pattern.shape[0] == 80
    assert set(np.unique(pattern)) == {0, 1}
    assert pattern.mean() == pytest.approx(volume, abs=0.02)


def test_a_woodcut_is_dark_where_the_picture_is():
    dark = pattern_of("great_wave", volume=0.5) > 0.5
    height, width = dark.shape
    picture = load_image("great_wave", size=width)[:height].mean(-1)
    assert picture[dark[: len(picture)]].mean() < picture[~dark[: len(picture)]].mean() - 0.05


def test_a_finished_structure_hangs_together():
    """Specks of a painting are void at the end, those at a support without a load, too."""
    made = design("mbb", "great_wave", lam=3.0, **{**SMALL, "size": (48, 24), "steps": 40})
    pieces, _ = scipy.ndimage.label(made.density > 0.1)
    assert pieces.max() == pieces[0, 0] == 1
    assert made.parts >= 1
    assert made.density.mean() == pytest.approx(0.5, abs=1e-12)
    material = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]], bool)
    anchors = np.zeros((3, 4), bool)
    anchors[0, 2] = anchors[2, 3] = True
    lost = structures.islands(material, anchors)
    np.testing.assert_array_equal(lost, [[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]])


def test_an_interrupt_leaves_the_structure_so_far(monkeypatch):
    class Interrupted(type(structures.OPTIMIZER)):
        def step(self, state, loss, gradient):
            if state.count == 3:
                raise KeyboardInterrupt
            return super().step(state, loss, gradient)

    monkeypatch.setattr(structures, "OPTIMIZER", Interrupted())
    made = design("mbb", **SMALL)
    assert made.stopped == "interrupted"
    assert 3 <= len(made.history) < 16
    assert made.density.mean() == pytest.approx(0.5)
    assert design("mbb", "cells", **SMALL).stopped == "interrupted"


def test_the_mesh_opens_in_another_library(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    density = design("mbb", size=(60, 20), steps=16).density
    corner = np.pad(np.eye(2), 3)  # two elements that touch in a corner
    for rho in (density, corner, np.ones((4, 6))):
        write_stl(rho, tmp_path / "beam.stl", depth=5)
        mesh = trimesh.load(tmp_path / "beam.stl")
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        material = (rho > 0.5).sum()
        assert mesh.volume == pytest.approx(5 * material, rel=0.03 if material > 2 else 0.6)
        assert mesh.extents[2] == pytest.approx(5)
    np.testing.assert_allclose(mesh.extents, (6, 4, 5), rtol=1e-5)
    # Upright: of a plate whose lower half alone is material
    write_stl(np.repeat([[0.0], [1.0]], 4, axis=1), tmp_path / "beam.stl", depth=1)
    assert trimesh.load(tmp_path / "beam.stl").centroid[1] < 1.5
