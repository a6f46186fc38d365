"""Votes: written and read, and what they say, against a published table."""

import numpy as np
import pandas as pd
import pytest

from styletransfer.errors import InputError
from styletransfer.study.votes import Vote, bradley_terry, read_votes, record_vote

# American League, Eastern Division, 1987: wins of the row's team over the column's (Agresti, Categorical Data Analysis,
# 2002, Table 10.10), and the estimates and standard errors that R's BradleyTerry2 prints for them (its vignette).
TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
WINS = [
    [0, 7, 9, 7, 7, 9, 11],
    [6, 0, 7, 5, 11, 9, 9],
    [4, 6, 0, 7, 7, 8, 12],
    [6, 8, 6, 0, 6, 7, 10],
    [6, 2, 6, 7, 0, 7, 12],
    [4, 4, 5, 6, 6, 0, 6],
    [2, 4, 1, 3, 1, 7, 0],
]
PUBLISHED = {
    "Milwaukee": (1.5814, 0.3433),
    "Detroit": (1.4364, 0.3396),
    "Toronto": (1.2945, 0.3367),
    "New York": (1.2476, 0.3359),
    "Boston": (1.1077, 0.3339),
    "Cleveland": (0.6839, 0.3319),
    "Baltimore": (0.0, 0.0),
}


def ballots(wins=WINS, teams=TEAMS):
    rows = []
    for i, row in enumerate(wins):
        for j, count in enumerate(row):
            for k in range(count):  # half of them with the winner on the right
                pair = (teams[i], teams[j], "left") if k % 2 else (teams[j], teams[i], "right")
                rows.append(
                    dict(
                        zip(("left", "right", "answer"), pair, strict=True),
                        subject="",
                        question="style",
                    )
                )
    return pd.DataFrame(rows)


def test_published_table():
    table = bradley_terry(ballots(), question="style", against="Baltimore")
    assert list(table.index) == list(PUBLISHED)
    for team, (strength, error) in PUBLISHED.items():
        assert table.loc[team, "strength"] == pytest.approx(strength, abs=1e-4)
        assert table.loc[team, "error"] == pytest.approx(error, abs=1e-4)
    assert (table["votes"] == 78).all()
    assert table["wins"].sum() == 273
    assert table.loc["Detroit", "high"] - table.loc["Detroit", "low"] == pytest.approx(
        2 * 1.96 * 0.3396, rel=1e-3
    )


def test_two_methods_by_hand():
    """Three wins of four: β = ln 3; the information is n p (1 − p)."""
    table = bradley_terry(ballots([[0, 3], [1, 0]], ["a", "b"]), question="style")
    assert table.loc["a", "strength"] == pytest.approx(np.log(3), abs=1e-6)
    assert table.loc["a", "error"] == pytest.approx((4 * 0.75 * 0.25) ** -0.5, abs=1e-6)
    even = ballots([[0, 1], [1, 0]], ["a", "b"])
    both = pd.concat([even, pd.DataFrame([{**even.iloc[0].to_dict(), "answer": "neither"}])])
    assert bradley_terry(both, question="style").loc["a", "strength"] == pytest.approx(0, abs=1e-6)


def test_votes_are_kept(tmp_path):
    path = tmp_path / "votes.csv"
    votes = [
        Vote(
            left="gatys, λ = 10",
            right='cycle "GAN"',
            subject="petra",
            question=question,
            answer=answer,
        )
        for question, answer in (("style", "left"), ("overall", "neither"))
    ]
    for vote in votes:
        record_vote(path, vote)
    table = read_votes(path, path)
    assert len(table) == 4
    assert table.iloc[0].to_dict() == {**votes[0].__dict__}
    assert table["answer"].tolist() == ["left", "neither"] * 2


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="did you mean 'style'"):
        Vote(left="a", right="b", subject="c", question="stile", answer="left")
    with pytest.raises(InputError, match="unknown answer 'yes'"):
        Vote(left="a", right="b", subject="c", question="style", answer="yes")
    vote = Vote(left="a", right="b", subject="c", question="style", answer="left")
    with pytest.raises(InputError, match="could not be written"):
        record_vote(tmp_path / "missing" / "votes.csv", vote)
    (tmp_path / "other.csv").write_text("name,price\napple,3\n")
    with pytest.raises(InputError, match="something other than votes"):
        record_vote(tmp_path / "other.csv", vote)
    assert (tmp_path / "other.csv").read_text() == "name,price\napple,3\n"
    for name in ("other.csv", "empty.csv"):
        (tmp_path / "empty.csv").touch()
        with pytest.raises(InputError, match="something other than votes"):
            read_votes(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_votes(tmp_path / "missing.csv")
    with pytest.raises(InputError, match="no vote on 'content'"):
        bradley_terry(ballots(), question="content")
    with pytest.raises(InputError, match="unknown method 'Boton'; did you mean 'Boston'"):
        bradley_terry(ballots(), question="style", against="Boton")
    with pytest.raises(InputError, match="nothing leads from a win of 'b' to 'a'; more votes"):
        bradley_terry(ballots([[0, 3], [0, 0]], ["a", "b"]), question="style")
