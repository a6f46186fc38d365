"""Comparisons: their runs, their sheets, and what the judge says of them."""

import numpy as np
import pytest

from styletransfer import load_image, transfer
from styletransfer.errors import InputError
from styletransfer.pictures.datasets import locate
from styletransfer.pictures.images import encode
from styletransfer.study import comparison as comparison_module
from styletransfer.study import figures, judge
from styletransfer.study.comparison import Comparison

PAIRS = [("petra", "night_cafe"), ("colosseum", "cafe_terrace_at_night")]
SMALL = {"sizes": (64,), "steps": 2, "backbone": "embedded", "progress": False}
CANDIDATES = {"plain": {}, "loud": {"lam": 10.0, "form": "gatys-code"}}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def comparison(store):
    return Comparison(PAIRS, CANDIDATES, store=store, **SMALL)


@pytest.mark.slow
def test_every_pair_with_every_candidate(comparison, store):
    assert comparison.pairs == PAIRS
    assert comparison.names == ["plain", "loud"]
    for name, candidate in CANDIDATES.items():
        for pair in PAIRS:
            expected = transfer(*pair, **SMALL, **candidate)
            assert comparison[name, pair].record["picture"] == expected.record["picture"]
            shown = encode(comparison[name, pair].image)  # 8 bits, as the store has it
            np.testing.assert_array_equal(shown, encode(expected.image))
    again = Comparison(PAIRS, CANDIDATES, store=store, **SMALL)  # out of the store
    for key in (("plain", PAIRS[0]), ("loud", PAIRS[1])):
        assert again[key].record["history"] == comparison[key].record["history"]


@pytest.mark.slow
def test_table(judges, comparison):
    table = comparison.table
    assert list(table["candidate"]) == ["plain", "loud"] * 2
    assert list(table["pair"]) == [" × ".join(pair) for pair in PAIRS for _ in range(2)]
    rows = iter(table.to_dict("records"))
    for pair in PAIRS:
        photo, painting = (load_image(name, size=64) for name in pair)
        for name in comparison.names:
            row, result = next(rows), comparison[name, pair]
            distance = judge.style_distance(result.image, painting, photo)
            assert row["style distance"] == pytest.approx(distance, rel=1e-6)
            assert row["lpips-vgg"] == judge.lpips(result.image, photo)
            assert row["loss"] == result.record["picture"]["losses"]["total"]
            assert row["seconds"] == result.record["history"][-1]["seconds"]
    assert table["style distance"].between(0, 1.5).all()


def test_the_caption_is_what_all_have_in_common(comparison, store):
    assert comparison.caption == "embedded (vgg16), gatys-code, 64 px, 2 steps, start: content"
    assert "4 pictures of 2 pairs; all with embedded (vgg16)" in repr(comparison)
    alone = Comparison(PAIRS[:1], {"content": {}}, style_layers=(), store=store, **SMALL)
    assert "λ" not in alone.caption


def test_means(judges, comparison):
    means = comparison.means
    assert list(means.index) == ["plain", "loud"]  # as they were given
    assert list(means) == ["style distance", "lpips-vgg"]
    rows = comparison.table.to_dict("records")
    for column in means:
        first, _, second, _ = (row[column] for row in rows)
        assert means[column]["plain"] == pytest.approx((first + second) / 2)


def test_sheet(judges, comparison):
    table = comparison.table.set_index(["candidate", "pair"])
    for names in (None, ["loud"]):
        axes = iter(comparison.sheet(names).axes)
        for pair in PAIRS:
            for source in pair:
                axis = next(axes)
                assert locate(source).title in axis.get_xlabel().replace("\n", " ")
                shown, size = axis.images[0].get_array(), max(axis.images[0].get_size())
                np.testing.assert_allclose(shown, load_image(source, size=size), atol=1e-6)
            for name in names or comparison.names:
                axis, row = next(axes), table.loc[(name, " × ".join(pair))]
                assert axis.get_title() == (name if pair == PAIRS[0] else "")
                numbers = f"{row['style distance']:.2f} · LPIPS {row['lpips-vgg']:.2f}"
                assert axis.get_xlabel() == f"style {numbers}"
                picture = comparison[name, pair].image
                np.testing.assert_array_equal(axis.images[0].get_array(), picture)
        assert next(axes, None) is None


