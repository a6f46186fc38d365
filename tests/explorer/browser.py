"""What a visitor of the page does and sees."""

import re

from playwright.sync_api import expect


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def wait_for_message(page, text):
    expect(page.locator(".st-message:visible").first).to_contain_text(re.compile(text))


def fill(page, setting, value):
    field = page.locator(f".st-row-{setting} input").first
    field.fill(str(value))
    field.press("Enter")


def preview(page):
    return page.locator(".st-wipe-right").get_attribute("src")


def open_alone(page, served, **options):
    """The page of its own that `make explorer` opens."""
    page.goto(served("voila", **options))
    button(page, "Run").wait_for()


def run_the_cell(page):
    """Run the notebook's cell in JupyterLab, as often as it takes.

    JupyterLab drops what is asked of a kernel that is not there yet.
    """
    page.get_by_text("| Idle").wait_for()
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").first
    before = prompt.inner_text()
    for _ in range(10):
        page.get_by_text("Explorer(folder").click()
        page.keyboard.press("Shift+Enter")
        try:
            expect(prompt).not_to_have_text(before, timeout=20_000)
            break
        except AssertionError:
            continue
    button(page, "Run").wait_for()


def run(page):
    """Press Run when a visitor would: nothing is under way, and no complaint stands there."""
    expect(page.locator(".st-message.st-bad")).to_have_count(0)
    expect(button(page, "Run")).to_be_enabled()
    button(page, "Run").click()


def begin(page, *, size=160, steps=400):
    """Choose pictures and a small size, and run."""
    page.locator('button[data-key="petra"]').click()
    page.locator('button[data-key="night_cafe"]').click()
    fill(page, "size", size)
    if not page.locator(".st-row-steps").is_visible():
        page.get_by_text("More settings").click()
    fill(page, "steps", steps)
    fill(page, "backbone", "embedded")
    run(page)
