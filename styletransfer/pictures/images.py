"""Pictures in and out of arrays.

Outside the loss network a picture is a float32 array (H, W, 3), RGB, sRGB-encoded, in [0, 1].
"""

import contextlib
import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..errors import InputError, log
from .files import atomic_path, check_file, check_writable

MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 0
"""Pillow's own limit against decompression bombs: 89,478,485 pixels."""

# Pillow decodes vector graphics as well, and hands PostScript to another program.
_RASTER = "PNG JPEG MPO WEBP AVIF GIF BMP DIB TIFF JPEG2000 PPM TGA ICO"
Image.init()
FORMATS = tuple(name for name in _RASTER.split() if name in Image.OPEN)
"""The formats that are read, for `PIL.Image.open`."""


def read_image(path: str | os.PathLike, *, size: int | None = None) -> np.ndarray:
    """Read a picture file.

    The first frame counts where there are several. The EXIF orientation is applied, an ICC profile
    is converted to sRGB (but for 16-bit grey), transparency is laid over white, grey becomes three
    equal channels, 16 bits are scaled to [0, 1].

    Args:
        path: a file in one of `FORMATS`, whatever its name.
        size: long side in pixels of what is returned; None leaves the file's own size.

    Returns:
        float32 (H, W, 3) in [0, 1].

    Raises:
        FileNotFoundError: there is no such file.
        InputError: it is no file, empty, truncated, no picture, or larger than `MAX_PIXELS`.
    """
    path = Path(path)
    check_file(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path} is an empty file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # Damaged metadata (EXIF, TIFF tags) is warned about; the picture itself decides.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            with Image.open(path, formats=FORMATS) as image:
                array = _decode(image)
    except UnidentifiedImageError:
        raise InputError(
            f"{path} is not a picture in a format that is read ({', '.join(FORMATS)})"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        most = f"{MAX_PIXELS / 1e6:.0f} megapixels"
        raise InputError(f"{path} has more than {most}; reduce it first") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: there is no permission") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        log.debug("%s cannot be decoded.", path, exc_info=True)
        raise InputError(
            f"{path} cannot be decoded: it is damaged or truncated ({error})"
        ) from None
    return array if size is None else resize(array, fit(array.shape, size))


def _decode(image: Image.Image) -> np.ndarray:
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "I;16", "I;16B", "I;16L"):  # Pillow gives 16-bit grey in any of these
        grey = np.asarray(image, dtype=np.float64) / 65535
        if grey.max() > 1:
            raise InputError(
                "it has more than 16 bits a channel, whose range is not known; save it with 16 or 8"
            )
        return as_picture(grey)
    if image.mode == "F":
        return as_picture(np.asarray(image), "a floating-point picture")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"), dtype=np.float32)[..., None] / 255
        return _srgb(image.convert("RGB"), profile) * alpha + (1 - alpha)
    known = image.mode in ("RGB", "L", "CMYK", "LAB")
    return _srgb(image if known else image.convert("RGB"), profile)


def _srgb(image: Image.Image, profile: bytes | None) -> np.ndarray:
    converted = None
    if profile:
        # Other viewers, too, ignore a profile that is damaged or made for another mode.
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    return np.asarray(converted or image.convert("RGB"), dtype=np.float32) / 255


def as_picture(array: np.ndarray, name: str = "the picture") -> np.ndarray:
    """Check an array and give it the form that the library works with.

    Args:
        array: (H, W, 3), or grey as (H, W) or (H, W, 1); floats in [0, 1], or uint8 in 0..255.
        name: what to call it in an error.

    Returns:
        float32 (H, W, 3) in [0, 1], contiguous.

    Raises:
        InputError: another shape, type or range, or a value that is not finite.
    """
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise InputError(f"{name} must be an array of shape (height, width, 3), not {array.shape}")
    if array.dtype == np.uint8:
        array = array.astype(np.float32) / 255
    elif not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name} must hold floats in [0, 1] or uint8, not {array.dtype}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} has values that are not finite (NaN or infinity)")
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        raise InputError(f"{name} must lie in [0, 1], but its values span {low:.4g} to {high:.4g}")
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)), dtype=np.float32)


def fit(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Height and width in the proportions of `shape` (H, W, …), the long side `size` pixels."""
    height, width = shape[:2]
    scale = size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def resize(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resample a picture to (H, W) with Pillow's antialiased Lanczos filter, clipped to [0, 1]."""
    if tuple(array.shape[:2]) == tuple(shape):
        return array
    height, width = shape
    channels = [
        np.asarray(Image.fromarray(channel).resize((width, height), Image.Resampling.LANCZOS))
        for channel in np.moveaxis(np.asarray(array, np.float32), -1, 0)
    ]
    return np.clip(np.stack(channels, axis=-1), 0, 1)


def encode(array: np.ndarray) -> np.ndarray:
    """Float values in [0, 1] rounded to uint8, 0..255; values outside are clipped."""
    return np.round(np.clip(array, 0, 1) * 255).astype(np.uint8)


def save_image(array: np.ndarray, path: str | os.PathLike) -> None:
    """Write a picture; the file appears whole or not at all.

    Args:
        array: float (H, W, 3) in [0, 1]; it is rounded to 8 bits.
        path: the ending names the format: .png, .jpg, .webp or .tif.

    Raises:
        InputError: no picture, an unknown ending, or a place that cannot be written.
    """
    picture = Image.fromarray(encode(as_picture(array)))
    format = check_writable(path)
    options: dict[str, dict[str, int]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    with atomic_path(path) as temporary:
        picture.save(temporary, format=format, **options.get(format, {}))
