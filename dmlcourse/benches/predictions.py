"""Predict, then reveal: the reader commits to an answer, and only then sees what happens.

A prediction made first, and a surprise, are what one remembers. How sure the reader was is
recorded too, so that the end of a chapter can show how well that feeling served.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import display
from matplotlib.figure import Figure

from .. import journal
from ..figures.pictures import SLOT, Html, Picture, fold, inline, paragraph
from ..progress import known
from ..progress.record import CONFIDENCE
from ..progress.standing import Calibration, chapter_of
from ..progress.standing import calibration as counted
from ..progress.words import surprises
from ..session import is_interactive
from .shell import live

CELL = "text-align:left;padding:.25em 1.2em .25em 0"

Reveal = Callable[[], tuple[Figure, str]]


def predict(
    key: str,
    question: str,
    options: Sequence[str],
    answer: str,
    why: str,
    reveal: Reveal | None = None,
) -> None:
    """Ask a question, and show the answer once the reader has committed to one.

    ``key`` names the question in the journal, chapter first: "02.nearest". ``answer`` is one of the
    options, ``why`` the line that follows it. ``reveal`` makes the figure that unlocks, with its
    description. To a program (the build, nbval) it displays the still twin: question, options, and
    the answer folded away. Hide the cell's source, for it holds the answer.

    Raises:
        ValueError: there are fewer than two options, two are the same, or the answer is not one.
    """
    asked = Question(key, question, tuple(options), answer, why, reveal)
    display(asked.widget() if is_interactive() else asked.still())


@dataclass(frozen=True)
class Question:
    """A question with its options, its answer, and what to show after it."""

    key: str
    text: str
    options: tuple[str, ...]
    answer: str
    why: str
    reveal: Reveal | None = None

    def __post_init__(self) -> None:
        listed = ", ".join(map(repr, self.options))
        if len(self.options) < 2 or len(set(self.options)) < len(self.options):
            raise ValueError(f"{self.key}: give two options or more, all different; got {listed}.")
        if self.answer not in self.options:
            raise ValueError(
                f"{self.key}: the answer {self.answer!r} is not among the options {listed}."
            )

    def verdict(self, choice: str) -> str:
        """Return the line that says whether the choice was right, and why."""
        if choice == self.answer:
            return f"Right: {self.answer}. {self.why}"
        return f"You said {choice}. It is {self.answer}. {self.why}"

    def still(self) -> Any:
        """Return the twin without widgets. Its text, which nbval compares, holds no pixels."""
        listed = "".join(f"<li>{escape(option)}</li>" for option in self.options)
        asked = f"{self._asked()}<ul>{listed}</ul>"
        answer = paragraph(f"{self.answer}. {self.why}")
        if self.reveal is None:
            return Html(asked + fold("Show the answer", answer))
        figure, alt = self.reveal()
        words = paragraph(f"The picture: {alt}")
        return Picture(figure, alt, asked + fold("Show the answer", answer + SLOT + words))

    def widget(self) -> widgets.VBox:
        """Return the live form. The answer reaches the page only after Commit."""
        choice = _radio(self.options, "Your answer")
        confidence = _radio(CONFIDENCE, "How sure?")
        commit = widgets.Button(description="Commit", disabled=True, button_style="primary")
        outcome = widgets.HTML()

        def enable(_: Any) -> None:
            commit.disabled = choice.value is None or confidence.value is None

        def unlock(button: widgets.Button) -> None:
            button.on_click(unlock, remove=True)
            button.description = "Committed"
            choice.disabled = confidence.disabled = True
            outcome.value = self._outcome(choice.value)
            self._record(choice.value, confidence.value)

        for radio in (choice, confidence):
            radio.observe(enable, names="value")
        commit.on_click(unlock)
        return widgets.VBox([widgets.HTMLMath(self._asked()), choice, confidence, commit, outcome])

    def _asked(self) -> str:
        return f"<p><b>Before you go on:</b> {escape(self.text)}</p>"

    def _outcome(self, choice: str) -> str:
        said = live(paragraph(self.verdict(choice)))
        if self.reveal is None:
            return said
        return said + inline(*self.reveal())

    def _record(self, choice: str, confidence: str) -> None:
        right = choice == self.answer
        journal.record(
            "prediction", key=self.key, choice=choice, confidence=confidence, correct=right
        )


def calibration(chapter: str) -> None:
    """Show how often the reader's predictions in a chapter were right, by how sure they were.

    Each question counts once, as it was first answered. A program that runs the notebook sees the
    line for a reader without predictions: a stored output is nobody's record.
    """
    record = known(journal.entries("prediction")) if is_interactive() else []
    made = counted(entry for entry in record if chapter_of(entry) == chapter)
    display(Html(calibration_table(made) if made.levels else paragraph(_NONE_YET)))


_NONE_YET = "No predictions recorded in this chapter yet. Each one you commit to is counted here."


def calibration_table(made: Calibration) -> str:
    """One row for each degree of confidence that occurs, then what was sure and wrong."""
    rows = "".join(
        f'<tr><th scope="row" style="{CELL};font-weight:400">{escape(level)}</th>'
        f'<td style="{CELL}">{right} of {of}</td></tr>'
        for level, right, of in made.levels
    )
    said = surprises(made)
    return table("Your predictions", ("You were", "and right in"), rows) + (
        paragraph(said) if said else ""
    )


def table(caption: str, heads: Sequence[str], rows: str) -> str:
    """An HTML table in the colours of the page around it."""
    head = "".join(f'<th scope="col" style="{CELL}">{name}</th>' for name in heads)
    title = f'<caption style="text-align:left;font-weight:600">{caption}</caption>'
    return (
        f'<table style="border-collapse:collapse">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _radio(options: Sequence[str], label: str) -> widgets.RadioButtons:
    """Return radio buttons with none chosen."""
    return widgets.RadioButtons(
        options=options,
        value=None,
        description=label,
        style={"description_width": "7em"},
        layout={"width": "auto"},
    )
