"""The page, driven in a real browser: JupyterLab and Voilà are started here, and Chromium opens them."""

import csv
import io
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from styletransfer import load_image, sweep
from styletransfer.cyclegan import Generator
from styletransfer.forms import FORMS
from styletransfer.pictures import datasets
from styletransfer.settings import Settings

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
HOME = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: apt-get install chromium"
)

PATIENCE = 180_000  # milliseconds, on a machine that has other things to do, too

WITHOUT_LAB = "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension"  # as `make explorer` does

CELL = 'from styletransfer.explorer import Explorer\n\nExplorer(folder="saved", store="runs")'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(tmp_path):
    """Starts a server in a folder with the notebook; gives its address, its log and the folder."""
    started = []

    def serve(program, *words, cell=CELL):
        notebook = json.loads((HOME / "notebooks" / "explorer.ipynb").read_text())
        notebook["cells"][1]["source"] = cell
        (tmp_path / "explorer.ipynb").write_text(json.dumps(notebook))
        port, log = free_port(), (tmp_path / "server.log").open("wb")
        environment = {
            name: str(tmp_path / name.lower())
            for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
        }
        process = subprocess.Popen(
            [sys.executable, "-m", program, *words, f"--port={port}", "--no-browser"],
            cwd=tmp_path,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        started.append((process, log))
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return address
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            assert time.monotonic() < end, (tmp_path / "server.log").read_text()
            time.sleep(0.2)

    yield serve
    for process, log in started:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        log.close()
    text = (tmp_path / "server.log").read_text()
    assert "Traceback" not in text, text


@pytest.fixture
def page():
    """A tab of a new Chromium; what its console complains of fails the test."""
    flags = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-component-update",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*flags, "--disable-background-networking", "--disable-sync"],
        )
        tab = browser.new_page(viewport={"width": 1280, "height": 800})
        tab.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        complaints = []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        # Voilà's own page asks a distant host for icons, which nothing here uses and which a closed network refuses.
        tab.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error"
                and "127.0.0.1" in message.location.get("url", "127.0.0.1")
                else None
            ),
        )
        tab.complaints = complaints
        yield tab
        browser.close()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def message(page):
    return page.locator(".st-message:visible").first


def wait_for_message(page, text):
    expect(message(page)).to_contain_text(re.compile(text))


def fill(page, setting, value):
    field = page.locator(f".st-row-{setting} input").first
    field.fill(str(value))
    field.press("Enter")


def preview(page):
    return page.locator("img.st-preview, .st-preview img").first.get_attribute("src")


def begin(page, *, size=160, steps=400):
    """Choose pictures and a small size, and run."""
    page.locator('button[data-key="petra"]').click()
    page.locator('button[data-key="night_cafe"]').click()
    fill(page, "size", size)
    if not page.locator(".st-row-steps").is_visible():
        page.get_by_text("More settings").click()
    fill(page, "steps", steps)
    page.locator(".st-row-backbone input").fill("embedded")
    page.locator(".st-row-backbone input").press("Enter")
    button(page, "Run").click()


def run_the_cell(page):
    """Run the notebook's cell in JupyterLab, which drops what is asked of a kernel that is not there yet."""
    page.get_by_text("| Idle").wait_for()
    page.get_by_text("Explorer(folder").click()
    page.keyboard.press("Shift+Enter")
    button(page, "Run").wait_for()


