"""Which painting suits a photograph: similarities, parts, the command, and their correlation."""

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from styletransfer import datasets, load_image
from styletransfer.errors import InputError
from styletransfer.pictures.images import fit, read_image, resize
from styletransfer.study.__main__ import main
from styletransfer.study.distributions import crossed_correlation
from styletransfer.study.suggestions import MEASURES, SIZE, similarity
from styletransfer.weights.backbones import load_weights

from . import reference

SOME = {name: datasets.paintings()[name] for name in ("night_cafe", "great_wave", "spring")}


def features(picture, layer):
    """As VGG was trained: maximum pooling, and zeros beyond the border."""
    weights = load_weights("embedded")
    kernels = {n: k for n, k in weights.kernels.items() if n <= layer}
    found = reference.features(picture, kernels, weights.biases, "max")[layer]
    return found.reshape(-1, found.shape[-1])


@pytest.mark.slow
def test_similarities_by_numpy(pair):
    photo, painting = (resize(p, fit(p.shape, SIZE)) for p in pair)
    units = []
    for picture in (photo, painting):
        rows = features(picture, MEASURES["neighbours"])
        units.append(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    nearest = (units[0] @ units[1].T).max(1).mean()
    assert similarity(*pair, backbone="embedded") == pytest.approx(nearest, rel=1e-4)
    a, b = (features(picture, MEASURES["pooled"]).mean(0) for picture in (photo, painting))
    pooled = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert similarity(*pair, by="pooled", backbone="embedded") == pytest.approx(pooled, rel=1e-4)
    assert similarity(pair[1], pair[1], backbone="embedded") == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("by", MEASURES)
def test_a_part_of_a_painting_finds_that_part(by):
    """A lower right quarter finds its painting, and where in it it was."""
    painting = load_image("great_wave")
    height, width = (side // 2 for side in painting.shape[:2])
    part = painting[-height:, -width:]
    options = {"paintings": SOME, "by": by, "backbone": "embedded", "progress": False}
    found = datasets.suggest(part, **options)
    assert [each.similarity for each in found] == sorted(e.similarity for e in found)[::-1]
    assert {each.name for each in found} == set(SOME)
    assert found[0].name == "great_wave"
    assert found[0].part == pytest.approx((0.5, 0.5, 0.5), abs=0.02)
    assert np.abs(np.subtract(found[0].load().shape, part.shape)).max() <= 2
    np.testing.assert_allclose(resize(found[0].load(), (40, 60)), resize(part, (40, 60)), atol=0.15)
    assert found[0].similarity > found[1].similarity + 0.05


def test_the_command(tmp_path, capsys):
    for name in ("night_cafe", "great_wave"):
        picture = (255 * load_image(name, size=64)).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
    common = ["--backbone", "embedded", "--quiet", "--folder", str(tmp_path)]
    out = tmp_path / "part.jpg"
    photo = str(tmp_path / "great_wave.png")
    assert main(["suggest", photo, *common, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["1.000", "great_wave"]
    assert lines[0].endswith("whole")
    assert len(lines) == 2
    assert read_image(out).shape == read_image(photo).shape
    assert main(["suggest", "no_such_photo", *common]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_cannot_be_compared(pair):
    with pytest.raises(InputError, match="similarity"):
        similarity(*pair, by="poled")
    with pytest.raises(InputError):
        similarity(pair[0], np.zeros((4, 4, 5)), backbone="embedded")
    with pytest.raises(AttributeError):
        datasets.sugest  # noqa: B018


def test_a_correlation_of_pairs_and_its_interval(rng):
    """It does not see what a row or a column has as a whole; the interval has the true value."""
    own = rng.normal(size=(2, 8, 9))
    shared = rng.normal(size=(8, 9))
    rows, columns = 50 * rng.normal(size=(8, 1)), 50 * rng.normal(size=(1, 9))
    a, b = shared + own[0] + rows, shared + own[1] - rows + columns
    rho, low, high = crossed_correlation(a, b, resamples=300)
    expected = spearmanr(
        *(
            (t - t.mean(0) - t.mean(1)[:, None] + t.mean()).ravel()
            for t in (shared + own[0], shared + own[1])
        )
    )
    assert rho == pytest.approx(expected.statistic)
    assert low < 0.48 < high  # ρ of two normal variables whose correlation is ½
    assert low < rho < high
    plain = crossed_correlation(a, b, centred=False, resamples=50)
    assert plain[0] == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert plain[0] < 0
