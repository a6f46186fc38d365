"""Figures show what they were given."""

import numpy as np
import pytest

from styletransfer.study import figures


def test_side_by_side(rng):
    pictures = {
        "a\nfirst": rng.random((20, 40, 3)),
        "b": rng.random((30, 20, 3)),
        "c": rng.random((8, 8, 3)),
    }
    axes = [a for a in figures.side_by_side(pictures, columns=2).axes if a.images]
    assert [axis.get_title() for axis in axes] == list(pictures)
    for axis, picture in zip(axes, pictures.values(), strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), picture)
    long = "a caption that is far too long for a picture so small"
    (title,) = [a.get_title() for a in figures.side_by_side({long: pictures["c"]}).axes]
    assert title.replace("\n", " ") == long
    assert max(map(len, title.splitlines())) <= 3.2 / 0.08
    with pytest.raises(ValueError, match="no picture"):
        figures.side_by_side({})


def test_loss_curves_add_up():
    history = [
        {
            "size": 32 if i < 3 else 64,
            "step": i,
            "seconds": 0.5 * i,
            "loss": 9.0 + i,
            "content": 5.0 + i,
            "style": 0.4,
        }
        for i in range(6)
    ]
    (axis,) = figures.losses({"history": history, "settings": {"lam": 10.0}}).axes
    curves = {line.get_label(): line for line in axis.lines if not line.get_label().startswith("_")}
    assert list(curves) == ["total", "content", "λ · style"]
    np.testing.assert_allclose(curves["λ · style"].get_ydata(), 4.0)
    np.testing.assert_allclose(
        curves["total"].get_ydata(), curves["content"].get_ydata() + curves["λ · style"].get_ydata()
    )
    assert [text.get_text().strip() for text in axis.texts] == ["32 px", "64 px"]
