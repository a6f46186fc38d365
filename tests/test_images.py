"""Pictures as they come: good files are read right, bad ones are refused in a sentence."""

import io
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageCms

from styletransfer.errors import InputError
from styletransfer.pictures.images import FORMATS, as_picture, fit, read_image, resize, save_image


@pytest.fixture
def rgb(rng):
    """8-bit RGB, 12 x 20, smooth enough that lossy formats keep it."""
    return np.asarray(
        Image.fromarray(rng.integers(0, 256, (3, 5, 3), dtype=np.uint8)).resize(
            (20, 12), Image.Resampling.BICUBIC
        )
    )


def close(found, expected, tolerance=0.5):
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_allclose(found * 255, expected, atol=tolerance)


@pytest.mark.parametrize(
    ("ending", "options"), [("png", {}), ("webp", {"lossless": True}), ("bmp", {}), ("tiff", {})]
)
def test_lossless_formats(tmp_path, rgb, ending, options):
    Image.fromarray(rgb).save(tmp_path / f"x.{ending}", **options)
    close(read_image(tmp_path / f"x.{ending}"), rgb)


def test_grey(tmp_path, rgb):
    Image.fromarray(rgb[..., 0]).save(tmp_path / "x.png")
    close(read_image(tmp_path / "x.png"), np.repeat(rgb[..., :1], 3, axis=2))


def test_one_bit(tmp_path, rgb):
    Image.fromarray(rgb[..., 0] > 128).save(tmp_path / "x.png")
    close(read_image(tmp_path / "x.png"), np.repeat((rgb[..., :1] > 128) * 255.0, 3, axis=2))


def test_palette(tmp_path, rgb):
    image = Image.fromarray(rgb).quantize(16)
    image.save(tmp_path / "x.png")
    close(read_image(tmp_path / "x.png"), np.asarray(image.convert("RGB")))


def test_palette_with_transparency(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "x.png", transparency=0)
    close(read_image(tmp_path / "x.png"), np.array([[[255, 255, 255], [0, 0, 255]]], float))


def test_alpha_lies_over_white(tmp_path, rgb):
    alpha = np.linspace(0, 255, 20, dtype=np.uint8)[None].repeat(12, 0)
    Image.fromarray(np.dstack([rgb, alpha])).save(tmp_path / "x.png")
    share = alpha[..., None] / 255
    close(read_image(tmp_path / "x.png"), rgb * share + 255 * (1 - share))


def test_grey_with_alpha(tmp_path, rgb):
    Image.fromarray(np.dstack([rgb[..., 0], np.full((12, 20), 51, np.uint8)])).save(
        tmp_path / "x.png"
    )
    close(read_image(tmp_path / "x.png"), np.repeat(rgb[..., :1] * 0.2 + 255 * 0.8, 3, axis=2))


def test_cmyk(tmp_path, rgb):
    cmyk = Image.merge("CMYK", [*Image.fromarray(255 - rgb).split(), Image.new("L", (20, 12), 0)])
    cmyk.save(tmp_path / "x.jpg", quality=100, subsampling=0)
    close(read_image(tmp_path / "x.jpg"), rgb, tolerance=6)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_sixteen_bit_grey(tmp_path, ending):
    values = np.linspace(0, 65535, 240).reshape(12, 20).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / f"x.{ending}")
    close(
        read_image(tmp_path / f"x.{ending}"),
        np.repeat(values[..., None] / 257, 3, axis=2),
        tolerance=0.01,
    )


def _png(width, height, depth, colour, rows):
    """A PNG by hand: Pillow writes no 16-bit colour."""

    def chunk(kind, data):
        return (
            len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        )

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_sixteen_bit_colour(tmp_path, rng):
    values = rng.integers(0, 65536, (5, 7, 3)).astype(">u2")
    (tmp_path / "x.png").write_bytes(_png(7, 5, 16, 2, [row.tobytes() for row in values]))
    close(read_image(tmp_path / "x.png"), values / 257, tolerance=1)


def test_thirty_two_bit_grey_is_refused(tmp_path):
    Image.fromarray(np.full((4, 4), 10**6, np.int32)).save(tmp_path / "x.tiff")
    with pytest.raises(InputError, match="more than 16 bits"):
        read_image(tmp_path / "x.tiff")


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "bmp", "tiff", "avif"])
def test_damaged_files_never_end_in_a_traceback(tmp_path, rgb, rng, ending):
    """Cut and altered files of every format: read, or refused in a sentence."""
    path = tmp_path / f"x.{ending}"
    Image.fromarray(rgb.repeat(4, 0).repeat(4, 1)).save(path)
    whole, refused = path.read_bytes(), 0
    for trial in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        path.write_bytes(data[: rng.integers(1, len(data))] if trial % 2 else data)
        try:
            read_image(path)
        except InputError:
            refused += 1
    assert refused


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, rgb, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(tmp_path / "x.png", exif=exif)
    # EXIF 2.32, tag 274: which side of the scene the first row and the first column are.
    upright = {
        1: rgb,
        2: rgb[:, ::-1],
        3: rgb[::-1, ::-1],
        4: rgb[::-1],
        5: rgb.transpose(1, 0, 2),
        6: np.rot90(rgb, -1),
        7: rgb.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(rgb),
    }[orientation]
    close(read_image(tmp_path / "x.png"), upright)


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_animation_gives_its_first_frame(tmp_path, ending):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / f"x.{ending}", save_all=True, append_images=frames[1:], lossless=True)
    close(read_image(tmp_path / f"x.{ending}"), np.array([[[255, 0, 0]] * 4] * 4, float))


