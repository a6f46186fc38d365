"""Baked pages: what a reader sees and does with them in Chromium."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from styletransfer import cli, load_image
from styletransfer.pictures.images import read_image, resize, save_image
from styletransfer.runs.code import code_of
from styletransfer.runs.record import Result, picture_checksum
from styletransfer.runs.request import Request
from styletransfer.settings import Settings
from styletransfer.study.page import Kept, bake

from .pages import POINTS, TINY, data_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def baked(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    runs.to_html(path, judged=False)
    return path


@pytest.fixture
def visit(page):
    """Opens a page from its file, without a network, where nothing may be asked for or said."""
    asked = []
    page.context.set_offline(True)
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))

    def opened(path):
        page.goto(path.as_uri())
        expect(page.get_by_role("status")).not_to_be_empty()
        return page

    yield opened
    assert page.complaints == []
    assert {url.partition(":")[0] for url in asked} == {"file"}


def decoded(address):
    head, _, text = address.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")) / 255


def apart(a, b):
    return float(np.sqrt(np.mean((a - b) ** 2)))


def shown(page):
    """The number of the run whose picture and record are shown."""
    picture = decoded(page.locator("#shown").get_attribute("src"))
    made = [page.sweep[i].image for i in range(len(POINTS))]
    distances = [apart(picture, image) if image.shape == picture.shape else 1 for image in made]
    assert min(distances) < 0.04  # by WebP
    assert sorted(distances)[1] > 1.2 * min(distances)
    return int(np.argmin(distances))


def seen(page, left, right):
    """The frame on the screen, reduced to the run's own 64 px: some columns above the knob."""
    frame = Image.open(io.BytesIO(page.locator("#frame").screenshot())).convert("RGB")
    return np.asarray(frame.resize((64, 45)))[2:16, left:right] / 255


def words(value):
    """A number as the page writes it."""
    digits, _, exponent = f"{value:.2e}".partition("e")
    if value == 0 or value >= 1e-3:
        return f"{value:g}"
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(digits):g}·10{power}".removeprefix("1·")


def test_moving_through_runs(visit, baked, runs):
    page = visit(baked)
    page.sweep = runs
    status, slider = page.get_by_role("status"), page.get_by_role("slider", name="λ", exact=True)
    expect(page).to_have_title("Neural style transfer")
    assert shown(page) == 1  # the least λ
    assert page.get_by_role("img", name="petra in the manner of night_cafe").count() == 1
    assert "in common: embedded (vgg16), 64 px, 8 steps." in page.locator("#common").inner_text()

    for key, number in (("ArrowRight", 2), ("End", 0), ("ArrowLeft", 2), ("Home", 1)):
        slider.press(key)
        assert shown(page) == number
        assert f"λ = {words(POINTS[number]['lam'])}." in status.inner_text()
        assert slider.get_attribute("aria-valuetext") == words(POINTS[number]["lam"])
    losses = runs.record(1)["picture"]["losses"]
    row = page.get_by_role("row", name="Content loss").get_by_role("cell").inner_text()
    assert float(row.replace("·10⁻", "e-")) == pytest.approx(losses["content"], rel=0.01)

    # Between kept values, by keys and by mouse: nearest in the logarithm
    field = page.get_by_role("spinbutton", name="λ, typed")
    for typed, number in ((0.002, 2), (0.0002, 1), (99, 0), (0, 1)):
        field.fill(str(typed))
        field.press("Enter")
        assert shown(page) == number
        kept = words(POINTS[number]["lam"])
        nearest = f"with λ = {words(typed)}; nearest kept: λ = {kept}."
        assert nearest in status.inner_text()
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.35 * box["width"], box["y"] + box["height"] / 2)
    assert shown(page) == 2
    between = float(field.input_value())
    assert 0.0003 < between < 0.0008
    assert f"λ = {words(between)}; nearest kept: λ = 0.001." in status.inner_text()
    assert slider.get_attribute("aria-valuetext") == f"{words(between)}, nearest kept: 0.001"

    # What is missing is said
    slider.press("End")
    page.get_by_role("radio", name="great wave").check()
    assert shown(page) == 4
    assert "No picture was kept here with λ = 0.03; nearest kept: λ = 0.001." in status.inner_text()
    page.get_by_role("radio", name="proposal").check()
    said = (
        "No picture was kept with painting = great wave, form = proposal. There are pictures with "
    )
    expect(status).to_have_text(f"{said}painting = night cafe, form = proposal.")
    expect(page.get_by_text("Not kept", exact=True)).to_be_visible()
    expect(page.locator("#shown")).to_be_hidden()
    page.get_by_role("radio", name="night cafe").check()
    assert shown(page) == 5
    expect(page.get_by_text("Not kept", exact=True)).to_be_hidden()
    missing = "Not made: style = night_cafe, form = proposal, lam = 0.03, seed = 7."
    expect(page.locator("#missing")).to_have_text(missing)


