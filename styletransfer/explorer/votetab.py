"""Which is better? Two pictures of one photograph, blind and in random order; votes are kept."""

import html
import itertools
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets
import numpy as np

from ..errors import InputError
from ..study.votes import Vote, bradley_terry, read_votes, record_vote
from .parts import Picture, action, jpeg

log = logging.getLogger("styletransfer")

Candidates = Mapping[str, Mapping[str, np.ndarray]]
"""Pictures (H, W, 3) in [0, 1] by method, by photograph."""

ASKED = {
    "style": "Which has the better style?",
    "content": "Which keeps the photograph better?",
    "overall": "And overall?",
}

ANSWERS = (("Left", "left"), ("Neither", "neither"), ("Right", "right"))

COLUMNS = ["strength", "low", "high", "votes", "wins"]


class Voting(widgets.VBox):
    """Asks, pair after pair; `candidates` may grow, and the votes go to a CSV file."""

    def __init__(self, candidates: Callable[[], Candidates], path: Path) -> None:
        self._candidates, self._path = candidates, path
        self._chance = np.random.default_rng()
        self._pair: dict[str, str] = {}
        self._seen: set[tuple[str, tuple[str, str]]] = set()
        layout = {"width": "49%", "object_fit": "contain"}
        self.left, self.right = Picture(layout=layout), Picture(layout=layout)
        self.answers, rows = {}, []
        look = {"value": None, "style": {"button_width": "90px"}}
        for name, question in ASKED.items():
            self.answers[name] = widgets.ToggleButtons(options=ANSWERS, **look)
            title = widgets.HTML(question, layout={"width": "260px"})
            rows.append(widgets.HBox([title, self.answers[name]]).add_class(f"st-ask-{name}"))
        self.vote_button = action("Vote", self.vote)
        others = [action("Another pair", self.draw), action("Show the table", self.table)]
        self.message = widgets.HTML().add_class("st-message")
        self.result = widgets.HTML().add_class("st-votes")
        self._body = widgets.VBox([widgets.HBox([self.left, self.right]), *rows])
        buttons = widgets.HBox([self.vote_button, *others])
        super().__init__([self._body, buttons, self.message, self.result])
        self.draw()

    def draw(self) -> None:
        """Show another pair: one that was not asked before, while there is one."""
        candidates = self._candidates()
        pairs = [
            (subject, two)
            for subject, methods in candidates.items()
            for two in itertools.combinations(sorted(methods), 2)
        ]
        fresh = [pair for pair in pairs if pair not in self._seen] or pairs
        self._body.layout.display = "" if fresh else "none"
        self.vote_button.disabled = not fresh
        if not fresh:
            self._pair = {}
            self._say("There are not two pictures of one photograph yet: make some under Make.")
            return
        subject, two = fresh[self._chance.integers(len(fresh))]
        self._seen.add((subject, two))
        left, right = (two[i] for i in self._chance.permutation(2))
        self._pair = {"subject": subject, "left": left, "right": right}
        self.left.value = jpeg(candidates[subject][left], most=720)
        self.right.value = jpeg(candidates[subject][right], most=720)
        for field in self.answers.values():
            field.value = None
        self._say("")

    def vote(self) -> None:
        """Keep the answers, if all were given, and go on to the next pair."""
        if not self._pair:
            return
        missing = [ASKED[name] for name, field in self.answers.items() if field.value is None]
        if missing:
            self._say(f"Not answered yet: {' '.join(missing)}")
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for name, field in self.answers.items():
                record_vote(self._path, Vote(**self._pair, question=name, answer=field.value))
        except (InputError, OSError) as error:
            log.debug("A vote was not written.", exc_info=True)
            self._say(f"The vote is not kept: {error}")
            return
        self.draw()
        self._say(f"Kept in {self._path}.")

    def table(self) -> None:
        """What the votes say so far, as Bradley-Terry strengths with 95 % intervals."""
        try:
            votes = read_votes(self._path)
        except (InputError, OSError) as error:
            self._say(f"There are no votes yet ({error})")
            return
        parts = []
        for question in ASKED:
            try:
                text = bradley_terry(votes, question=question)[COLUMNS].round(2).to_html()
            except InputError as error:
                text = f"<p>{html.escape(str(error))}</p>"
            parts.append(f"<b>{question}</b>{text}")
        self.result.value = "".join(parts)

    def _say(self, message: str) -> None:
        self.message.value = html.escape(message)
