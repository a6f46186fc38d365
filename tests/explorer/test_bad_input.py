"""JupyterLab: what cannot be used, a stop before the first step, a closed tab, a restart."""

import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from styletransfer import load_image

from .browser import begin, button, fill, run, run_the_cell, wait_for_message

pytestmark = pytest.mark.browser


@pytest.fixture
def lab(served, page):
    """JupyterLab with the notebook, whose cell has been run."""
    page.goto(f"{served('jupyterlab')}/lab/tree/explorer.ipynb?token=secret")
    run_the_cell(page)
    return page


def test_what_cannot_be_used(lab, tmp_path):
    """Uploads and settings that are refused; then a run that is stopped before its first step."""
    Image.new("L", (10_000, 9_500)).save(tmp_path / "huge.png")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    petra = (255 * load_image("petra", size=96)).astype(np.uint8)
    Image.fromarray(petra).save(tmp_path / "mine.png")
    upload = lab.locator(".st-upload input").first
    upload.set_input_files(tmp_path / "broken.jpg")
    wait_for_message(lab, "broken.jpg")
    upload.set_input_files(tmp_path / "huge.png")
    wait_for_message(lab, "huge.png has more than 89 megapixels")
    assert not list((tmp_path / "saved" / "inputs").iterdir())
    upload.set_input_files(tmp_path / "mine.png")
    lab.locator('button[data-key="your own"]').first.wait_for()

    fill(lab, "size", 16)
    wait_for_message(lab, "too few for the deepest layer|give a larger size")
    fill(lab, "size", 160)
    lab.get_by_text("More settings").click()
    fill(lab, "steps", "many")
    wait_for_message(lab, "steps cannot be 'many'")
    fill(lab, "steps", 3000)
    run(lab)
    button(lab, "Stop").click()
    wait_for_message(lab, "Stopped|stopped before the first step")
    expect(button(lab, "Run")).to_be_enabled()
    assert not lab.complaints


def test_a_closed_tab_and_a_restart(lab, tmp_path):
    """The run goes on while nobody watches; what was saved outlives the kernel."""
    begin(lab, steps=3000)
    expect(button(lab, "Run")).to_be_disabled()
    where = lab.locator(".st-where")
    expect(where).to_contain_text("step")
    button(lab, "Save").click()
    wait_for_message(lab, "Saved as")
    (record,) = (tmp_path / "saved").glob("*.json")
    assert json.loads(record.read_text())["stopped"] == "ended early"

    # The tab is closed and opened again: the run has gone on, and the page has it.
    before = where.inner_text()
    lab.reload()
    run_the_cell(lab)
    wait_for_message(lab, "what was under way goes on")
    expect(button(lab, "Stop")).to_be_enabled()
    expect(lab.locator('button[data-key="petra"]')).to_have_attribute("aria-selected", "true")
    expect(where).to_contain_text("step")
    expect(where).not_to_have_text(before)

    # A restart: the page says so, and the cell makes a new page.
    lab.get_by_text("Explorer(folder").click()
    for key in ("Escape", "0", "0"):
        lab.keyboard.press(key)
    lab.locator(".jp-Dialog .jp-mod-accept").click()
    lab.locator(".st-banner:visible").wait_for()
    assert load_image(record.with_suffix(".png")).shape[1] == 160
    run_the_cell(lab)
    lab.locator(".st-banner:visible").wait_for(state="hidden")
    begin(lab, steps=8)
    wait_for_message(lab, "Finished")
