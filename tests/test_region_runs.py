"""Runs with regions: label pictures, records, saved runs, sweeps, and what is refused."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from styletransfer import Objective, Run, Settings, load_image, sweep, transfer
from styletransfer.cli import main
from styletransfer.errors import InputError
from styletransfer.pictures.colour import match
from styletransfer.pictures.images import fit
from styletransfer.runs.code import code_of
from styletransfer.runs.record import read_record
from styletransfer.runs.request import Request

FIRST, SECOND, THIRD = np.array([[0, 0, 250], [0, 250, 0], [250, 0, 0]], np.uint8)
QUICK = {"sizes": (64,), "steps": 3, "backbone": "embedded", "progress": False}


def mask(labels, *colours):
    return np.array(colours or (FIRST, SECOND), np.uint8)[labels]


@pytest.fixture(scope="module")
def masks(labels):
    return mask(labels[0]), mask(labels[1], FIRST, SECOND, THIRD), mask(labels[2])


@pytest.mark.slow
def test_a_run_with_masks(pair, paintings, masks):
    options = {**QUICK, "steps": 12}
    guided = transfer(pair[0], paintings, masks=masks, **options)
    assert guided.caption.endswith("12 steps, in regions")
    swapped = transfer(pair[0], paintings[::-1], masks=[masks[0], *masks[:0:-1]], **options)
    np.testing.assert_array_equal(guided.image, swapped.image)  # the order given does not count
    wider = transfer(pair[0], paintings, masks=masks, guide="all", **options)
    assert np.abs(wider.image - guided.image).max() > 0.01


def test_regions_belong_to_the_identity(pair, paintings, masks, tmp_path):
    def identity(regions=None, masks=None, **settings):
        settings = Settings(size=64, backbone="embedded", regions=regions, **settings)
        return Request.open(pair[0], paintings, settings, masks=masks).identity

    names = []
    for i, one in enumerate(masks):
        names.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(one).save(names[-1])
    found = identity(names)
    (tmp_path / "copy.png").write_bytes((tmp_path / "0.png").read_bytes())
    assert identity([str(tmp_path / "copy.png"), *names[1:]]) == found
    changed = masks[0].copy()
    changed[0, 0] = SECOND
    Image.fromarray(changed).save(tmp_path / "copy.png")
    assert identity([str(tmp_path / "copy.png"), *names[1:]]) != found
    others = [identity(), identity("match"), identity("match:4"), identity(names, guide="all")]
    assert len({found, *others, identity(masks=masks)}) == 6
    assert identity(guide="all") == others[0]  # without regions it does nothing


def test_a_record_with_regions_is_replayed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shape = fit(load_image("petra").shape, 90)
    sky = np.zeros(shape, int)
    sky[: shape[0] // 2] = 1
    Image.fromarray(mask(sky, [255, 255, 255], [0, 0, 0])).save("my mask.png")
    words = ["--size", "48", "--steps", "3", "--backbone", "embedded", "--quiet"]
    given = ["petra", "night_cafe,great_wave", "--out", "out.png", *words]
    assert main([*given, "--regions", "my mask.png,white,black"]) == 0
    before = (tmp_path / "out.png").read_bytes()
    record, settings = read_record("out.json")
    assert sorted(settings.regions) == ["black", "my mask.png", "white"]
    names = [about["picture"] for about in record["style"]["pictures"]]
    assert dict(zip(names, settings.regions[1:], strict=True)) == {
        "night_cafe": "white",
        "great_wave": "black",
    }
    assert main(["--replay", "out.json", "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    assert (tmp_path / "out.png").read_bytes() == before
    Image.fromarray(mask(1 - sky)).save("my mask.png")
    assert main(["--replay", "out.json", "--quiet"]) == 2
    assert "masks picture my mask.png has changed" in capsys.readouterr().err
    assert (
        main([*given[:2], "--out", "my mask.png", *words, "--regions", "my mask.png,red,lime"]) == 2
    )


@pytest.mark.slow
@pytest.mark.parametrize("found", [False, True])
def test_a_run_with_regions_goes_on_where_it_was_saved(pair, paintings, masks, tmp_path, found):
    masks, regions = (None, "match:2") if found else (masks, None)
    options = {"sizes": (48, 64), "steps": (2, 3), "backbone": "embedded", "color": "monge"}
    settings = Settings(mix=(1, 3), regions=regions, **options)
    whole = Run(pair[0], paintings, settings, masks=masks).finish()
    run = Run(pair[0], paintings, settings, masks=masks)
    next(run)
    run.save(tmp_path / "run.npz")
    again = Run.load(tmp_path / "run.npz").finish()
    np.testing.assert_allclose(again.image, whole.image, atol=1e-6)
    assert again.record.get("masks") == whole.record.get("masks")
    assert len(run.inputs) == (3 if found else 6)
    json.dumps(whole.record)


def test_the_code_of_a_run_with_regions(pair, paintings, masks, tmp_path):
    """Names label pictures that have names; for arrays `masks` stands, and no setting."""
    Image.fromarray(masks[0]).save(tmp_path / "mask.png")
    named = (str(tmp_path / "mask.png"), "#0000fa", "#00fa00")
    for given, line in (
        ({"regions": named}, None),
        ({"masks": masks}, "    masks=masks,"),
    ):
        result = transfer(pair[0], paintings, **QUICK, **given)
        lines = code_of(result.record).splitlines()
        regions = [each for each in lines if each.startswith("    regions=")]
        assert (line in lines, len(regions)) == ((True, 0) if line else (False, 1))
        if not line:
            assert sorted(eval(regions[0].split("=")[1].strip(","))) == sorted(named)


@pytest.mark.slow
def test_a_sweep_over_regions(pair, paintings, tmp_path):
    Image.fromarray(mask(np.repeat([[0, 1]], 24, 0).repeat(16, 1))).save(tmp_path / "mask.png")
    regions = [None, "match:2", (str(tmp_path / "mask.png"), "#0000fa", "#00fa00")]
    options = {**QUICK, "steps": 2, "store": tmp_path / "store"}
    found = sweep(pair[0], list(paintings), {"regions": regions}, **options)
    assert found.missing == []
    assert len(set(found.table["identity"])) == 3
    assert found.errors == {}


def test_colours_are_matched_region_by_region(pair, paintings, labels, masks):
    photo = pair[0]
    run = Run(photo, paintings, Settings(color="chol", size=64, backbone="embedded"), masks=masks)
    prepared = [p.copy() for p in paintings]
    for region, (painting, own) in enumerate(zip(prepared, labels[1:], strict=True)):
        here = own == region
        painting[here] = match(painting[here], photo[labels[0] == region], by="chol")
    expected = Objective(photo, prepared, labels=labels, backbone="embedded")
    assert run.objective(photo).style == pytest.approx(expected(photo).style, rel=1e-4)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ("half.png", "regions is 'half.png'; it must be match, or match:2 to match:16"),
        ("match:1", "it must be match, or match:2 to match:16"),
        ("match:17", "it must be match, or match:2 to match:16"),
        ("half.png,white", "there are 1 label pictures for 2 paintings"),
        ("half.png,white,gold", "no painting has the region #000000 of half.png"),
        ("half.png,white,nowhere.png", "there is no file nowhere.png"),
        ("half.png,white,empty.png", "empty.png is an empty file"),
        ("wide.png,white,black", "wide.png has 64 x 16 pixels, and its picture 64 x 48"),
        ("one.png,white,black", "one.png has one colour; it divides nothing"),
        ("photo.png,white,black", "photo.png has .* colours; give every region one"),
    ],
)
def test_bad_regions_end_in_one_sentence(pair, tmp_path, monkeypatch, capsys, regions, said):
    monkeypatch.chdir(tmp_path)
    half = np.zeros((48, 64, 3), np.uint8)
    half[:20] = 255
    for name, picture in {
        "half": half,
        "wide": half[:32:2],
        "one": half[:1].repeat(48, 0),
        "photo": np.round(255 * pair[0]).astype(np.uint8),
    }.items():
        Image.fromarray(picture).save(f"{name}.png")
    (tmp_path / "empty.png").touch()
    words = ["photo.png", "night_cafe,great_wave", "--out", "out.png", "--backbone", "embedded"]
    assert main([*words, "--size", "48", "--steps", "2", "--quiet", "--regions", regions]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not (tmp_path / "out.png").exists()


def test_arrays_are_masks_and_no_setting(pair, masks):
    with pytest.raises(InputError, match="regions must be text, not an array"):
        Settings(regions=masks)


def test_a_label_picture_of_another_size_is_said_once(pair, paintings, masks, caplog):
    twice = masks[0].repeat(2, 0).repeat(2, 1)
    settings = Settings(sizes=(48, 64), steps=2, backbone="embedded")
    with caplog.at_level("INFO", "styletransfer"):
        run = Run(pair[0], list(paintings), settings, masks=[twice, *masks[1:]])
        run.finish()
    said = [record.message for record in caplog.records if "label picture" in record.message]
    assert len(said) == 1
    assert "128 x 96 pixels, and is resized" in said[0]
