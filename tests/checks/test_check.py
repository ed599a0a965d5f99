"""``check`` as it is met: in a notebook run by a person, in one run by a program, in a script."""

import json
import textwrap
from collections import Counter

import pytest

from dmlcourse import exercises, journal
from dmlcourse.checks import NotYet, check, hint, runner
from dmlcourse.checks.runner import AGAIN
from dmlcourse.errors import UserError


@pytest.fixture(autouse=True)
def own_journal(tmp_path, monkeypatch):
    monkeypatch.setenv("DMLCOURSE_HOME", str(tmp_path))
    return tmp_path


def run(client, code, person):
    """Run code as a person's front end does (input allowed) or as a program does."""
    outputs = []
    client.execute_interactive(
        textwrap.dedent(code),
        allow_stdin=person,
        stdin_hook=lambda message: None,
        output_hook=outputs.append,
        timeout=60,
    )
    return outputs


def errors(outputs):
    return [m["content"] for m in outputs if m["msg_type"] == "error"]


def displays(outputs):
    return [m["content"]["data"] for m in outputs if m["msg_type"] == "display_data"]


STUB = "def mahalanobis(X, Y, M):\n    ...\n"
SQUARED = """
import numpy as np
def mahalanobis(X, Y, M):
    return np.array([[(x - y) @ M @ (x - y) for y in Y] for x in X])
"""
RIGHT = (
    SQUARED + "root = mahalanobis\ndef mahalanobis(X, Y, M):\n    return np.sqrt(root(X, Y, M))\n"
)
CHECK = 'from dmlcourse.checks import check\ncheck("02.1", mahalanobis)'


def test_not_attempted_is_calm_for_a_person(kernel):
    outputs = run(kernel, STUB + CHECK, person=True)
    assert not errors(outputs)
    (shown,) = displays(outputs)
    assert "not attempted yet" in shown["text/plain"]
    assert "takes about 12 minutes" in shown["text/plain"]


def test_not_attempted_raises_for_a_program(kernel):
    (error,) = errors(run(kernel, STUB + CHECK, person=False))
    assert error["ename"] == "NotYet"
    assert "not attempted yet" in error["traceback"][0]


def test_a_person_sees_the_sentence_in_html_and_text_and_no_traceback(kernel):
    outputs = run(kernel, SQUARED + CHECK, person=True)
    (shown,) = displays(outputs)
    assert "Your distances are squared." in shown["text/html"]
    assert "Your distances are squared." in shown["text/plain"]
    (error,) = errors(outputs)
    assert error["traceback"] == [AGAIN]


def test_a_program_gets_the_whole_verdict_as_the_error(kernel):
    (error,) = errors(run(kernel, SQUARED + CHECK, person=False))
    assert "  Your distances are squared." in "\n".join(error["traceback"])
    assert "File" not in "\n".join(error["traceback"])


def test_a_pass_shows_the_same_to_both(kernel):
    person, program = (run(kernel, RIGHT + CHECK, person=p) for p in (True, False))
    assert displays(person) == displays(program)
    assert displays(person)[0]["text/plain"] == "02.1 Mahalanobis distance: passed (3 points)."


def test_a_note_reaches_a_person_and_stays_out_of_what_a_program_compares(kernel):
    wide = """
    import numpy as np
    def mahalanobis(X, Y, M):
        d = X[:, None] - Y[None]
        return np.sqrt(np.einsum("ijk,ijk->ij", d @ M, d))
    """
    person = run(kernel, textwrap.dedent(wide) + CHECK, person=True)
    program = run(kernel, textwrap.dedent(wide) + CHECK, person=False)
    assert "Note: " in displays(person)[0]["text/plain"]
    assert "Note: " not in displays(program)[0]["text/plain"]


def test_attempts_of_a_person_are_recorded_and_those_of_a_program_are_not(kernel):
    file = kernel.home / "journal.jsonl"
    before = len(file.read_text().splitlines()) if file.exists() else 0
    run(kernel, SQUARED + CHECK, person=False)
    run(kernel, STUB + CHECK, person=True)
    run(kernel, SQUARED + CHECK, person=True)
    (line,) = file.read_text().splitlines()[before:]
    entry = json.loads(line)
    assert (entry["kind"], entry["outcome"], entry["mistake"]) == (
        "attempt",
        "failed",
        "root forgotten",
    )


def test_a_user_error_has_no_traceback(kernel):
    code = 'from dmlcourse.checks import check\ncheck("02.11", 3)'
    (error,) = errors(run(kernel, code, person=True))
    assert error["traceback"] == ['there is no exercise "02.11"; did you mean "02.1"?']


def test_in_a_script_the_error_is_the_verdict():
    with pytest.raises(NotYet, match="Your distances are squared"):
        check("02.1", lambda X, Y, M: _squared(X, Y, M))


def test_in_a_script_a_pass_prints_its_line(capsys):
    right = exercises.find("02.4").reference({})
    check("02.4", lambda A: right(A))
    assert capsys.readouterr().out == "02.4 In the cone or not: passed (2 points).\n"


def _squared(X, Y, M):
    import numpy as np

    return np.array([[(x - y) @ M @ (x - y) for y in Y] for x in X])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("02.1",), 'Write check("02.1", mahalanobis)'),
        (("02.1", 1, 2), "got 2 answers"),
        ((len, "02.1"), "the exercise number comes first"),
        ((2.1, len), "the exercise number comes first"),
        (("2.1", len), 'did you mean "02.1"'),
        (("", len), "there is no exercise"),
    ],
)
def test_a_check_called_wrongly_says_how_to_call_it(arguments, said):
    with pytest.raises(UserError) as caught:
        check(*arguments)
    assert said in str(caught.value)


def test_the_librarys_own_answer_is_not_an_answer():
    from dmlcourse.geometry import mahalanobis

    with pytest.raises(UserError, match=r"the library's own mahalanobis\. 02\.1 asks for yours"):
        check("02.1", mahalanobis)


def test_hints_come_one_by_one_and_then_all(capsys):
    for n in (1, 2, 3):
        hint("02.2")
        assert capsys.readouterr().out.startswith(f"Hint {n} of 3: ")
    hint("02.2")
    assert capsys.readouterr().out.startswith("These are all the hints of 02.2:\n1. ")


def test_the_solution_is_offered_after_real_attempts(capsys):
    for _ in range(3):
        hint("02.2")
        journal.record("attempt", number="02.2", outcome="failed")
    capsys.readouterr()
    hint("02.2")
    assert "solutions" in capsys.readouterr().out


def test_hints_go_on_where_the_record_cannot_be_written(own_journal, monkeypatch, capsys):
    monkeypatch.setattr(runner, "_unrecorded", Counter())
    (own_journal / "journal.jsonl").mkdir()
    for number in (1, 2, 3):
        hint("02.3")
        assert capsys.readouterr().out.startswith(f"Hint {number} of 3")
    hint("02.3")
    assert capsys.readouterr().out.startswith("These are all the hints of 02.3:\n1. ")
    hint("02.2")
    assert capsys.readouterr().out.startswith("Hint 1 of 3")


def test_a_hint_for_an_unknown_exercise_names_the_nearest():
    with pytest.raises(UserError, match=r'did you mean "02\.5"'):
        hint("02.55")


def test_a_damaged_journal_stops_nothing(own_journal, capsys):
    (own_journal / "journal.jsonl").write_text('{"kind": "hint", "number": "02.2"}\n{"kind": "hi')
    hint("02.2")
    assert capsys.readouterr().out.startswith("Hint 2 of 3")
