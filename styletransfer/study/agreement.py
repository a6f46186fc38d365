"""How well yardsticks agree with people: pairwise votes against measured values."""

import contextlib
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..errors import InputError, nearest
from .votes import QUESTIONS, bradley_terry

__all__ = ["agreement"]


def _cube(measured: pd.DataFrame, subjects: pd.Index, methods: pd.Index) -> np.ndarray:
    """The measured values, (subjects, methods, yardsticks); none may be missing."""
    if measured.index.nlevels != 2 or measured.index.has_duplicates:
        raise InputError("the measured values need one row for each (subject, method)")
    if len(missing := methods.difference(measured.index.get_level_values(1))):
        raise InputError(f"there are votes on {', '.join(missing)}, but no measured values")
    needed = pd.MultiIndex.from_product([subjects, methods])
    values = measured.reindex(needed).to_numpy(float)
    for subject, method in needed[~np.isfinite(values).all(1)]:
        said = f"{method!r} on {subject!r} is not measured by every yardstick; measure every method"
        raise InputError(f"{said} on every photograph that was voted on")
    return values.reshape(len(subjects), len(methods), -1)


def agreement(
    votes: pd.DataFrame,
    measured: pd.DataFrame,
    *,
    question: str = "style",
    higher: Collection[str] = (),
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How well each yardstick agrees with votes, on methods and on single votes.

    `rho` is Spearman's rank correlation of the methods' Bradley-Terry strengths and their mean
    yardstick over the photographs, 1 where both rank them alike. `share` is the part of the votes,
    those for neither left out, whose winner the yardstick puts first on that photograph too; a tie
    counts half, and chance gives ½. Intervals end at the percentiles 2.5 and 97.5 of the bootstrap
    over photographs (Efron and Tibshirani 1993, Ch. 13), each drawn with all its votes: votes on
    one photograph are not independent. Voters are not resampled.

    Args:
        votes: as `read_votes` gives them.
        measured: a row for each (subject, method), a column for each yardstick; lower is better.
        question: one of `QUESTIONS`.
        higher: the yardsticks of which higher is better.
        resamples: how often the photographs are drawn anew, at least once.
        seed: of the draws.

    Returns:
        By yardstick: `rho`, `rho low`, `rho high`, `share`, `share low`, `share high`, `votes` (of
        the share), and `placed`, the part of the resamples that place every method (as
        `bradley_terry` must), which alone count for the interval of `rho`. NaN is undefined.

    Raises:
        InputError: no vote on the question, votes on one photograph alone or for neither alone,
            votes that leave methods incomparable, values that are missing, or unknown names.
    """
    if question not in QUESTIONS:
        raise InputError(nearest(question, QUESTIONS, what="question"))
    if unknown := sorted(set(higher) - set(measured.columns)):
        raise InputError(nearest(unknown[0], measured.columns, what="yardstick"))
    votes = votes[(votes["question"] == question) & (votes["left"] != votes["right"])]
    if votes.empty:
        raise InputError(
            f"there is no vote on {question!r} yet; votes are made in the explorer's tab "
            '"Which is better?"'
        )
    decided = (votes["answer"] != "neither").to_numpy()
    if len(set(votes["subject"])) < 2 or not decided.any():
        raise InputError("agreement needs votes on two photographs, not all for neither; vote more")
    subjects = pd.Index(sorted(set(votes["subject"])))
    methods = pd.Index(sorted({*votes["left"], *votes["right"]}))
    signs = np.array([1 if name in higher else -1 for name in measured.columns])
    cube = signs * _cube(measured, subjects, methods)  # higher is better in it
    where = subjects.get_indexer(votes["subject"])
    left, right = (cube[where, methods.get_indexer(votes[side])] for side in ("left", "right"))
    towards = votes["answer"].map({"left": 1, "right": -1, "neither": 0}).to_numpy()
    agreed = (1 + np.sign(left - right) * towards[:, None]) / 2
    totals = np.zeros((len(cube), len(signs) + 1))  # agreements by yardstick, and votes
    np.add.at(totals, where, np.column_stack([agreed, decided]) * decided[:, None])

    def rho(times: np.ndarray) -> pd.Series:
        drawn = votes.iloc[np.repeat(np.arange(len(votes)), times[where])]
        strength = bradley_terry(drawn, question=question)["strength"].loc[methods]
        means = pd.DataFrame(np.tensordot(times, cube, 1) / len(cube), methods, measured.columns)
        return means.rank().corrwith(strength.rank())

    found = [rho(once := np.ones(len(cube), int))]
    draws = np.random.default_rng(seed).multinomial(len(cube), once / len(cube), resamples)
    for times in tqdm(draws, "resampling", leave=False, delay=2):
        with contextlib.suppress(InputError, KeyError):  # a method not comparable, or not drawn
            found.append(rho(times))
    sums = np.vstack([once, draws]) @ totals
    sums = sums[sums[:, -1] > 0]
    columns: dict[str, Any] = {}
    for name, values in (("rho", np.array(found)), ("share", sums[:, :-1] / sums[:, -1:])):
        some = values[1:] if len(values) > 1 else np.full_like(values, np.nan)
        ends = np.percentile(some, (2.5, 97.5), axis=0)
        columns |= {name: values[0], f"{name} low": ends[0], f"{name} high": ends[1]}
    table = pd.DataFrame(columns, index=measured.columns.rename("yardstick"))
    return table.assign(votes=decided.sum(), placed=(len(found) - 1) / resamples)
