"""Settings and collections of pictures that are refused, with a sentence that says what to do."""

import numpy as np
import pytest

from styletransfer import transfer
from styletransfer.errors import InputError

TINY = {"size": 64, "sizes": (40, 64), "steps": (6, 6), "backbone": "embedded"}
# Some of their checksums stand before that of the other picture, some behind.
GREYS = (0.0, 0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize(
    ("style", "options", "complaint"),
    [
        ([], {}, "the style picture is an empty list; name at least one picture"),
        ((), {}, "the style picture is an empty list; name at least one picture"),
        (["night_cafe", "petrra"], {}, "unknown picture 'petrra'; did you mean 'petra'"),
        (["night_cafe", "missing.jpg"], {}, "there is no file missing.jpg"),
        (
            ["night_cafe", np.zeros((3, 3))[None, None]],
            {},
            r"the style picture \(2 of 2\) must be an array",
        ),
        *(
            (
                ["night_cafe", np.full((2, 90, 3), grey)],
                {},
                r"the style \(90 x 2 array\) picture has 40 x 1 pixels",
            )
            for grey in GREYS
        ),
        (
            ["night_cafe", "pere_tanguy"],
            {"style_scale": 1e4},
            r"a style \(\w+\) picture of .* is above",
        ),
        (
            ["night_cafe", "pere_tanguy"],
            {"init": "style"},
            "init is 'style', but the style is 2 pictures; name one",
        ),
    ],
)
def test_bad_collections(style, options, complaint):
    with pytest.raises((InputError, FileNotFoundError), match=complaint):
        transfer("petra", style, progress=False, **{**TINY, **options})


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"stepps": 3}, "unknown setting 'stepps'; did you mean 'steps'"),
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"steps": 1}, "too few for 2 sizes"),
        ({"steps": 10.5}, "steps must be a whole number"),
        ({"steps": (3, 0)}, "steps must be a whole number of at least 1"),
        ({"steps": (3, 4, 5)}, "steps has 3 numbers for 2 sizes"),
        ({"steps": "many"}, "steps must be a whole number"),
        ({"quality": "norml"}, "unknown quality 'norml'; did you mean 'normal'"),
        ({"tile": 32}, "tile must be a whole number of at least 64"),
        (
            {"precision": "bf16"},
            "unknown precision 'bf16'; there are: auto, float32, winograd, mixed",
        ),
        ({"history": 0}, "history must be a whole number of at least 1"),
        ({"size": 10**6, "sizes": None, "steps": None}, "megapixels"),
        ({"sizes": (64, 40)}, "sizes must grow"),
        ({"sizes": ()}, "sizes must grow"),
        ({"size": 100}, "size is 100, but sizes end at 64"),
        ({"sizes": (8, 64)}, "too few for the deepest layer"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"momentum": 1.0}, "momentum must be a number below 1"),
        ({"learning_rate": 0}, "learning_rate must be a number above 0"),
        ({"style_scale": -1.0}, "style_scale"),
        ({"noise": -0.1}, "noise must be a number of at least 0"),
        ({"noise": 1.1}, "noise must be a number of at most 1, not 1.1"),
        ({"noise": float("nan")}, "noise must be finite"),
        ({"floor": -0.1}, "floor must be a number of at least 0"),
        ({"padding": "mirror"}, "unknown padding 'mirror'; there are: zero, replicate, reflect"),
        ({"style_scale": 1e4}, "a style picture of .* is above"),
        ({"content_layers": None}, "content_layers must have a value"),
        ({"omega": 0.5}, "omega has 1 weights for 5"),
        ({"omega": (1, 1, 1, 1, None)}, "omega must be a number, not None"),
        ({"steps": (None, 5)}, "steps must be a whole number, not None"),
        ({"optimizer": None}, "optimizer must have a value; its default is 'lbfgs'"),
        ({"seed": None}, "seed must have a value; its default is 0"),
    ],
)
def test_bad_settings(pair, options, complaint):
    with pytest.raises(InputError, match=complaint):
        transfer(*pair, progress=False, **{**TINY, **options})
