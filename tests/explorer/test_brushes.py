"""Regions that are painted on the page."""

import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from styletransfer import load_image
from styletransfer.errors import InputError
from styletransfer.explorer import Explorer
from styletransfer.explorer.brushes import COLOURS
from styletransfer.explorer.session import opened
from styletransfer.pictures.images import read_image
from styletransfer.pictures.strokes import WIDTH, drawn, grown
from styletransfer.settings import Settings

from .browser import button, fill, open_alone, run, wait_for_message

UPPER = {"brush": 0, "points": [[0.1, 0.2], [0.9, 0.2]]}
LOWER = {"brush": 2, "points": [[0.5, 0.8]]}


def test_strokes_are_as_wide_as_said():
    found = drawn([UPPER, LOWER], (80, 100))
    rows, columns = np.mgrid[:80, :100]
    to_line = np.hypot(columns - np.clip(columns, 10, 90), rows - 16)
    to_point = np.hypot(columns - 50, rows - 64)
    for number, distance in ((1, to_line), (3, to_point)):
        assert (found[distance <= 100 * WIDTH / 2 - 1] == number).all()
        assert (distance[found == number] <= 100 * WIDTH / 2 + 1).all()
    assert set(np.unique(found)) == {0, 1, 3}


def test_regions_grow_to_the_edges(rng):
    photo = np.full((60, 80, 3), 0.3)
    edge = (20 + 15 * np.sin(np.arange(80) / 12)).round().astype(int)
    truth = np.arange(60)[:, None] < edge
    photo[truth] += [0, 0.2, 0.4]
    photo = np.clip(photo + rng.normal(0, 0.03, photo.shape), 0, 1)
    strokes = drawn([{"brush": 0, "points": [[0.1, 0.1], [0.4, 0.1]]}, LOWER], truth.shape)
    found = grown(photo, strokes)
    assert set(np.unique(found)) == {1, 3}
    assert ((found == 1) == truth).mean() > 0.98
    with pytest.raises(InputError, match="paint with a second brush"):
        grown(photo, np.minimum(strokes, 1))


@pytest.fixture
def explorer(tmp_path):
    page = Explorer(folder=tmp_path / "saved", store=tmp_path / "runs")
    yield page
    page.close()


def test_what_is_painted_is_a_setting(explorer):
    """It can be emptied, replaced and brought back like any other; the pictures go with it."""
    bench, field = explorer.workbench, explorer.controls.fields["regions"]
    bench.regions.brush.strokes = [UPPER]
    assert "paint with a second brush" in bench.regions.message.value
    assert field.value == ""
    bench.regions.brush.strokes = [UPPER, LOWER]
    assert bench.regions.message.value == ""
    name, *colours = field.value.split(", ")
    assert colours == [COLOURS[0], COLOURS[2]]
    labels = read_image(explorer._folder / name)
    found = {tuple(pixel) for pixel in np.round(255 * labels).astype(int).reshape(-1, 3)}
    assert found == {(0xE6, 0x9F, 0), (0, 0x9E, 0x73)}

    request = bench._request()
    names = [member.about["picture"] for member in request.style.members]
    assert names == ["cafe_terrace_at_night", "composition_viii"]
    assert f"regions={(name, *colours)!r}" in bench.code.text
    bench.regions.paintings[COLOURS[2]].value = "poppies"
    assert "['cafe_terrace_at_night', 'poppies']" in bench.code.text
    again = bench._request()
    run = opened(again)
    assert len(run.masks.members) == 3

    field.value = "match"
    assert bench._request().masks is None
    assert bench._request().style.about["picture"] == "cafe_terrace_at_night"
    bench.regions.brush.strokes = []
    assert field.value == "match"

    for settings in (run.settings, Settings()):
        explorer.controls.show(settings)
        bench.regions.take(run)
        back = opened(bench._request())
        assert (back.identity == run.identity) == (settings is run.settings)
    explorer.photo.choose("petra")
    bench.regions.brush.strokes = [UPPER, LOWER]
    assert field.value.split(", ")[0] != name
    bench.regions.brush.strokes = []
    assert field.value == ""


def paint(page, brush, *points):
    page.get_by_role("radio", name=brush).click()
    area = page.locator(".st-brush canvas").bounding_box()
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


@pytest.mark.browser
def test_a_region_is_painted_and_keeps_its_colours(served, page, tmp_path, command):
    open_alone(page, served)
    page.locator('button[data-key="petra"]').click()
    page.locator('button[data-key="night_cafe"]').click()
    page.get_by_text("Regions", exact=True).click()
    canvas = page.locator(".st-brush canvas")
    expect(canvas).not_to_have_js_property("width", 300)  # the photograph is there
    canvas.scroll_into_view_if_needed()
    paint(page, "Brush 1", (0.1, 0.15), (0.9, 0.15))
    expect(page.get_by_text("paint with a second brush, too")).to_be_visible()
    paint(page, "Brush 2", (0.1, 0.85), (0.9, 0.85))
    expect(page.locator(".st-brush-regions")).to_be_visible()
    page.get_by_label("Brush 2").select_option("The Great Wave off Kanagawa")
    page.locator(".st-row-color select").select_option("luminance")
    fill(page, "size", 96)
    page.get_by_text("More settings").click()
    field = page.locator(".st-row-regions input")
    assert field.input_value().startswith("inputs/")
    fill(page, "steps", 4)
    fill(page, "backbone", "embedded")
    run(page)
    wait_for_message(page, "Finished")
    page.get_by_placeholder("name of the file").fill("kept")
    button(page, "Save").click()
    wait_for_message(page, "Saved as saved/kept.png")

    saved = tmp_path / "saved"
    record = json.loads((saved / "kept.json").read_text())
    labels = np.asarray(Image.open(saved / record["masks"]["pictures"][0]["picture"]))
    height, width = labels.shape[:2]
    for row, colour in ((0.15, (0xE6, 0x9F, 0)), (0.85, (0x56, 0xB4, 0xE9))):
        line = labels[round(row * height), round(0.15 * width) : round(0.85 * width)]
        assert (line == colour).all()
    paintings = [about["picture"] for about in record["style"]["pictures"]]
    belongs = dict(zip(paintings, record["settings"]["regions"][1:], strict=True))
    assert belongs == {"night_cafe": COLOURS[0], "great_wave": COLOURS[1]}
    # What the transfer added to a pixel is grey, and it added something in both regions.
    image = read_image(saved / "kept.png")
    change = image - load_image("petra", size=96)
    inside = ((image > 0.01) & (image < 0.99)).all(-1)
    assert inside.mean() > 0.7
    assert np.abs(change - change.mean(-1, keepdims=True))[inside].max() < 2 / 255
    for half in np.array_split(change, 2):
        assert np.abs(half).mean() > 0.01

    before = (saved / "kept.png").read_bytes()
    done = command("--replay", saved / "kept.json")
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stderr
    assert (saved / "kept.png").read_bytes() == before
    assert not page.complaints
