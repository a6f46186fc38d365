"""Which of two pictures is better: votes in a CSV file, and what they say of the methods that made the pictures."""

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from ..errors import InputError, nearest

__all__ = ["ANSWERS", "QUESTIONS", "Vote", "bradley_terry", "read_votes", "record_vote"]

QUESTIONS = ("style", "content", "overall")
ANSWERS = ("left", "right", "neither")

NORMAL_95 = 1.959964
"""The 97.5th percentile of the normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer.

    Attributes:
        left, right: what was compared: methods, settings or identities of runs, as the comparison names them.
        subject: of which photograph.
        question: one of `QUESTIONS`.
        answer: one of `ANSWERS`.
        time: when, in ISO 8601 and UTC.
    """

    left: str
    right: str
    subject: str
    question: str
    answer: str
    time: str = ""

    def __post_init__(self) -> None:
        """Check the names, and take the time."""
        for name, known in (("question", QUESTIONS), ("answer", ANSWERS)):
            if getattr(self, name) not in known:
                raise InputError(nearest(getattr(self, name), known, what=name))
        if not self.time:
            object.__setattr__(self, "time", datetime.now(UTC).isoformat(timespec="seconds"))


def record_vote(path: str | os.PathLike, vote: Vote) -> None:
    """Add a vote to a CSV file, which is begun where there is none.

    One line is written in one go, so that votes of two windows do not mix.

    Raises:
        InputError: the file cannot be written, or it holds something else.
    """
    path = Path(path)
    names = [entry.name for entry in fields(Vote)]
    try:
        begun = path.exists() and path.stat().st_size > 0
        if begun:
            with path.open(newline="", encoding="utf-8") as file:
                if next(csv.reader(file), None) != names:
                    raise InputError(f"{path} holds something other than votes; name another file")
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            if not begun:
                writer.writeheader()
            writer.writerow(asdict(vote))
    except OSError as error:
        raise InputError(
            f"the vote could not be written to {path}: {error.strerror or error}"
        ) from None


def read_votes(*paths: str | os.PathLike) -> pd.DataFrame:
    """The votes of one or several files, a row each.

    Raises:
        FileNotFoundError: a file that is not there.
        InputError: a file that holds something other than votes.
    """
    names = [entry.name for entry in fields(Vote)]
    tables = []
    for path in paths:
        try:
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise InputError(f"{path} holds something other than votes ({error})") from None
        if list(table) != names or not table["answer"].isin(ANSWERS).all():
            raise InputError(f"{path} holds something other than votes")
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=names)


def bradley_terry(
    votes: pd.DataFrame, *, question: str = "overall", against: str | None = None
) -> pd.DataFrame:
    """How good each method is by pairwise votes: Bradley and Terry 1952.

    P(i beats j) = 1 / (1 + exp(β_j − β_i)). β is found by maximum likelihood (it is concave), and is that of `against`
    at 0; a vote for neither counts half for each. Intervals are Wald's, from the observed information; they take the
    votes as independent, which those of one person are not.

    Args:
        votes: as `read_votes` gives them.
        question: one of `QUESTIONS`.
        against: the method whose β is 0; by default the last in alphabetical order.

    Returns:
        By method, best first: `strength` β, `low` and `high` of its 95 % interval, `error` (standard error), `votes`
        and `wins` (with the halves).

    Raises:
        InputError: no vote on the question, an unknown method, or votes that leave methods incomparable (no chain of
            wins leads from each to each: their β would be infinite).
    """
    if question not in QUESTIONS:
        raise InputError(nearest(question, QUESTIONS, what="question"))
    votes = votes[(votes["question"] == question) & (votes["left"] != votes["right"])]
    if votes.empty:
        raise InputError(f"there is no vote on {question!r} yet")
    methods = sorted({*votes["left"], *votes["right"]})
    against = methods[-1] if against is None else against
    if against not in methods:
        raise InputError(nearest(against, methods, what="method"))
    place = {method: i for i, method in enumerate(methods)}
    wins = np.zeros((len(methods), len(methods)))
    points = {"left": 1.0, "right": 0.0, "neither": 0.5}
    for left, right, answer in zip(votes["left"], votes["right"], votes["answer"], strict=True):
        wins[place[left], place[right]] += points[answer]
        wins[place[right], place[left]] += 1 - points[answer]
    _check_connected(wins, methods)
    games, fixed = wins + wins.T, place[against]
    free = [i for i in range(len(methods)) if i != fixed]

    def full(values: np.ndarray) -> np.ndarray:
        return np.insert(values, fixed, 0.0)

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        beta = full(values)
        difference = beta[:, None] - beta
        slope = games * expit(difference)
        return -(wins * log_expit(difference)).sum(), (slope.sum(1) - wins.sum(1))[free]

    found = minimize(cost, np.zeros(len(free)), jac=True, method="BFGS", options={"gtol": 1e-9})
    beta = full(found.x)
    chance = expit(beta[:, None] - beta)
    weight = games * chance * (1 - chance)
    information = (np.diag(weight.sum(1)) - weight)[np.ix_(free, free)]
    error = np.insert(np.sqrt(np.diag(np.linalg.inv(information))), fixed, 0.0)
    table = pd.DataFrame(
        {
            "strength": beta,
            "low": beta - NORMAL_95 * error,
            "high": beta + NORMAL_95 * error,
            "error": error,
            "votes": games.sum(1),
            "wins": wins.sum(1),
        },
        index=pd.Index(methods, name="method"),
    )
    return table.sort_values("strength", ascending=False)


def _check_connected(wins: np.ndarray, methods: Sequence[str]) -> None:
    """Ford 1957: the maximum is finite where every method has beaten every other through some chain."""
    reached = (wins > 0) | np.eye(len(methods), dtype=bool)
    for _ in methods:
        reached = reached @ reached
    missing = np.argwhere(~reached)
    if len(missing):
        i, j = missing[0]
        raise InputError(
            f"the votes do not compare all methods: nothing leads from a win of {methods[i]!r} to {methods[j]!r}; more "
            "votes are needed"
        )
