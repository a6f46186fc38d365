"""Tables and sheets of methods, against the judge's own calls and against NumPy."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from styletransfer.pictures.datasets import load_image
from styletransfer.study import methods
from styletransfer.study.judge import lpips, style_distance

PHOTOS = ("petra", "colosseum")


@pytest.fixture(scope="module")
def pictures():
    """Two methods: the photograph as it is, and turned upside down, which one photograph lacks."""
    copies = {name: load_image(name, size=64) for name in PHOTOS}
    return {"copy": copies, "turned": {"petra": copies["petra"][::-1]}}


@pytest.mark.slow
def test_the_judges_numbers(pictures):
    painting = load_image("great_wave", size=64)
    table = methods.judged(pictures, [painting])
    assert list(table.index) == [("petra", "copy"), ("petra", "turned"), ("colosseum", "copy")]
    assert table.loc[("petra", "copy"), "style distance"] == pytest.approx(1)
    turned, photo = pictures["turned"]["petra"], pictures["copy"]["petra"]
    found = table.loc[("petra", "turned")]
    assert found["lpips-vgg"] == pytest.approx(lpips(turned, photo), rel=1e-5)
    assert found["style distance"] == pytest.approx(style_distance(turned, painting, photo))


def test_means_and_differences_have_intervals():
    """Normal numbers: the interval is near ± 1.96 σ/√n, and so is that of paired differences."""
    rng = np.random.default_rng(0)
    first, apart = rng.normal(5, 2, 400), rng.normal(0.3, 0.5, 400)
    columns = {"one": first, "two": first + apart}
    rows = {(f"{i}", m): {"y": v[i]} for m, v in columns.items() for i in range(400)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["photograph", "method"])
    means, difference = methods.means(table), methods.against(table, "one")
    assert means.loc["one", ("y", "mean")] == pytest.approx(first.mean())
    half = 1.96 * first.std() / 20
    assert means.loc["one", ("y", "to")] == pytest.approx(first.mean() + half, abs=0.2 * half)
    assert means.loc["one", ("y", "from")] == pytest.approx(first.mean() - half, abs=0.2 * half)
    assert list(difference.index) == ["two"]
    half = 1.96 * apart.std() / 20
    assert difference.loc["two", ("y", "mean")] == pytest.approx(apart.mean())
    assert difference.loc["two", ("y", "to")] == pytest.approx(apart.mean() + half, abs=0.2 * half)


def test_a_difference_is_taken_where_both_have_a_picture():
    rows = {("a", "one"): {"y": 1.0}, ("b", "one"): {"y": 5.0}, ("a", "two"): {"y": 3.0}}
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["photograph", "method"])
    assert methods.against(table, "one").loc["two", ("y", "mean")] == 2.0


def test_a_sheet_has_a_row_for_each_photograph(pictures):
    sheet = methods.sheet(pictures, PHOTOS)
    shown = [axis.images[0].get_array() for axis in sheet.axes if axis.images]
    assert len(shown) == 5  # two photographs, two copies, and one that is turned
    np.testing.assert_allclose(shown[1], pictures["copy"]["petra"], atol=1e-6)
    assert {"photograph", "copy", "turned"} <= {text.get_text() for text in sheet.findobj(plt.Text)}
    plt.close(sheet)
