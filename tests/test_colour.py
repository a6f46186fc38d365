"""Colours of a painting matched to a photograph's, and luminance alone."""

import numpy as np
import pytest
from PIL import Image

from styletransfer import Run, Settings, load_image, transfer
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.pictures.colour import (
    COLOURS,
    as_light_as,
    chroma_of,
    luminance,
    match,
    transform,
)
from styletransfer.runs.request import Request

MATCHES = COLOURS[2:]

SOURCE = np.array([[0.04, 0.01, 0], [0.01, 0.02, 0.005], [0, 0.005, 0.01]])
TARGET = np.array([[0.02, -0.005, 0.002], [-0.005, 0.03, 0], [0.002, 0, 0.015]])

# First row of A, and tr(Σ_S + Σ_T − 2 A Σ_S): how far colours move. Computed by other means.
KNOWN = {
    "chol": ([0.70711, 0, 0], 0.014364),
    "pca": ([0.75866, -0.31037, 0.16425], 0.010536),
    "monge": ([0.75727, -0.29647, 0.11123], 0.010474),
}


@pytest.mark.parametrize("by", MATCHES)
def test_transform(by):
    found = transform(SOURCE, TARGET, by=by)
    np.testing.assert_allclose(found @ SOURCE @ found.T, TARGET, atol=1e-12)
    row, moved = KNOWN[by]
    np.testing.assert_allclose(found[0], row, atol=1e-5)
    assert np.trace(SOURCE + TARGET - 2 * found @ SOURCE) == pytest.approx(moved, abs=1e-6)


def test_only_chol_depends_on_the_order_of_the_channels():
    order = np.ix_([2, 0, 1], [2, 0, 1])
    for by in MATCHES:
        turned = transform(SOURCE[order], TARGET[order], by=by)
        same = np.allclose(turned, transform(SOURCE, TARGET, by=by)[order])
        assert same == (by != "chol")


@pytest.mark.parametrize("by", MATCHES)
def test_match_has_the_photographs_mean_and_covariance(rng, by):
    """Of colours so mild that nothing is clipped."""
    painting = 0.5 + 0.05 * rng.standard_normal((30, 40, 3)) @ np.array(
        [[1, 0.3, 0], [0, 1, 0], [0.2, 0, 0.5]]
    )
    photo = 0.4 + 0.04 * rng.standard_normal((25, 20, 3)) @ np.array(
        [[0.5, 0, 0.4], [0, 1, 0.1], [0, 0, 1]]
    )
    found = match(painting, photo, by=by).reshape(-1, 3)
    goal = photo.reshape(-1, 3)
    np.testing.assert_allclose(found.mean(0), goal.mean(0), atol=1e-6)
    # RIDGE on both sides leaves a difference of RIDGE · (1 − A Aᵀ).
    np.testing.assert_allclose(np.cov(found.T), np.cov(goal.T), atol=5e-5)


@pytest.mark.parametrize("by", MATCHES)
def test_a_grey_painting_has_no_colours(rng, by):
    grey = np.repeat(rng.random((20, 20, 1)), 3, axis=2)
    with pytest.raises(InputError, match=r"the painting is grey.*color=luminance"):
        match(grey, rng.random((20, 20, 3)), by=by)


def test_luminance_is_that_of_pillow():
    picture = load_image("petra", size=64)
    grey = Image.fromarray(np.round(255 * picture).astype(np.uint8)).convert("L")
    np.testing.assert_allclose(luminance(picture)[..., 0], np.asarray(grey) / 255, atol=1.1 / 255)
    assert (luminance(picture) == luminance(picture)[..., :1]).all()


def test_lightness_is_matched_in_mean_and_deviation(rng):
    painting, photo = (0.5 + 0.1 * rng.standard_normal((20, 30, 3)) for _ in range(2))
    found, goal = as_light_as(painting, 0.2 + 0.5 * photo), luminance(0.2 + 0.5 * photo)
    assert found.mean() == pytest.approx(goal.mean(), abs=1e-5)
    assert found.std() == pytest.approx(goal.std(), abs=1e-4)
    flat = as_light_as(np.full((8, 8, 3), 0.3), photo)
    np.testing.assert_allclose(flat, luminance(photo).mean(), atol=1e-5)


def test_the_photographs_chroma_comes_back(rng):
    photo = 0.3 + 0.4 * rng.random((20, 30, 3))
    picture = luminance(np.clip(photo + 0.1 * rng.standard_normal((20, 30, 1)), 0, 1))
    found = chroma_of(picture, photo)
    inside = ((found > 0) & (found < 1)).all(-1)
    np.testing.assert_allclose(luminance(found)[inside], picture[inside], atol=1e-5)
    np.testing.assert_allclose(
        (found - photo)[inside].std(-1), 0, atol=1e-6
    )  # what was added is grey


QUICK = {"sizes": (64,), "steps": 4, "backbone": "embedded", "progress": False}


def test_a_run_in_luminance_has_the_photographs_colours(pair):
    photo, painting = pair
    result = transfer(*pair, color="luminance", **QUICK)
    assert result.caption.endswith("4 steps, colours: luminance")
    inside = ((result.image > 0) & (result.image < 1)).all(-1)
    assert inside.mean() > 0.8
    np.testing.assert_allclose((result.image - photo)[inside].std(-1), 0, atol=1e-6)
    assert np.abs(result.image - photo).mean() > 0.01  # yet it is not the photograph
    grey = transfer(luminance(photo), as_light_as(painting, photo), **QUICK)
    found = result.record["picture"]["losses"]["total"]
    assert found == pytest.approx(grey.record["picture"]["losses"]["total"], rel=1e-3)


@pytest.mark.parametrize("by", MATCHES)
def test_a_run_matches_the_painting_before_the_transfer(pair, by):
    photo, painting = pair
    found = transfer(*pair, color=by, **QUICK)
    expected = transfer(photo, match(painting, photo, by=by), **QUICK)
    np.testing.assert_allclose(found.image, expected.image, atol=1e-5)
    assert found.caption == f"{expected.caption}, colours: {by}"


def test_colours_belong_to_the_identity_unless_they_are_the_paintings(pair):
    identities = {
        color: Request.open(*pair, Settings(color=color, size=64)).identity for color in COLOURS
    }
    assert len(set(identities.values())) == len(COLOURS)
    assert identities["painting"] == Request.open(*pair, Settings(size=64)).identity


def test_a_record_with_colours_is_replayed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--color", "luminance", "--size", "48", "--steps", "3", "--backbone", "embedded"]
    assert main(["petra", "night_cafe", "--out", "out.png", "--quiet", *words]) == 0
    before = (tmp_path / "out.png").read_bytes()
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    assert (tmp_path / "out.png").read_bytes() == before


def test_a_run_in_luminance_goes_on_where_it_was_saved(pair, tmp_path):
    settings = Settings(color="luminance", sizes=(48, 64), steps=(2, 3), backbone="embedded")
    whole = Run(*pair, settings).finish()
    run = Run(*pair, settings)
    next(run)
    run.save(tmp_path / "run.npz")
    np.testing.assert_allclose(
        Run.load(tmp_path / "run.npz").finish().image, whole.image, atol=1e-6
    )


def test_a_grey_painting_is_refused_before_the_run(pair):
    with pytest.raises(InputError, match="the painting is grey"):
        transfer(pair[0], luminance(pair[1]), color="pca", **QUICK)
