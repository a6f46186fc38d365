"""A visit from the first choice to the vote, in a real browser."""

import csv
import json
import re

import pytest
from playwright.sync_api import expect

from styletransfer import sweep
from styletransfer.forms import FORMS
from styletransfer.settings import Settings

from .browser import begin, button, fill, open_alone, preview, run, wait_for_message

pytestmark = pytest.mark.browser


def another_picture(page, before):
    page.wait_for_function(
        "before => document.querySelector('.st-wipe-right').src !== before", arg=before
    )


def test_a_run(served, page, tmp_path, command):
    """Choose, run, watch, change λ, pause, go on, stop, save, compare, bring back; and replay."""
    open_alone(page, served)
    # Before the first run its photograph stands where the picture will be.
    expect(page.locator(".st-wipe-right")).to_have_js_property("naturalWidth", 1024)
    begin(page)

    # The picture grows, step by step.
    where, steps = page.locator(".st-where"), []
    for _ in range(4):
        before = preview(page)
        another_picture(page, before)
        expect(where).to_contain_text("step")
        steps.append(int(re.search(r"step (\d+)", where.inner_text())[1]))
    assert steps == sorted(steps)
    assert steps[-1] > steps[0]

    # λ moves during the run, which goes on.
    page.locator(".st-row-lam .noUi-handle").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_for_message(page, "goes on from the present picture")

    button(page, "Pause").click()
    wait_for_message(page, "Paused")
    page.wait_for_timeout(1000)
    still = preview(page)
    page.wait_for_timeout(2000)
    assert preview(page) == still
    button(page, "Go on").click()
    another_picture(page, still)
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
    run(page)
    wait_for_message(page, "Finished")
    strip, names = page.locator(".st-strip button"), page.locator(".st-wipe-names")
    expect(strip).to_have_count(2)
    left = page.locator(".st-wipe-left")
    expect(left).to_have_js_property("naturalWidth", 1024)
    expect(names).to_contain_text("the photograph")
    page.locator(".st-wipe ~ input").fill("250")
    assert "75%" in left.get_attribute("style")
    page.get_by_label("Compare with").select_option("Run 1")
    expect(names).to_contain_text("Run 1")
    expect(left).to_have_js_property("naturalWidth", 160)
    strip.first.click()
    wait_for_message(page, "are back")
    expect(page.locator(".st-row-steps input").first).to_have_value("400")
    page.get_by_text("Copy as code").click()
    expect(page.locator(".st-code")).to_contain_text("steps=400")

    page.get_by_role("tab", name="Which is better?").click()
    for question, answer in (("style", "Left"), ("content", "Right"), ("overall", "Neither")):
        page.locator(f".st-ask-{question}").get_by_role("button", name=answer).click()
    button(page, "Vote").click()
    wait_for_message(page, "Kept in")
    with (tmp_path / "saved" / "votes.csv").open(newline="") as file:
        votes = {vote["question"]: vote["answer"] for vote in csv.DictReader(file)}
    assert votes == {"style": "left", "content": "right", "overall": "neither"}
    assert not page.complaints


def test_moving_through_sweeps(served, page, tmp_path):
    """What is kept is there at once; where there is no such run, it says so and shows the next."""
    open_alone(page, served)
    page.get_by_role("tab", name="Sweeps").click()
    caption, picture = page.locator(".st-sweep-caption"), page.locator("img.st-kept")
    # Nothing is stored: the package's own runs are shown.
    expect(page.get_by_text("These runs come with the package")).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 320)
    before = picture.get_attribute("src")
    page.locator(".noUi-handle:visible").press("End")
    expect(caption).to_contain_text("λ = 0.3")
    expect(picture).not_to_have_attribute("src", before)
    for grid in ({"lam": [10.0, 100.0], "pooling": ["max"]}, {"lam": [10.0], "pooling": ["avg"]}):
        tiny = {"size": 64, "steps": 2, "form": "gatys-code", "backbone": "embedded"}
        sweep("petra", "pere_tanguy", grid, store=tmp_path / "runs", progress=False, **tiny)
    button(page, "Read again").click()
    expect(page.get_by_label("Pictures", exact=True)).to_contain_text("Portrait of Père Tanguy")
    expect(page.get_by_text("These runs come with the package")).to_have_count(0)
    lam, pooling = (page.locator(".noUi-handle:visible").nth(k) for k in range(2))
    lam.press("End")
    expect(caption).to_contain_text("λ = 100")
    pooling.press("Home")
    expect(caption).to_contain_text("λ = 10,")
    expect(caption).to_contain_text("no run is kept that differs in pooling alone")
    pooling.press("End")
    expect(caption).not_to_contain_text("differs")

    button(page, "Save as page").click()
    wait_for_message(page, "Saved as saved/Petra-Portrait_of_Père_Tanguy.html")
    assert not page.complaints
    saved = page.context.browser.new_page()
    saved.goto((tmp_path / "saved" / "Petra-Portrait_of_Père_Tanguy.html").as_uri())
    expect(saved.get_by_role("status")).to_contain_text("λ = 10, pooling = ")
    saved.get_by_role("slider", name="λ", exact=True).press("End")
    expect(saved.get_by_role("status")).to_contain_text("λ = 100, pooling = max")