def test_a_visit(served, page, tmp_path, command):
    """Voilà: choose, run, watch, change λ, pause, go on, stop, save, compare, bring back, vote; and replay."""
    grids = {"lam": [10.0, 100.0], "pooling": ["max"]}, {"lam": [10.0], "pooling": ["avg"]}
    for grid in grids:
        kept = {
            "store": tmp_path / "runs",
            "size": 64,
            "steps": 2,
            "form": "gatys-code",
            "backbone": "embedded",
        }
        sweep("eiffel_tower", "pere_tanguy", grid, **kept, progress=False)
    page.goto(served("voila", "explorer.ipynb", WITHOUT_LAB))
    button(page, "Run").wait_for()
    begin(page)

    # The picture grows: it is another at least every two seconds.
    page.wait_for_function("document.querySelector('.st-where').textContent.includes('step')")
    seen, end = {}, time.monotonic() + 6
    while time.monotonic() < end:
        seen.setdefault(preview(page), time.monotonic())
        page.wait_for_timeout(50)
    times = list(seen.values())
    assert len(times) > 3
    assert max(np.diff(times)) < 2

    # λ moves during the run, which goes on.
    page.locator(".st-row-lam .noUi-handle").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_message(page, "goes on from the present picture")

    button(page, "Pause").click()
    wait_for_message(page, "Paused")
    page.wait_for_timeout(600)
    still = preview(page)
    page.wait_for_timeout(1500)
    assert preview(page) == still
    button(page, "Go on").click()
    page.wait_for_function(
        "before => document.querySelector('.st-preview').src !== before", arg=still
    )
    button(page, "Stop").click()
    wait_for_message(page, "Stopped")
    page.locator(".st-curves").wait_for()

    page.get_by_placeholder("name of the file").fill("kept")
    button(page, "Save").click()
    wait_for_message(page, "Saved as saved/kept.png")
    record = json.loads((tmp_path / "saved" / "kept.json").read_text())
    assert record["settings"]["lam"] == FORMS[Settings.form].lam  # and no step of the slider
    assert record["changes"][0]["lam"] > record["settings"]["lam"]
    before = (tmp_path / "saved" / "kept.png").read_bytes()
    done = command("--replay", tmp_path / "saved" / "kept.json")
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stderr
    assert (tmp_path / "saved" / "kept.png").read_bytes() == before

    # Another run to its end, and the two side by side.
    fill(page, "steps", 10)
    button(page, "Run").click()
    wait_for_message(page, "Finished")
    strip = page.locator(".st-strip button")
    assert strip.count() == 2
    page.get_by_text("Compare two runs").click()
    wipe = page.locator(".st-wipe ~ input")
    wipe.fill("250")
    assert "75%" in page.locator(".st-wipe-left").get_attribute("style")
    assert "Run 1" in page.locator(".st-wipe-names").inner_text()
    strip.first.click()
    wait_for_message(page, "are back")
    assert page.locator(".st-row-steps input").first.input_value() == "400"
    page.get_by_text("Copy as code").click()
    assert "steps=400" in page.locator(".st-code").inner_text()

    # The sweep browser: what is kept is there at once, and where there is no such run it says so and shows the nearest.
    page.get_by_role("tab", name="Sweeps").click()
    caption = page.locator(".st-sweep-caption")
    lam, pooling = (page.locator(".noUi-handle:visible").nth(k) for k in range(2))
    lam.press("End")
    expect(caption).to_contain_text("λ = 100")
    pooling.press("Home")
    expect(caption).to_contain_text("λ = 10,")
    expect(caption).to_contain_text("no run is kept that differs in pooling alone")
    pooling.press("End")
    expect(caption).not_to_contain_text("differs")

    page.get_by_role("tab", name="Which is better?").click()
    for question, answer in (("style", "Left"), ("content", "Right"), ("overall", "Neither")):
        page.locator(f".st-ask-{question}").get_by_role("button", name=answer).click()
    button(page, "Vote").click()
    wait_for_message(page, "Kept in")
    with (tmp_path / "saved" / "votes.csv").open(newline="") as file:
        votes = list(csv.DictReader(file))
    assert [(vote["question"], vote["answer"]) for vote in votes] == [
        ("style", "left"),
        ("content", "right"),
        ("overall", "neither"),
    ]
    assert not page.complaints


