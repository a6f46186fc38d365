"""Which of two pictures is better: votes in a CSV file, and what they say of methods.

A vote is one line, appended in one write: votes of several windows or machines do not mix, and what
a crash damages is a line. Names that a spreadsheet would take for a formula have an apostrophe
before them in the file.
"""

import contextlib
import csv
import io
import logging
import os
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.sparse.csgraph import shortest_path
from scipy.special import expit, log_expit
from scipy.stats import norm

from ..errors import InputError, nearest
from ..pictures.files import check_file

__all__ = ["ANSWERS", "QUESTIONS", "Vote", "bradley_terry", "read_votes", "record_vote"]

log = logging.getLogger("styletransfer")

QUESTIONS = ("style", "content", "overall")
ANSWERS = ("left", "right", "neither")


@dataclass(frozen=True, kw_only=True)
class Vote:
    """One answer.

    Attributes:
        left, right: what was compared: methods, settings or identities of runs, as the comparison
            names them.
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


NAMES = [field.name for field in fields(Vote)]


def record_vote(path: str | os.PathLike, vote: Vote) -> None:
    """Add a vote to a CSV file, which is begun where there is none.

    Raises:
        InputError: the file cannot be written, or it holds something else.
    """
    path, line = Path(path), _line(astuple(vote))
    try:
        if path.exists():
            check_file(path)
        else:
            _begin(path)
        with path.open("a+b", buffering=0) as file:  # every write goes to the end, as it then is
            if file.seek(0, os.SEEK_END):
                file.seek(0)
                _check_header(file.readline(200), path)
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # someone's editor left the last line open
                    line = b"\n" + line
            else:
                line = _line(NAMES) + line
            if file.write(line) != len(line):
                raise OSError("the disk is full")
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"the vote could not be written to {path}: {reason}") from None


def _begin(path: Path) -> None:
    """Make a file of the header alone, in one go: of several that do it at once one wins."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(_line(NAMES))
        # Another was first, or the file system has no links: then whoever appends adds the header.
        with contextlib.suppress(OSError):
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _formula(word: str) -> bool:
    """Whether a spreadsheet takes it for a formula, but for apostrophes before it."""
    return word.lstrip("'").startswith(("=", "+", "-", "@", "\t"))


def _line(values: Iterable[str]) -> bytes:
    words = [" ".join(value.splitlines()) for value in values]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow("'" * _formula(w) + w for w in words)
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _values(line: bytes) -> list[str]:
    """What `_line` was given.

    Raises:
        ValueError, csv.Error: it is not UTF-8, or not CSV.
    """
    words = next(csv.reader([line.decode("utf-8-sig").rstrip("\r\n")], strict=True), [])
    return [w[1:] if w[:1] == "'" and _formula(w) else w for w in words]


def _check_header(line: bytes, path: Path) -> None:
    with contextlib.suppress(ValueError, csv.Error):
        if _values(line) == NAMES:
            return
    raise InputError(f"{path} holds something other than votes; name another file")


def read_votes(*paths: str | os.PathLike) -> pd.DataFrame:
    """The votes of one or several files, a row each; the log names damaged lines, left out.

    Raises:
        FileNotFoundError: a file that is not there.
        InputError: a file that holds something other than votes.
    """
    votes = []
    for path in map(Path, paths):
        check_file(path)
        first, *lines = path.read_bytes().split(b"\n")
        _check_header(first, path)
        for number, line in enumerate(lines, 2):
            try:
                values = _values(line)
                if not values or values == NAMES:  # an early version wrote the header twice
                    continue
                *_, question, answer, _ = values
                if len(values) != len(NAMES) or question not in QUESTIONS or answer not in ANSWERS:
                    raise ValueError("it has other columns or words")
            except (ValueError, csv.Error) as error:
                log.warning("Line %d of %s is no vote and is left out (%s).", number, path, error)
            else:
                votes.append(values)
    return pd.DataFrame(votes, columns=NAMES, dtype=str)


def bradley_terry(
    votes: pd.DataFrame, *, question: str = "overall", against: str | None = None
) -> pd.DataFrame:
    """How good each method is by pairwise votes: Bradley and Terry 1952.

    P(i beats j) = 1 / (1 + exp(β_j − β_i)). β is found by maximum likelihood (it is concave), and
    is that of `against` at 0; a vote for neither counts half for each. Intervals are Wald's, from
    the observed information; they take the votes as independent, which those of one person are not.

    Args:
        votes: as `read_votes` gives them.
        question: one of `QUESTIONS`.
        against: the method whose β is 0; by default the last in alphabetical order.

    Returns:
        By method, best first: `strength` β, `low` and `high` of its 95 % interval, `error`
        (standard error), `votes` and `wins` (with the halves).

    Raises:
        InputError: no vote on the question, an unknown method, or votes that leave methods
            incomparable (no chain of wins leads from each to each: their β would be infinite).
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
    points = votes["answer"].map({"left": 1.0, "right": 0.0, "neither": 0.5}).to_numpy()
    left, right = (pd.Index(methods).get_indexer(votes[side]) for side in ("left", "right"))
    wins = np.zeros((len(methods), len(methods)))
    np.add.at(wins, (left, right), points)
    np.add.at(wins, (right, left), 1 - points)
    _check_connected(wins, methods)
    games, fixed = wins + wins.T, methods.index(against)
    free = [i for i in range(len(methods)) if i != fixed]

    def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
        beta = np.insert(values, fixed, 0.0)
        difference = beta[:, None] - beta
        slope = (games * expit(difference)).sum(1) - wins.sum(1)
        return -(wins * log_expit(difference)).sum(), slope[free]

    best = minimize(cost, np.zeros(len(free)), jac=True, method="BFGS", options={"gtol": 1e-9})
    beta = np.insert(best.x, fixed, 0.0)
    chance = expit(beta[:, None] - beta)
    weight = games * chance * (1 - chance)
    information = (np.diag(weight.sum(1)) - weight)[np.ix_(free, free)]
    error = np.insert(np.sqrt(np.diag(np.linalg.inv(information))), fixed, 0.0)
    margin = norm.ppf(0.975) * error
    columns = {"strength": beta, "low": beta - margin, "high": beta + margin, "error": error}
    counts = {"votes": games.sum(1), "wins": wins.sum(1)}
    table = pd.DataFrame(columns | counts, index=pd.Index(methods, name="method"))
    return table.sort_values("strength", ascending=False)


def _check_connected(wins: np.ndarray, methods: Sequence[str]) -> None:
    """Ford 1957: the maximum is finite where a chain of wins leads from every method to others."""
    apart = np.argwhere(np.isinf(shortest_path(wins > 0, unweighted=True)))
    if len(apart):
        i, j = apart[0]
        raise InputError(
            "the votes do not compare all methods: nothing leads from a win of "
            f"{methods[i]!r} to {methods[j]!r}; more votes are needed"
        )
