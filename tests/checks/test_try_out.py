"""``try_out``: the verdict on an answer that is wrong on purpose, and no more than that."""

import pytest
from test_check import SQUARED, displays, errors, run

from dmlcourse import journal
from dmlcourse.checks import try_out
from dmlcourse.errors import UserError

TRY = 'from dmlcourse.checks import try_out\ntry_out("02.1", mahalanobis)'


def squared(X, Y, M):
    return ((X[:, None] - Y) @ M * (X[:, None] - Y)).sum(axis=-1)


@pytest.fixture(autouse=True)
def own_journal(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path))


@pytest.mark.parametrize("person", [True, False])
def test_it_shows_the_verdict_and_raises_nothing(kernel, person):
    outputs = run(kernel, SQUARED + TRY, person=person)
    assert not errors(outputs)
    (shown,) = displays(outputs)
    assert "Your distances are squared." in shown["text/plain"]
    assert "Your distances are squared." in shown["text/html"]


def test_in_a_terminal_it_prints_the_same_words(capsys):
    try_out("02.1", squared)
    said = capsys.readouterr().out
    assert said.startswith("02.1 Mahalanobis distance: not yet.")
    assert "Your distances are squared." in said


def test_nothing_is_recorded():
    try_out("02.1", squared)
    assert journal.entries() == []


@pytest.mark.parametrize("answers", [(), (squared, squared)])
def test_it_takes_one_answer(answers):
    with pytest.raises(UserError, match="one answer"):
        try_out("02.1", *answers)


def test_an_unknown_exercise_names_the_nearest():
    with pytest.raises(UserError, match="did you mean"):
        try_out("02.9", squared)