def test_sheet_of_some_pairs_without_sources_and_numbers(no_judges, comparison):
    (axis,) = comparison.sheet(["loud"], pairs=PAIRS[1:], sources=False, numbers=()).axes
    np.testing.assert_array_equal(axis.images[0].get_array(), comparison["loud", PAIRS[1]].image)
    assert not axis.get_xlabel()


def test_planes(judges, comparison):
    (axis,) = figures.plane({"two": comparison}, joined=True).axes
    *pairs, means = (line.get_xydata() for line in axis.lines)
    table = comparison.table.set_index("pair")[["lpips-vgg", "style distance"]]
    assert len(pairs) == len(PAIRS)
    for points, pair in zip(pairs, sorted(" × ".join(pair) for pair in PAIRS), strict=True):
        np.testing.assert_allclose(points, table.loc[pair])
    np.testing.assert_allclose(means, comparison.means[["lpips-vgg", "style distance"]])
    assert [text.get_text().strip() for text in axis.texts] == ["plain", "loud"]


def test_the_plane_of_losses_has_geometric_means(judges, comparison):
    (axis,) = figures.plane({"two": comparison}, of="losses").axes
    losses = comparison.table.groupby("candidate")[["content_loss", "style_loss"]].prod() ** 0.5
    np.testing.assert_allclose(axis.lines[-1].get_xydata(), losses.loc[["plain", "loud"]])
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")


def test_without_the_judge_there_are_pictures_and_no_numbers(no_judges, store):
    comparison = Comparison(PAIRS, CANDIDATES, store=store, **SMALL)
    assert comparison["plain", PAIRS[0]].image.shape[1] == 64
    for ask in (lambda: comparison.table, lambda: comparison.means, comparison.sheet):
        with pytest.raises(InputError, match=r"is not here; .* --backbones says how to get it"):
            ask()


@pytest.mark.slow
def test_a_comparison_that_is_stopped_has_what_was_made(
    tmp_path, monkeypatch, interrupt_run, caplog
):
    """Ctrl-C in the fourth of four runs: pictures of three, and numbers of the whole pair."""
    interrupt_run(4)
    monkeypatch.setattr(
        comparison_module, "style_distances", lambda pictures, *_: [0.5] * len(pictures)
    )
    monkeypatch.setattr(comparison_module, "lpips", lambda *_: 0.25)
    comparison = Comparison(PAIRS, CANDIDATES, store=tmp_path, **SMALL)
    assert "1 of 4 pictures are not made" in caplog.text
    assert comparison["plain", PAIRS[1]].image.shape[1] == 64
    with pytest.raises(InputError, match=r"there is no picture of .*loud.*make the comparison"):
        comparison["loud", PAIRS[1]]
    assert comparison.table["candidate"].tolist() == ["plain", "loud", "plain"]
    assert comparison.means["lpips-vgg"].tolist() == [0.25, 0.25]
    last = comparison.sheet().axes[-1]
    assert (last.texts[0].get_text(), last.get_xlabel()) == ("not made", "")
    assert len(Comparison(PAIRS, CANDIDATES, store=tmp_path, **SMALL).table) == 4


def test_bad_candidates(store):
    broken = {"optimizer": "sgd", "learning_rate": 1e30, "steps": 30}
    options = {**SMALL, "store": store}
    with pytest.raises(InputError, match="a run failed: the loss is not finite at step"):
        Comparison(PAIRS[:1], {"plain": {}, "broken": broken}, **options)
    tolerant = Comparison(PAIRS[:1], {"plain": {}, "broken": broken}, tolerant=True, **options)
    assert list(tolerant.of(PAIRS[0])) == ["plain"]
    with pytest.raises(InputError, match="did you mean 'lam'"):
        Comparison(PAIRS, {"plain": {"lamb": 1.0}}, **options)
    with pytest.raises(InputError, match="unknown picture 'petrra'; did you mean 'petra'"):
        Comparison([("petrra", "night_cafe")], CANDIDATES, **options)
    with pytest.raises(InputError, match="the grid is empty"):
        Comparison(PAIRS, {}, **options)
