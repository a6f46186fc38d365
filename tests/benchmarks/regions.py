"""The table of guides in docs/pictures.md: python tests/benchmarks/regions.py [FOLDER].

A sky in one style and a building in another: how far each is from its own painting and from the
other's, by networks that nothing here minimises, and whether the border is painted. The pictures go
into the folder.
"""

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from styletransfer import load_image, transfer
from styletransfer.regions import resized
from styletransfer.settings import Settings
from styletransfer.study.judge import style_distance

PHOTO, PAINTINGS = "palais_des_papes", ("cafe_terrace_at_night", "great_wave")
SIZE = 256
BORDER = 3  # pixels beside the border in which its change is measured


def labels_of(photo: np.ndarray) -> np.ndarray:
    """0 in the building and 1 in the sky: the largest part of a photograph that is blue."""
    blue = (photo[..., 2] - photo[..., 0] > 0.12) & (photo[..., 2] > 0.4)
    around = np.pad(blue, 8, mode="edge")
    smooth = ndimage.binary_opening(ndimage.binary_closing(around, iterations=4), iterations=3)
    parts, count = ndimage.label(smooth[8:-8, 8:-8])
    sizes = ndimage.sum_labels(parts > 0, parts, range(1, count + 1))
    return ndimage.binary_fill_holes(parts == 1 + np.argmax(sizes)).astype(int)


def main(folder: Path) -> None:
    """Make the pictures and print the table."""
    photo, paintings = load_image(PHOTO), [load_image(name, size=SIZE) for name in PAINTINGS]
    labels = labels_of(photo)
    masks = [np.eye(3)[labels], *(np.broadcast_to(np.eye(3)[i], (16, 16, 3)) for i in range(2))]
    small = load_image(PHOTO, size=SIZE)
    labels = resized(labels, small.shape[:2])
    sky = labels == 1
    border = sky & (ndimage.distance_transform_edt(sky) <= BORDER)
    print("guide: building own / other, sky own / other, change at the border (in the sky)")
    for guide in Settings.__dataclass_fields__["guide"].metadata["choices"]:
        options = {"masks": masks, "guide": guide, "size": SIZE, "backbone": "embedded"}
        result = transfer(PHOTO, PAINTINGS, **options)
        result.save(folder / f"regions-{guide}.png")
        distances = [
            style_distance(result.image, paintings[painting], small, where=labels == region)
            for region, painting in ((0, 0), (0, 1), (1, 1), (1, 0))
        ]
        change = np.abs(result.image - small).mean(-1)
        words = [
            f"{value:.2f}" for value in (*distances, change[border].mean(), change[sky].mean())
        ]
        print(guide, "{} / {}, {} / {}, {} ({})".format(*words), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