def test_paintings_stand_under_their_painters(served, page):
    """Mouse and keys choose what is under the headings, and a narrow window has all of it."""
    page.goto(served("voila", "explorer.ipynb", WITHOUT_LAB))
    button(page, "Run").wait_for()
    gallery = page.get_by_role("listbox", name="Painting", exact=True)
    assert gallery.locator(".st-group-name").all_inner_texts() == list(datasets.artists())
    for artist in datasets.artists():
        group = gallery.get_by_role("group", name=artist, exact=True)
        names = [option.get_attribute("data-key") for option in group.get_by_role("option").all()]
        assert names == list(datasets.paintings(artist=artist))
    photos = page.get_by_role("listbox", name="Photograph", exact=True)
    assert photos.get_by_role("option").count() == len(datasets.photos())
    assert photos.get_by_role("group").count() == 0

    def chosen(name):
        expect(gallery.locator('[aria-selected="true"]')).to_have_attribute("data-key", name)
        expect(page.locator(".st-column")).to_contain_text(datasets.paintings()[name].credit)

    chosen("cafe_terrace_at_night")
    gallery.locator('[data-key="poppies"]').click()
    chosen("poppies")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    chosen("harvesters")
    # What is not of the collection stands before it, under no name.
    button(page, "Swap the two").click()
    expect(gallery.locator("button").first).to_have_attribute("data-key", "your own")
    assert gallery.locator('.st-group [data-key="your own"]').count() == 0
    expect(gallery.locator('[aria-selected="true"]')).to_have_attribute("data-key", "your own")

    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= 375")
    groups = gallery.locator(".st-group").all()
    for part in (gallery, *groups, button(page, "Run"), button(page, "Stop")):
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375

    # The gallery scrolls to what was chosen, and shows the name above it, too.
    gallery.evaluate("list => { list.scrollTop = 0; }")
    wave, name = gallery.locator('[data-key="great_wave"]'), gallery.get_by_text("Hokusai")
    wave.evaluate("option => option.click()")  # Playwright's own click would scroll
    chosen("great_wave")
    outer, upper, lower = (part.bounding_box() for part in (gallery, name, wave))
    assert outer["y"] - 1 < upper["y"] < upper["y"] + upper["height"] <= lower["y"] + 1
    assert lower["y"] + lower["height"] < outer["y"] + outer["height"] + 1
    assert not page.complaints


def decoded(image):
    """What the browser has of an image."""
    script = "async image => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]"
    return np.asarray(Image.open(io.BytesIO(bytes(image.evaluate(script))))) / 255


def test_a_vote_on_pictures_that_are_given(served, page, tmp_path):
    """As 10_cnn_or_gan feeds it: each photograph through several methods; two at a time are shown, without names."""
    paint, photos = (
        Generator("photo2vangogh"),
        {name: load_image(name, size=96) for name in ("petra", "eiffel_tower")},
    )
    made = {
        p: {"content copy": x, "(c) CycleGAN": paint(x), "mirrored": x[:, ::-1]}
        for p, x in photos.items()
    }
    np.savez(
        tmp_path / "made.npz",
        **{f"{p}/{method}": x for p, each in made.items() for method, x in each.items()},
    )
    cell = """import numpy as np
from styletransfer.explorer import Explorer

given = {}
for name, picture in np.load("made.npz").items():
    photo, method = name.split("/")
    given.setdefault(photo, {})[method] = picture
Explorer(folder="saved", store="runs", compare=given)"""
    page.goto(served("voila", "explorer.ipynb", WITHOUT_LAB, cell=cell))
    button(page, "Run").wait_for()
    page.get_by_role("tab", name="Which is better?").click()
    pictures, shown = page.locator(".widget-image:visible"), []
    for _ in range(6):
        expect(pictures).to_have_count(2)
        text = page.locator("body").inner_text()
        assert not any(method in text for method in ("content copy", "CycleGAN", "mirrored"))
        shown.append([decoded(pictures.nth(k)) for k in range(2)])
        for question in ("style", "content", "overall"):
            page.locator(f".st-ask-{question}").get_by_role("button", name="Left").click()
        button(page, "Vote").click()
        page.wait_for_function(
            "document.querySelectorAll('.st-ask-style .mod-active').length === 0"
        )
        wait_for_message(page, "Kept in")
    with (tmp_path / "saved" / "votes.csv").open(newline="") as file:
        votes = [vote for vote in csv.DictReader(file) if vote["question"] == "style"]
    asked = {(vote["subject"], frozenset((vote["left"], vote["right"]))) for vote in votes}
    assert asked == {
        (p, frozenset(two)) for p in photos for two in itertools.combinations(made[p], 2)
    }
    for vote, pair in zip(
        votes, shown, strict=True
    ):  # the names that are kept are those of the pictures shown
        for side, picture in zip(("left", "right"), pair, strict=True):
            apart = {
                method: np.abs(picture - x).mean() for method, x in made[vote["subject"]].items()
            }
            assert min(apart, key=apart.get) == vote[side]
            assert apart[vote[side]] < 0.05
    button(page, "Show the table").click()
    expect(page.locator(".st-votes")).to_contain_text("(c) CycleGAN")
    assert not page.complaints


