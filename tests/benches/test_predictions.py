"""Predict, then reveal: commit first, learn after, and see at the end how sure one could be."""

import re

import ipywidgets as widgets
import pytest

from dmlcourse import journal
from dmlcourse.benches.predictions import CONFIDENCE, Question, calibration, predict
from dmlcourse.figures import canvas
from dmlcourse.figures.pictures import Html, Picture

ALT = "The ball around A, with D inside it and C outside."
WHY = "The metric shrinks that direction."


def reveal():
    return canvas()[0], ALT


ASKED = Question("02.nearest", "Which is <nearest>?", ("C", "D"), "D", WHY, reveal)


class Form:
    """The live form of a question, and hands on it."""

    def __init__(self, question: Question = ASKED) -> None:
        self.widget = question.widget()
        _, self.choice, self.confidence, self.button, self.outcome = self.widget.children

    def commit(self, choice: str, confidence: str) -> str:
        self.choice.value, self.confidence.value = choice, confidence
        self.button.click()
        return self.outcome.value

    def everything(self) -> str:
        """All that the browser knows."""
        return repr([child.get_state() for child in self.widget.children])


def test_nothing_of_the_answer_reaches_the_browser_before_commit():
    form = Form()
    form.choice.value, form.confidence.value = "D", "sure"
    assert WHY not in form.everything()
    assert "img" not in form.everything()
    assert "Right" not in form.everything()


def test_commit_needs_an_answer_and_how_sure():
    form = Form()
    assert form.button.disabled
    form.choice.value = "C"
    assert form.button.disabled
    form.confidence.value = "guess"
    assert not form.button.disabled


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [("D", "Right: D."), ("C", "You said C. It is D.")],
    ids=["right", "wrong"],
)
def test_commit_reveals_whether_it_was_right_why_and_the_picture(choice, verdict):
    outcome = Form().commit(choice, "guess")
    assert f"{verdict} {WHY}" in outcome
    assert f'alt="{ALT}"' in outcome


def test_commit_is_recorded_once_and_cannot_be_changed():
    form = Form()
    form.commit("C", "sure")
    form.button.click()
    (entry,) = journal.entries("prediction")
    assert (entry["key"], entry["choice"]) == ("02.nearest", "C")
    assert (entry["confidence"], entry["correct"]) == ("sure", False)
    assert form.choice.disabled
    assert form.confidence.disabled


def test_a_question_may_unlock_no_picture():
    outcome = Form(Question("02.x", "Which?", ("C", "D"), "D", WHY)).commit("D", "guess")
    assert WHY in outcome
    assert "img" not in outcome


def test_the_still_twin_folds_the_answer_away_and_holds_no_pixels():
    twin = ASKED.still()
    asked, _, answer = twin.html.partition("<details>")
    assert "Which is &lt;nearest&gt;?" in asked
    assert "<li>C</li><li>D</li>" in asked
    assert WHY not in asked
    assert f"D. {WHY}" in answer
    assert ALT in answer
    assert answer.endswith("</details>")
    assert "base64" not in twin.html
    assert isinstance(twin, Picture)


def test_the_still_twin_without_a_picture_is_text():
    twin = Question("02.x", "Which?", ("C", "D"), "D", WHY).still()
    assert isinstance(twin, Html)
    assert twin.html.endswith("</details>")


@pytest.mark.usefixtures("a_person")
def test_a_person_gets_the_form(displayed):
    predict("02.x", "Which?", ["C", "D"], answer="D", why=WHY)
    assert isinstance(displayed[0], widgets.VBox)


@pytest.mark.usefixtures("a_program")
def test_a_program_gets_the_still_twin(displayed):
    predict("02.x", "Which?", ["C", "D"], answer="D", why=WHY)
    assert isinstance(displayed[0], Html)


@pytest.mark.parametrize(
    ("options", "answer", "message"),
    [
        (["D"], "D", "two options or more"),
        (["D", "D"], "D", "different"),
        (["C", "D"], "E", "the answer 'E' is not among the options"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(options, answer, message):
    with pytest.raises(ValueError, match=message):
        predict("02.x", "Which?", options, answer=answer, why=WHY)


def answered(key: str, confidence: str, correct: bool) -> None:
    journal.record("prediction", key=key, choice="C", confidence=confidence, correct=correct)


def rows(html: str) -> list[tuple[str, str]]:
    """The rows of the table: how sure, and how many were right."""
    return re.findall(r'<th scope="row"[^>]*>([^<]+)</th><td[^>]*>([^<]+)</td>', html)


@pytest.mark.usefixtures("a_person")
class TestCalibration:
    """The end of a chapter."""

    def test_without_predictions_it_is_calm(self, displayed):
        answered("03.other", "sure", False)
        calibration("02")
        assert displayed[0].html.startswith("<p>No predictions recorded in this chapter yet.")

    def test_it_counts_by_confidence(self, displayed):
        for key, confidence, correct in [
            ("02.a", "sure", True),
            ("02.b", "sure", False),
            ("02.c", "guess", True),
        ]:
            answered(key, confidence, correct)
        calibration("02")
        html = displayed[0].html
        assert rows(html) == [("guess", "1 of 1"), ("sure", "1 of 2")]
        assert "fairly sure" not in html
        assert "Sure, and wrong: b (chapter 02)." in html

    def test_the_first_answer_counts(self, displayed):
        answered("02.a", "sure", False)
        answered("02.a", "sure", True)
        calibration("02")
        assert rows(displayed[0].html) == [("sure", "0 of 1")]

    def test_a_line_that_is_no_prediction_of_ours_is_passed_over(self, displayed):
        journal.record("prediction", key="02.a")
        calibration("02")
        assert "No predictions" in displayed[0].html


@pytest.mark.usefixtures("a_program")
def test_a_program_never_sees_somebodys_record(displayed):
    for level in CONFIDENCE:
        answered(f"02.{level}", level, False)
    calibration("02")
    assert displayed[0].html.startswith("<p>No predictions recorded")