def test_the_wipe(visit, baked, runs):
    page = visit(baked)
    page.sweep = runs
    wipe = page.get_by_role("slider", name="Wipe between the two pictures")
    photo = resize(load_image("petra"), runs[0].image.shape[:2])[2:16]
    painted = seen(page, 0, 64)
    assert apart(painted, runs[1].image[2:16]) < 0.06
    wipe.press("End")
    assert apart(seen(page, 0, 62), photo[:, :62]) < 0.06
    assert apart(painted, photo) > 0.1
    wipe.press("Home")
    assert apart(seen(page, 0, 64), painted) < 0.03

    box = page.locator("#frame").bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 30)
    page.mouse.up()
    assert wipe.input_value() == "25"
    assert apart(seen(page, 0, 15), photo[:, :15]) < 0.06
    assert apart(seen(page, 18, 64), painted[:, 18:]) < 0.03
    expect(page.locator("#sides")).to_have_text("Left of the line: the photograph.")

    # Against another run, whose numbers stand beside
    page.get_by_role("button", name="Pin this picture").click()
    page.get_by_role("slider", name="λ", exact=True).press("End")
    assert shown(page) == 0
    assert apart(seen(page, 0, 15), painted[:, :15]) < 0.03
    assert apart(seen(page, 18, 64), runs[0].image[2:16, 18:]) < 0.06
    assert apart(runs[0].image, runs[1].image) > 0.1
    assert page.get_by_role("columnheader").all_inner_texts() == ["shown", "pinned"]
    assert page.locator("#other").get_attribute("src") == data_of(baked)["runs"][1]["picture"]
    page.get_by_role("combobox", name="Compare with").select_option("the photograph")
    assert apart(seen(page, 0, 15), photo[:, :15]) < 0.06


def test_the_picture_is_made_again(visit, baked, runs, tmp_path, monkeypatch, capsys):
    """By the lines of Python as they stand there, and from the record."""
    page = visit(baked)
    monkeypatch.chdir(tmp_path)
    code = page.locator("#code").inner_text()
    assert code == code_of(runs.record(1))
    exec(code, {})
    checksum = runs.record(1)["picture"]["sha256"]
    assert picture_checksum(read_image("out.png")) == checksum
    with page.expect_download() as download:
        page.get_by_role("link", name="Download its record").click()
    name = download.value.suggested_filename
    assert name == "petra-night_cafe-0.0001.json"
    download.value.save_as(name)
    assert json.loads((tmp_path / name).read_text("utf-8")) == runs.record(1)
    capsys.readouterr()
    assert cli.main(["--replay", name, "--quiet"]) == 0
    assert "differs" not in capsys.readouterr().err
    assert picture_checksum(read_image("petra-night_cafe-0.0001.png")) == checksum


CONTRASTS = """() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => channels(color).slice(0, 3).map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return channels(color)[3] === 0 ? behind(element.parentElement) : color;
  };
  const own = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return [...document.querySelectorAll("body *, input")]
    .filter((e) => (own(e) || e.type === "number") && e.checkVisibility() && e.tagName !== "OPTION")
    .map((e) => [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a))
    .map(([most, least]) => (most + 0.05) / (least + 0.05));
}"""  # WCAG 2.2, relative luminance and contrast ratio


def test_light_dark_narrow_and_with_names(visit, baked):
    page = visit(baked)
    page.get_by_role("button", name="Pin this picture").click()
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) > 30
        assert min(contrasts) >= 4.5
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]
    for width in (360, 600, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    tree = page.locator("body").aria_snapshot()
    assert not re.search(r'- (slider|spinbutton|combobox|button|link|radio)(?! ")', tree), tree
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    assert page.locator("img:not([alt])").count() == 0


def test_nothing_of_a_name_is_markup(visit, runs, tmp_path):
    bad, path = "</script><b>bold</b>&lt;i&gt;\u2028{{data}}", tmp_path / "page.html"
    save_image(load_image("night_cafe", size=40), tmp_path / "<b>'\"&amp;.png")
    request = Request.open("petra", tmp_path / "<b>'\"&amp;.png", Settings(**TINY))
    result = Result(runs[0].image, {**runs.record(0), "style": request.style.about})
    kept = [Kept({"statistic": word}, result, request) for word in (bad, "gram")]
    bake(kept, path, title=bad, judged=False, missing=[bad])
    page = visit(path)
    assert page.locator("b, i").count() == 0
    assert page.get_by_role("heading", level=1).text_content() == bad
    assert page.get_by_role("status").text_content() == f"Shown: statistic = {bad}."
    assert page.locator("#missing").text_content() == f"Not made: {bad}."
    page.get_by_role("radio", name="gram").check()
    expect(page.get_by_role("status")).to_have_text("Shown: statistic = gram.")


def test_without_the_judge(no_judges, visit, runs, tmp_path):
    runs.to_html(tmp_path / "page.html", progress=False)
    said = visit(tmp_path / "page.html").locator("#judge")
    expect(said).to_have_text("The judge's numbers are left out. Its networks were not here.")
