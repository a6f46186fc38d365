"""The picture that the optimiser changes: where it starts, and how it grows from size to size."""

import numpy as np

from .cyclegan.generators import generator_of
from .pictures.images import resize
from .runs.request import Request

MEAN_COLOUR = np.array([123.68, 116.779, 103.939], np.float32) / 255
"""RGB, of the pictures that VGG was trained on: what Keras' preprocessing makes zero."""


def first_canvas(request: Request, shape: tuple[int, int]) -> np.ndarray:
    """Where a run starts, float32 (height, width, 3) in [0, 1].

    Noise is white, as the paper says, around the mean colour, as in the authors' texture code
    (leongatys/DeepTextures@289dfe6), whose deviation is 1/255.

    Raises:
        InputError: `init` is "generator", and there is none of this painting.
    """
    settings = request.settings
    if request.start is not None:
        return resize(request.start.picture, shape)
    if settings.init == "noise":
        generator = np.random.default_rng(settings.seed)
        noise = generator.standard_normal((*shape, 3), dtype=np.float32)
        return np.clip(MEAN_COLOUR + np.float32(settings.noise) * noise, 0, 1)
    if settings.init == "generator":
        return generator_of(request.style.members)(resize(request.content.picture, shape))
    source = request.style.members[0] if settings.init == "style" else request.content
    return resize(source.picture, shape)


def enlarged(request: Request, image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The picture so far, float (H, W, 3), at another size, float32 (height, width, 3).

    A run that starts from the photograph gets the detail of it that the smaller size could not
    hold: on one pair (256 to 512 px) 60 steps then led as far as 100 without it, and to a picture
    without speckles.
    """
    larger = resize(image, shape)
    from_photo = request.start is None and request.settings.init == "content"
    if not from_photo or tuple(shape) == image.shape[:2]:
        return larger
    photo = request.content.picture
    detail = resize(photo, shape) - resize(resize(photo, image.shape[:2]), shape)
    return np.clip(larger + detail, 0, 1)
