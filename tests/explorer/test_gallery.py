"""The thumbnails, chosen with mouse and keys, in a wide window and a narrow one."""

import pytest
from playwright.sync_api import expect

from styletransfer.pictures import datasets

from .browser import button, open_alone

pytestmark = pytest.mark.browser


def test_paintings_stand_under_their_painters(served, page):
    open_alone(page, served)
    gallery = page.get_by_role("listbox", name="Painting", exact=True)
    assert gallery.locator(".st-group-name").all_inner_texts() == list(datasets.artists())
    for artist in datasets.artists():
        group = gallery.get_by_role("group", name=artist, exact=True)
        names = [option.get_attribute("data-key") for option in group.get_by_role("option").all()]
        assert names == list(datasets.paintings(artist=artist))
        titles = [painting.title for painting in datasets.paintings(artist=artist).values()]
        assert group.locator("button span").all_text_contents() == titles
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

    for width in (1920, 1280, 600, 375):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function(f"document.documentElement.scrollWidth <= {width}")
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
