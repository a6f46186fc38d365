"""A blind vote on pictures that are given, as 10_cnn_or_gan gives them."""

import csv
import io
import itertools

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from styletransfer import load_image
from styletransfer.cyclegan import Generator

from .browser import button, open_alone, wait_for_message

pytestmark = pytest.mark.browser

CELL = """import numpy as np
from styletransfer.explorer import Explorer

given = {}
for name, picture in np.load("made.npz").items():
    photo, method = name.split("/")
    given.setdefault(photo, {})[method] = picture
Explorer(folder="saved", store="runs", compare=given)"""


def decoded(image):
    """What the browser has of an image."""
    script = "async image => [...new Uint8Array(await (await fetch(image.src)).arrayBuffer())]"
    return np.asarray(Image.open(io.BytesIO(bytes(image.evaluate(script))))) / 255


def test_two_pictures_at_a_time_without_names(served, page, tmp_path):
    paint, made, arrays = Generator("photo2vangogh"), {}, {}
    for photo in ("petra", "eiffel_tower"):
        x = load_image(photo, size=96)
        made[photo] = {"content copy": x, "(c) CycleGAN": paint(x), "mirrored": x[:, ::-1]}
        arrays |= {f"{photo}/{method}": picture for method, picture in made[photo].items()}
    np.savez(tmp_path / "made.npz", **arrays)
    open_alone(page, served, cell=CELL)
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
        (p, frozenset(two)) for p in made for two in itertools.combinations(made[p], 2)
    }
    # The names that are kept are those of the pictures shown.
    for vote, pair in zip(votes, shown, strict=True):
        for side, picture in zip(("left", "right"), pair, strict=True):
            methods = made[vote["subject"]]
            apart = {method: np.abs(picture - x).mean() for method, x in methods.items()}
            assert min(apart, key=apart.get) == vote[side]
            assert apart[vote[side]] < 0.05
    button(page, "Show the table").click()
    expect(page.locator(".st-votes")).to_contain_text("(c) CycleGAN")
    assert not page.complaints
