"""Votes: written and read, and what they say, against a published table."""

import csv
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from styletransfer.errors import InputError
from styletransfer.study.votes import Vote, bradley_terry, read_votes, record_vote

# American League, Eastern Division, 1987: wins of the row's team over the column's (Agresti,
# Categorical Data Analysis, 2002, Table 10.10), and the estimates and standard errors that R's
# BradleyTerry2 prints for them (its vignette).
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
                answer = dict(zip(("left", "right", "answer"), pair, strict=True))
                rows.append({**answer, "subject": "", "question": "style"})
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


def vote(**changes):
    plain = {"left": "a", "right": "b", "subject": "c", "question": "style", "answer": "left"}
    return Vote(**{**plain, **changes})


def test_votes_are_kept(tmp_path):
    path = tmp_path / "votes.csv"
    votes = [
        vote(left="gatys, λ = 10", right='cycle "GAN"', question=question, answer=answer)
        for question, answer in (("style", "left"), ("overall", "neither"))
    ]
    for one in votes:
        record_vote(path, one)
    table = read_votes(path, path)
    assert len(table) == 4
    assert table.iloc[0].to_dict() == {**votes[0].__dict__}
    assert table["answer"].tolist() == ["left", "neither"] * 2
    empty = tmp_path / "empty.csv"
    empty.touch()
    record_vote(empty, votes[0])
    assert read_votes(empty).iloc[0].to_dict() == {**votes[0].__dict__}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.csv", "votes.csv"]


def _begin_together(paths, barrier, who):
    for path in paths:
        barrier.wait(60)
        record_vote(path, vote(subject=f"photo {who}"))


@pytest.mark.process
def test_first_votes_at_once(tmp_path):
    """Eight processes begin one file: one header, and no vote is lost."""
    paths, context = (
        [tmp_path / f"{i}.csv" for i in range(20)],
        multiprocessing.get_context("spawn"),
    )
    barrier = context.Barrier(8)
    processes = [
        context.Process(target=_begin_together, args=(paths, barrier, who)) for who in range(8)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    for path in paths:
        first, *lines = path.read_text().splitlines()
        assert first == "left,right,subject,question,answer,time"
        assert first not in lines
        assert sorted(read_votes(path)["subject"]) == [f"photo {who}" for who in range(8)]
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv"}


def test_a_file_that_another_has_begun_in_the_meantime(tmp_path, monkeypatch):
    """It was not there when this process looked: there is one header all the same."""
    path = tmp_path / "votes.csv"
    record_vote(path, vote(subject="first"))
    monkeypatch.setattr(Path, "exists", lambda path: False)
    record_vote(path, vote(subject="second"))
    monkeypatch.undo()
    assert path.read_text().count("subject") == 1
    assert read_votes(path)["subject"].tolist() == ["first", "second"]


def test_a_last_line_without_an_end_is_not_glued_to_the_next(tmp_path):
    path = tmp_path / "votes.csv"
    record_vote(path, vote(subject="first"))
    path.write_bytes(path.read_bytes().rstrip())
    record_vote(path, vote(subject="second"))
    assert read_votes(path)["subject"].tolist() == ["first", "second"]


def test_damaged_lines_are_named_and_left_out(tmp_path, caplog):
    path = tmp_path / "votes.csv"
    record_vote(path, vote(subject="first"))
    header = path.read_bytes().splitlines()[0]
    damaged = [b"a,b,c,style,left", b"\xff\xfe,b,c,style,left,now", b'"a,b', b"a,b,c,style,yes,now"]
    with path.open("ab") as file:
        file.write(b"\n".join([*damaged, b"", header, b""]))
    record_vote(path, vote(subject="last"))
    assert read_votes(path)["subject"].tolist() == ["first", "last"]
    said = [record.getMessage() for record in caplog.records]
    assert [line.split(" of ")[0] for line in said] == [f"Line {i}" for i in (3, 4, 5, 6)]
    assert all(str(path) in line for line in said)


def test_formulas_are_no_formulas_in_a_spreadsheet(tmp_path):
    """Nothing in the file begins as a formula does, and what is read is what was voted on."""
    path = tmp_path / "votes.csv"
    names = ["=1+1", "+1", "-2", "@x", "\t=1", "'=1", "''+", "'quoted'", "plain", "a\n=b"]
    for name in names:
        record_vote(path, vote(left=name, right="=HYPERLINK()"))
    with path.open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert len(cells) == 6 * (len(names) + 1)
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")]
    assert read_votes(path)["left"].tolist() == [*names[:-1], "a =b"]
    assert set(read_votes(path)["right"]) == {"=HYPERLINK()"}


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="did you mean 'style'"):
        Vote(left="a", right="b", subject="c", question="stile", answer="left")
    with pytest.raises(InputError, match="unknown answer 'yes'"):
        Vote(left="a", right="b", subject="c", question="style", answer="yes")
    with pytest.raises(InputError, match="could not be written"):
        record_vote(tmp_path / "missing" / "votes.csv", vote())
    (tmp_path / "other.csv").write_text("name,price\napple,3\n")
    with pytest.raises(InputError, match="something other than votes"):
        record_vote(tmp_path / "other.csv", vote())
    assert (tmp_path / "other.csv").read_text() == "name,price\napple,3\n"
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00left,right")
    for name in ("other.csv", "empty.csv", "binary.csv"):
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
