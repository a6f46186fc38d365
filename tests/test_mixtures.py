"""Mixtures: weights of several paintings, in every layer."""

import dataclasses

import numpy as np
import pytest

from styletransfer import Objective, Settings
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.layers import STYLE_LAYERS
from styletransfer.pictures.sources import Collection
from styletransfer.regions import mixing
from styletransfer.runs.request import Request


def test_a_mixture_of_one_is_that_painting(pair, paintings):
    def found(style, **options):
        return Objective(pair[0], style, backbone="embedded", **options)(0.9 * pair[0])

    both = found(paintings)
    assert found(paintings, mix=(1, 0)) == found(paintings[0])
    assert found(paintings, mix=(0, 3)) == found(paintings[1])
    assert found(paintings, mix=(2, 2)) == both
    rows = found(paintings, mix=(1, 0, 1, 0, 0, 1, 0, 1, 1, 1)).layers["style"]
    expected = [found(p).layers["style"] for p in paintings]
    sources = [*expected[:1] * 2, *expected[1:] * 2, both.layers["style"]]
    for layer, source in zip(STYLE_LAYERS, sources, strict=True):
        assert rows[layer] == source[layer]
    mixed = found(paintings, mix=(1, 3))
    twice = found([paintings[0], paintings[1], paintings[1], paintings[1]])
    assert mixed.style == pytest.approx(twice.style, rel=1e-4)


def test_weights_go_with_their_paintings(pair, paintings):
    """Paintings are put in order; their weights follow them, in every layer."""
    settings = Settings(size=64, backbone="embedded", mix=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    swapped = dataclasses.replace(settings, mix=(2, 1, 4, 3, 6, 5, 8, 7, 10, 9))
    requests = [
        Request.open(pair[0], style, options)
        for style, options in ((paintings, settings), (paintings[::-1], swapped))
    ]
    assert requests[0].identity == requests[1].identity
    assert requests[0].identity != Request.open(pair[0], paintings, swapped).identity
    opened = requests[0]
    assert isinstance(opened.style, Collection)
    weights = {
        member.picture.shape: opened.settings.mix[number::2]
        for number, member in enumerate(opened.style.members)
    }
    assert weights[paintings[0].shape] == (1, 3, 5, 7, 9)
    again = Request.open(opened.content, opened.style, opened.settings)
    assert again.settings == opened.settings


def test_mixing():
    np.testing.assert_array_equal(mixing(None, paintings=2, layers=3), np.ones((3, 2)))
    np.testing.assert_array_equal(mixing((1, 0), paintings=2, layers=2), [[1, 0], [1, 0]])
    np.testing.assert_array_equal(mixing((1, 0, 0, 1), paintings=2, layers=2), np.eye(2))
    with pytest.raises(InputError, match=r"mix has 3 weights; .*\(2\).*layer \(4\)"):
        mixing((1, 2, 3), paintings=2, layers=2)
    with pytest.raises(InputError, match="mix leaves a style layer without a painting"):
        mixing((1, 0, 0, 0), paintings=2, layers=2)


def test_a_mixture_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--size", "48", "--steps", "2", "--backbone", "embedded", "--quiet"]
    style = ["petra", "night_cafe,great_wave", "--out", "out.png", *words, "--mix"]
    assert main([*style, "1,0 1,0 0,1 0,1 0,1"]) == 0
    before = (tmp_path / "out.png").read_bytes()
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert (tmp_path / "out.png").read_bytes() == before
    assert main([*style, "1,2,3"]) == 2
    assert "mix has 3 weights" in capsys.readouterr().err
