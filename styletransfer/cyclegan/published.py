"""The sets that Zhu et al. 2017 published (vangogh2photo, monet2photo, …).

They are downloaded when they are first used: TensorFlow Datasets has their addresses and checksums,
and stores them in its own folder (TFDS_DATA_DIR, or ~/tensorflow_datasets).
"""

import hashlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .._tensorflow import tf
from ..errors import InputError
from ..pictures.downloads import why_no_download
from ..pictures.images import as_picture, fit, resize

log = logging.getLogger("styletransfer")

PUBLISHED = (
    "vangogh2photo",
    "monet2photo",
    "cezanne2photo",
    "ukiyoe2photo",
    "summer2winter_yosemite",
    "horse2zebra",
    "apple2orange",
    "maps",
    "facades",
    "iphone2dslr_flower",
)
"""Names of the sets; in each, A is what the name begins with."""

SPLITS = ("trainA", "trainB", "testA", "testB")


@dataclass(frozen=True)
class PublishedPicture:
    """A picture of a published set, as PNG without loss; its name is set, split and number."""

    name: str
    png: bytes

    credit = "Zhu et al. 2017, published data sets"

    def load(self, *, size: int | None = None) -> np.ndarray:
        """The picture as float32 (H, W, 3) in [0, 1], its long side `size` pixels where given."""
        with Image.open(io.BytesIO(self.png), formats=["PNG"]) as image:
            array = as_picture(np.asarray(image.convert("RGB")))
        return array if size is None else resize(array, fit(array.shape, size))

    def checksum(self) -> str:
        """SHA-256 of the PNG's bytes."""
        return hashlib.sha256(self.png).hexdigest()


def splits(name: str) -> dict[str, tuple[int, Iterator[PublishedPicture]]]:
    """How many pictures each split of a set has, and the pictures.

    Raises:
        InputError: TensorFlow Datasets or a package that it needs is not installed, or the set is
            not here and cannot be downloaded.
    """
    full_name = f"cycle_gan/{name}"
    try:
        # It imports some of its own modules only when they are used: any of these lines may fail.
        import tensorflow_datasets

        builder = tensorflow_datasets.builder(full_name)
        if not builder.is_prepared():
            said = "Downloading %s through TensorFlow Datasets (80 to 1500 MB) to %s"
            log.warning(said, name, builder.data_dir)
        loaded = tensorflow_datasets.load(full_name, split=list(SPLITS), shuffle_files=False)
    except ImportError as error:
        log.debug("How the import failed:", exc_info=True)
        raise InputError(
            "the published sets come with TensorFlow Datasets, which cannot be imported here "
            f"({error}): pip install 'styletransfer[published]'"
        ) from None
    except Exception as error:  # requests', TensorFlow's and its own
        log.debug("How the download failed:", exc_info=True)
        reason = str(error).partition("\n")[0]
        if isinstance(error, (OSError, ValueError)):
            reason = why_no_download(error)
        raise InputError(
            f"the published set {name!r} is not here and could not be downloaded: {reason}"
        ) from None
    return {
        split: (len(examples), _pictures(examples, f"{name}/{split}"))
        for split, examples in zip(SPLITS, loaded, strict=True)
    }


def _pictures(examples: tf.data.Dataset, name: str) -> Iterator[PublishedPicture]:
    for number, example in enumerate(examples):
        png = tf.io.encode_png(example["image"], compression=1).numpy()
        yield PublishedPicture(f"{name}/{number}", png)
