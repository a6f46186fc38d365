"""Yardsticks against votes: simulated ones of known strengths, and a few counted by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from styletransfer.errors import InputError
from styletransfer.study.agreement import agreement

STRENGTHS = {"a": 1.5, "b": 0.8, "c": 0.0, "d": -0.9}
SUBJECTS = [f"photo {i}" for i in range(24)]


def simulated(rng, each=4):
    """Votes of Bradley and Terry's model, `each` for every pair on every photograph."""
    rows = []
    for subject, (one, other), _ in itertools.product(
        SUBJECTS, itertools.combinations(STRENGTHS, 2), range(each)
    ):
        left, right = (one, other) if rng.random() < 0.5 else (other, one)
        better = rng.random() < expit(STRENGTHS[left] - STRENGTHS[right])
        rows.append((left, right, subject, "style", "left" if better else "right"))
    return pd.DataFrame(rows, columns=["left", "right", "subject", "question", "answer"])


def yardsticks(rng):
    index = pd.MultiIndex.from_product([SUBJECTS, STRENGTHS])
    truth = np.tile(list(STRENGTHS.values()), len(SUBJECTS))
    columns = {"truth": -truth, "reversed": truth, "upwards": np.exp(truth), "constant": 0 * truth}
    return pd.DataFrame(columns | {"random": rng.normal(size=len(truth))}, index)


def test_simulated_votes(rng):
    votes, measured = simulated(rng), yardsticks(rng)
    found = agreement(votes, measured, higher=["upwards"], resamples=60)
    assert list(found.index) == list(measured.columns)
    assert (found["placed"] == 1).all()
    assert (found["votes"] == len(votes)).all()
    for name, rho in (("truth", 1), ("reversed", -1), ("upwards", 1)):
        np.testing.assert_allclose(found.loc[name, ["rho", "rho low", "rho high"]], rho)
    # A yardstick that knows the strengths names the winner as often as the better one wins.
    gaps = [abs(s - t) for s, t in itertools.combinations(STRENGTHS.values(), 2)]
    expected, error = expit(gaps).mean(), 0.5 / len(votes) ** 0.5
    share = found.loc["truth", "share"]
    assert share == pytest.approx(expected, abs=3 * error)
    assert found.loc["reversed", "share"] == pytest.approx(1 - share)
    # Of independent votes the bootstrap's interval is about the binomial one.
    low, high = found.loc["truth", ["share low", "share high"]]
    assert low < share < high
    assert high - low == pytest.approx(4 * (share * (1 - share) / len(votes)) ** 0.5, rel=0.4)
    chance = found.loc["random"]
    assert chance["rho low"] <= 0 <= chance["rho high"]
    assert chance["share low"] <= 0.5 <= chance["share high"]
    assert found.loc["constant", "share"] == 0.5
    assert np.isnan(found.loc["constant", "rho"])


def ballots(*rows):
    return pd.DataFrame(
        [(*row, "style") for row in rows],
        columns=["left", "right", "subject", "answer", "question"],
    )


# On "one" the yardstick prefers x, on "two" y; z is the worst on both.
MEASURED = pd.DataFrame(
    {"distance": [1.0, 2.0, 5.0, 3.0, 1.0, 6.0]},
    pd.MultiIndex.from_product([["one", "two"], ["x", "y", "z"]]),
)
VOTES = ballots(
    ("x", "y", "one", "left"),  # agrees
    ("y", "x", "one", "left"),  # does not
    ("x", "z", "one", "neither"),  # not counted
    ("z", "x", "one", "right"),  # agrees
    ("x", "y", "two", "left"),  # does not
    ("z", "y", "two", "left"),  # does not
    ("y", "z", "two", "left"),  # agrees
    ("z", "y", "two", "right"),  # agrees
)


def test_votes_counted_by_hand():
    found = agreement(VOTES, MEASURED, resamples=60).loc["distance"]
    assert (found["share"], found["votes"]) == (4 / 7, 7)
    # The two photographs, one of them twice, or the other twice
    assert (found["share low"], found["share high"]) == (2 / 4, 2 / 3)
    # x beats y 2 to 1, z 1.5 to 0.5; y beats z 2 to 1: x, y, z. Means: y 1.5, x 2, z 5.5.
    assert found["rho"] == pytest.approx(0.5)
    # In "two" twice, a quarter of the draws, nobody beats x.
    assert found["placed"] == pytest.approx(0.75, abs=0.17)
    tied = MEASURED.assign(distance=[1.0, 1.0, 5.0, 3.0, 1.0, 6.0])
    assert agreement(VOTES, tied, resamples=1)["share"].item() == 4 / 7  # two halves for one


def test_what_cannot_be_compared():
    for votes, measured, options, message in (
        (VOTES.iloc[:0], MEASURED, {}, "made in the explorer's tab \"Which is better"),
        (VOTES, MEASURED, {"question": "overall"}, "no vote on 'overall' yet"),
        (VOTES, MEASURED, {"question": "stile"}, "did you mean 'style'"),
        (VOTES, MEASURED, {"higher": ["distanse"]}, "did you mean 'distance'"),
        (VOTES, MEASURED.drop("z", level=1), {}, "votes on z, but no measured values"),
        (VOTES, MEASURED.drop(("two", "x")), {}, "'x' on 'two' is not measured"),
        (VOTES, MEASURED.replace(6.0, np.nan), {}, "'z' on 'two' is not measured"),
        (VOTES, MEASURED.reset_index(drop=True), {}, "one row for each"),
        (VOTES[VOTES["subject"] == "one"], MEASURED, {}, "two photographs"),
        (VOTES.assign(answer="neither"), MEASURED, {}, "not all for neither"),
        (VOTES.drop(index=[2, 4, 5]).replace("x", "w"), MEASURED.rename({"x": "w"}), {}, "compare"),
    ):
        with pytest.raises(InputError, match=message):
            agreement(votes, measured, **options)