def test_icc_profile_is_converted(tmp_path):
    """A linear profile's middle grey, 0.5, is sRGB's 188: IEC 61966-2-1."""
    grey = np.full((4, 4, 3), 128, np.uint8)
    profile = _linear_profile()
    Image.fromarray(grey).save(tmp_path / "x.png", icc_profile=profile)
    linear = 128 / 255
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    close(read_image(tmp_path / "x.png"), np.full((4, 4, 3), expected), tolerance=1.5)


def _linear_profile():
    """The sRGB profile with the identity as tone curves: their tag then counts no entries."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(data[128:132], "big")
    for i in range(count):
        entry = data[132 + 12 * i : 144 + 12 * i]
        if bytes(entry[:4]) in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(entry[4:8], "big")
            data[offset : offset + 12] = b"curv" + bytes(4) + (0).to_bytes(4, "big")
    return bytes(data)


def test_broken_profile_is_ignored(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "x.png", icc_profile=b"nonsense")
    close(read_image(tmp_path / "x.png"), rgb)


def _file(tmp_path, content):
    (tmp_path / "x.png").write_bytes(content)
    return tmp_path / "x.png"


def test_bad_files(tmp_path, rgb, monkeypatch):
    buffer = io.BytesIO()
    Image.fromarray(rgb.repeat(20, 0).repeat(20, 1)).save(buffer, "PNG")
    whole = buffer.getvalue()
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(InputError, match="is a folder"):
        read_image(tmp_path)
    with pytest.raises(InputError, match="empty file"):
        read_image(_file(tmp_path, b""))
    with pytest.raises(InputError, match="not a picture"):
        read_image(_file(tmp_path, b"hello world" * 100))
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(InputError, match=r"damaged or truncated|not a picture"):
            read_image(_file(tmp_path, whole[: int(share * len(whole))]))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for factor in (1, 40):  # Pillow warns up to twice its limit, and raises above
        Image.fromarray(rgb.repeat(3, 0).repeat(2 * factor, 1)).save(tmp_path / "bomb.png")
        with pytest.raises(InputError, match="megapixels"):
            read_image(tmp_path / "bomb.png")


@pytest.mark.parametrize(
    ("array", "complaint"),
    [
        (np.zeros((4, 4, 4)), "shape"),
        (np.zeros(5), "shape"),
        (np.zeros((0, 4, 3)), "shape"),
        (np.zeros((4, 4, 3), int), "floats"),
        (np.full((4, 4, 3), np.nan), "not finite"),
        (np.full((4, 4, 3), np.inf), "not finite"),
        (np.full((4, 4, 3), 200.0), "span"),
        (np.full((4, 4, 3), -0.1), "span"),
    ],
)
def test_bad_arrays(array, complaint):
    with pytest.raises(InputError, match=complaint):
        as_picture(array)


def test_good_arrays(rgb):
    close(as_picture(rgb), rgb)
    close(as_picture(rgb[..., 0].astype(float) / 255), np.repeat(rgb[..., :1], 3, axis=2))


def test_fit_and_resize(rgb):
    assert fit((600, 800, 3), 400) == (300, 400)
    assert fit((800, 600), 1600) == (1600, 1200)
    assert fit((1, 1000), 100) == (1, 100)
    picture = as_picture(rgb)
    large = resize(picture, (120, 200))
    assert large.shape == (120, 200, 3)
    assert large.min() >= 0
    assert large.max() <= 1
    # Lanczos keeps the mean; a box filter does so exactly.
    np.testing.assert_allclose(
        resize(large, (12, 20)).mean((0, 1)), picture.mean((0, 1)), atol=0.01
    )
    assert np.ptp(resize(np.full((9, 9, 3), 0.25, np.float32), (33, 21))) < 1e-6


@pytest.mark.parametrize(
    ("ending", "tolerance"), [("png", 0), ("webp", 0), ("tif", 0), ("jpg", 14)]
)
def test_save_and_read_again(tmp_path, rgb, ending, tolerance):
    save_image(as_picture(rgb), tmp_path / f"x.{ending}")
    close(read_image(tmp_path / f"x.{ending}"), rgb, tolerance=tolerance + 1e-3)
    assert [file.name for file in tmp_path.iterdir()] == [f"x.{ending}"]


def test_postscript_is_not_handed_to_another_program(tmp_path, rgb, monkeypatch):
    """Pillow would run Ghostscript on it, whatever the file is called."""
    ghostscript = tmp_path / "gs"
    ghostscript.write_text(f"#!/bin/sh\ntouch {tmp_path}/it-is-run\n")
    ghostscript.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once
    Image.fromarray(rgb).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.jpg")
    with pytest.raises(InputError, match="not a picture in a format that is read"):
        read_image(tmp_path / "x.jpg")
    assert not (tmp_path / "it-is-run").exists()


@pytest.mark.parametrize("name", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA"])
def test_the_ending_does_not_matter(tmp_path, name):
    assert name in FORMATS
    Image.new("RGB", (8, 4), "white").save(tmp_path / "x.data", format=name)
    close(read_image(tmp_path / "x.data"), np.full((4, 8, 3), 255.0))


@pytest.mark.parametrize("name", ["PCX", "SGI", "DDS"])
def test_other_formats_are_refused(tmp_path, name):
    Image.new("RGB", (8, 4), "white").save(tmp_path / "x.png", format=name)
    with pytest.raises(InputError, match="not a picture in a format that is read"):
        read_image(tmp_path / "x.png")
