"""Every lesson has its parts in order and keeps to the style of the house."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from course_files import CHAPTERS, LESSONS, at, lesson, none_of, relative

from dmlcourse import exercises
from dmlcourse.authoring.lesson import Source

CELLS = (25, 45)
WORDS = (800, 1500)
LONGEST_CELL = 12
MEDIAN_CELL = (4, 6)
OBJECTIVES = (3, 5)
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

SIGNS_OF_A_PART = {
    "a title that asks a question": r"\A# \d\d[a-z]? · [^\n]+\?$",
    "objectives": r"\*\*After this chapter you can\*\*",
    "needs": r"\*\*Needs\*\*",
    "costs": r"\*\*Costs\*\*.*\bminutes\b.*\bseconds\b.*\bGB\b.*\bdownload\b",
    "a prediction": r"^predict\(",
    "a bench": r"^\w+_bench\(",
    "Where this breaks": r"^## Where this breaks$",
    "a summary": r"^## Summary$",
    "references": r"^## References$",
}
FREE_ORDER = ("a prediction", "a bench")

UNWELCOME = re.compile(r"\b(?:simply|obviously|just)\b|!(?![=\[])", re.IGNORECASE)
PATHS = re.compile(r"(?<![\w/.:])/(?:home|root|work|Users|tmp|opt|usr|var|mnt)/|\b[A-Z]:\\")
REFERENCE = re.compile(
    r"\(https://(?:doi\.org/10\.|arxiv\.org/abs/|(?:www\.)?jmlr\.org/papers/|proceedings\.(?:neurips\.cc|mlr\.press)/)"
)

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=relative)
each_lesson = pytest.mark.parametrize("path", LESSONS, ids=relative)
each_exercise = pytest.mark.parametrize("number", exercises.numbers())


def cell_with(path: Path, pattern: str) -> tuple[int, Source] | None:
    """The first cell of a lesson that a pattern is found in, with its place in the lesson."""
    flags = re.MULTILINE | re.DOTALL
    return next(
        ((i, s) for i, s in enumerate(lesson(path)) if re.search(pattern, s.text, flags)), None
    )


def bullets(text: str) -> list[str]:
    return [
        " ".join(part.split()) for part in re.findall(r"^- (.*?)(?=^- |^$|\Z)", text, re.M | re.S)
    ]


def code_cells(path: Path) -> Iterator[Source]:
    """The code that a reader of a chapter sees."""
    hidden = {"source_hidden": True}
    yield from (s for s in lesson(path) if s.is_code and s.metadata.get("jupyter") != hidden)


def lines_of_code(source: Source) -> int:
    """The lines of a cell, without blank ones and without the words that describe a figure."""
    lines = {i for i, line in enumerate(source.text.splitlines(), 1) if line.strip()}
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.keyword) and node.arg == "alt":
            lines -= set(range(node.value.lineno, (node.value.end_lineno or 0) + 1))
    return len(lines)


def plain(markdown: str) -> str:
    """The words of a text: without formulas, code, and the addresses of links."""
    return re.sub(r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`|\]\([^)\s]*\)", " ", markdown, flags=re.DOTALL)


def said(source: Source) -> str:
    """What a reader reads in a cell: its text, or the words and comments of its code."""
    return source.text if source.is_code else blanked(source.text)


def blanked(markdown: str) -> str:
    """A text whose formulas and code are gone, line by line where it was."""
    kept = r"\$\$.*?\$\$|\$[^$]+\$|`[^`]+`"
    return re.sub(kept, lambda m: "\n" * m.group().count("\n"), markdown, flags=re.DOTALL)


@each_chapter
class TestTheParts:
    @pytest.mark.parametrize("part", SIGNS_OF_A_PART)
    def test_are_there(self, path, part) -> None:
        assert cell_with(path, SIGNS_OF_A_PART[part]), f"{relative(path)} has no {part}"

    def test_are_in_order(self, path) -> None:
        signs = {k: v for k, v in SIGNS_OF_A_PART.items() if k not in FREE_ORDER}
        found = [cell_with(path, sign) for sign in signs.values()]
        places = [place[0] for place in found if place]
        assert places == sorted(places), (
            f"{relative(path)}: {dict(zip(signs, places, strict=True))}"
        )
        assert places[0] == 0, f"{relative(path)} does not begin with its title"

    def test_the_title_has_the_number_of_the_lesson(self, path) -> None:
        assert lesson(path)[0].text.startswith(f"# {path.parent.name.partition('_')[0]} · ")

    def test_benches_and_predictions_stand_in_the_body(self, path) -> None:
        begin, end = (cell_with(path, SIGNS_OF_A_PART[p]) for p in ("costs", "Where this breaks"))
        for part in FREE_ORDER:
            place = cell_with(path, SIGNS_OF_A_PART[part])
            assert begin[0] < place[0] < end[0], f"{at(place[1])}: {part} outside the body"

    def test_there_are_three_to_five_objectives(self, path) -> None:
        _, source = cell_with(path, SIGNS_OF_A_PART["objectives"])
        count = len(bullets(source.text))
        assert OBJECTIVES[0] <= count <= OBJECTIVES[1], f"{at(source)}: {count} objectives"

    def test_every_reference_can_be_reached(self, path) -> None:
        _, source = cell_with(path, SIGNS_OF_A_PART["references"])
        entries = bullets(source.text)
        assert entries, f"{at(source)}: no reference"
        none_of(
            f"{at(source)}: no DOI, arXiv number or proceedings with {entry[:60]!r}"
            for entry in entries
            if not REFERENCE.search(entry)
        )

    def test_every_reference_is_cited(self, path) -> None:
        number, source = cell_with(path, SIGNS_OF_A_PART["references"])
        text = " ".join(s.text for s in lesson(path)[:number])
        none_of(
            f"{at(source)}: nobody cites {name}"
            for entry in bullets(source.text)
            if (name := first_author(entry)) not in text
        )


def first_author(reference: str) -> str:
    """The family name of the first author: "E. P. Xing, A. Y. Ng (2002). …" gives "Xing"."""
    return re.split(r", | \(", reference)[0].split()[-1]


@each_chapter
class TestTheMeasures:
    def test_number_of_cells(self, path) -> None:
        count = len(lesson(path))
        assert CELLS[0] <= count <= CELLS[1], f"{relative(path)} has {count} cells"

    def test_no_long_cell(self, path) -> None:
        none_of(
            f"{at(source)}: {count} lines of code; at most {LONGEST_CELL}"
            for source in code_cells(path)
            if (count := lines_of_code(source)) > LONGEST_CELL
        )

    def test_the_usual_cell(self, path) -> None:
        middle = median(lines_of_code(source) for source in code_cells(path))
        assert MEDIAN_CELL[0] <= middle <= MEDIAN_CELL[1], (
            f"{relative(path)}: median {middle} lines"
        )

    def test_number_of_words(self, path) -> None:
        number, _ = cell_with(path, SIGNS_OF_A_PART["references"])
        prose = " ".join(plain(s.text) for s in lesson(path)[:number] if not s.is_code)
        count = len(re.findall(r"\w[\w'’-]*", prose))
        assert WORDS[0] <= count <= WORDS[1], f"{relative(path)} has {count} words"

    def test_the_end_of_no_line_hides_an_output(self, path) -> None:
        none_of(
            f"{at(source, number)}: a trailing semicolon, which nbval takes for another output"
            for source in code_cells(path)
            for number, line in enumerate(source.text.splitlines(), 1)
            if line.rstrip().endswith(";")
        )


@each_lesson
class TestTheTone:
    def test_no_unwelcome_word(self, path) -> None:
        none_of(found_in(path, UNWELCOME))

    def test_no_path_of_a_machine(self, path) -> None:
        none_of(found_in(path, PATHS))


def found_in(path: Path, pattern: re.Pattern) -> Iterator[str]:
    """Where a pattern is found in what a lesson says."""
    for source in lesson(path):
        for number, line in enumerate(said(source).splitlines(), 1):
            if match := pattern.search(line):
                yield f"{at(source, number)}: {match.group()!r} in {line.strip()[:80]!r}"


def exercise_texts(exercise: exercises.Exercise) -> Iterator[tuple[str, str]]:
    """All that an exercise can say to a learner, in every variant, with what it is."""
    yield "title", exercise.title
    for number, text in enumerate(exercise.hints, 1):
        yield f"hint {number}", text
    for variant in exercise.all_variants():
        yield "statement", exercise.text("statement", variant)
        yield "skeleton", exercise.text("skeleton", variant)
        for mistake in exercise.mistakes(variant):
            yield f"the mistake {mistake.name!r}", mistake.sentence


@each_exercise
class TestEveryExercise:
    def test_has_a_calm_tone(self, number) -> None:
        none_of(
            f"{number}, {what}: {match.group()!r} in {text!r}"
            for what, text in exercise_texts(exercises.find(number))
            if (match := UNWELCOME.search(blanked(text)) or PATHS.search(text))
        )

    def test_has_hints_that_do_not_repeat(self, number) -> None:
        hints = exercises.find(number).hints
        assert len(set(hints)) == len(hints)


SHOWN = {
    "functions": r"\b(\w+)\s+functions\b",
    "points": r"\b(\d+)\s+points\b",
    "minutes": r"\babout\s+(\d+)\s+minutes\b(?!\s+to\s+read)|exercises\s+take\s+another\s+(\d+)",
}


@each_lesson
def test_what_is_said_of_the_exercises_is_what_they_add_up_to(path) -> None:
    given = exercises.chapter(path.parent.name.partition("_")[0])
    right = {
        "functions": sum(type(e.kind).__name__ == "Function" for e in given),
        "points": sum(e.points for e in given),
        "minutes": sum(e.minutes for e in given),
    }
    faults, said_at_all = [], set()
    for source in (s for s in lesson(path) if not s.is_code):
        for what, pattern in SHOWN.items():
            for match in re.finditer(pattern, source.text):
                said_at_all.add(what)
                shown = count(next(filter(None, match.groups())))
                # "About 70 minutes" is said of 71.
                if shown != (round(right[what], -1) if what == "minutes" else right[what]):
                    faults.append(f"{at(source)}: {shown} {what}; they add up to {right[what]}")
    none_of(faults)
    assert said_at_all >= {"points", "minutes"}, f"{relative(path)} says neither points nor minutes"


def count(word: str) -> int:
    return int(word) if word.isdigit() else NUMBERS.index(word.lower()) + 1


class TestTheseTests:
    """They find what they look for, and nothing else."""

    @pytest.mark.parametrize("text", ["it is just a map", "Simply put", "look!", "obviously flat"])
    def test_unwelcome(self, text) -> None:
        assert UNWELCOME.search(blanked(text))

    @pytest.mark.parametrize("text", ["adjust it", "a != b", "$n!$ orders", "![A circle](a.png)"])
    def test_welcome(self, text) -> None:
        assert not UNWELCOME.search(blanked(text))

    def test_a_description_is_not_code_and_a_blank_line_is_no_line(self) -> None:
        text = 'fig = canvas()\n\nshow(\n    fig,\n    alt="a long"\n    " description",\n)'
        assert lines_of_code(Source("", Path(), 1, "demo", "", text, True)) == 4

    def test_objectives_are_counted_over_line_ends(self) -> None:
        assert bullets("**You can**\n\n- say\n  more;\n- do.\n\n**Needs** it") == [
            "say more;",
            "do.",
        ]

    def test_the_first_author(self) -> None:
        assert first_author("P. C. Mahalanobis (1936). On distance.") == "Mahalanobis"
        assert first_author("E. P. Xing, A. Y. Ng (2002). Learning.") == "Xing"