def test_bad_input(served, page, tmp_path):
    """JupyterLab: uploads that cannot be used, impossible settings, two runs at once, a stop before the first step."""
    Image.new("L", (10_000, 9_500)).save(tmp_path / "huge.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    Image.fromarray((255 * load_image("petra", size=96)).astype(np.uint8)).save(
        tmp_path / "mine.png"
    )
    address = served("jupyterlab", "--ServerApp.token=secret", "--ServerApp.allow_root=True")
    page.goto(f"{address}/lab/tree/explorer.ipynb?token=secret")
    run_the_cell(page)

    chooser = page.locator(".st-upload input").first
    for name, words in (
        ("broken.jpg", "broken.jpg"),
        ("huge.png", "huge.png has more than 89 megapixels"),
    ):
        chooser.set_input_files(tmp_path / name)
        wait_for_message(page, words)
    assert not list((tmp_path / "saved" / "inputs").iterdir())
    chooser.set_input_files(tmp_path / "mine.png")
    page.locator('button[data-key="your own"]').first.wait_for()

    fill(page, "size", 16)
    wait_for_message(page, "too few for the deepest layer|give a larger size")
    fill(page, "size", 160)
    page.get_by_text("More settings").click()
    fill(page, "steps", "many")
    wait_for_message(page, "steps cannot be 'many'")
    fill(page, "steps", 3000)
    button(page, "Run").click()
    button(page, "Stop").click()
    wait_for_message(page, "Stopped|stopped before the first step")
    begin(page, steps=3000)
    expect(button(page, "Run")).to_be_disabled()
    page.wait_for_function("document.querySelector('.st-where').textContent.includes('step')")
    button(page, "Save").click()
    wait_for_message(page, "Saved as")
    (record,) = (tmp_path / "saved").glob("*.json")
    assert json.loads(record.read_text())["stopped"] == "ended early"

    # The tab is closed and opened again: the run has gone on, and the page has it.
    where = page.locator(".st-where").inner_text()
    page.reload()
    run_the_cell(page)
    wait_for_message(page, "what was under way goes on")
    expect(button(page, "Stop")).to_be_enabled()
    expect(page.locator('button[data-key="petra"]')).to_have_attribute("aria-selected", "true")
    page.wait_for_function(
        "before => !['', before].includes(document.querySelector('.st-where').textContent)",
        arg=where,
    )

    # A restart in the middle: the page says so, what was saved is whole, and the cell makes a new page.
    page.get_by_text("Explorer(folder").click()
    for key in ("Escape", "0", "0"):
        page.keyboard.press(key)
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".st-banner:visible").wait_for()
    assert load_image(record.with_suffix(".png")).shape[1] == 160
    run_the_cell(page)
    page.locator(".st-banner:visible").wait_for(state="hidden")
    begin(page, steps=8)
    wait_for_message(page, "Finished")
