"""Marks as files: a table for the grade book, an audit record, a page a student, one page of all.

Whatever a student wrote is text here and stays text: escaped in HTML, harmless in a spreadsheet.
The same marks give the same bytes. A file is replaced whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..checks.render import COLOURS, SIGNS
from ..files import write_whole
from .marking import Config, Graded, Mark
from .submission import visible

STYLE = """
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1f2328;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.5rem 0 .25rem}p{margin:.25rem 0}
table{border-collapse:collapse}caption{text-align:left;margin-bottom:.5rem}
th,td{border-bottom:1px solid #d0d7de;padding:.3rem .7rem;text-align:left}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
section{border-left:4px solid;padding-left:.8rem;margin:1rem 0}
""".strip()
# A spreadsheet takes a cell that begins with one of these for a formula.
FORMULA = tuple("=+-@＝＋－＠")


def write_all(
    out: Path, graded: Sequence[Graded], config: Config, audit: Mapping[str, Any]
) -> None:
    """Write ``grades.csv``, ``results.json``, ``index.html`` and ``students/*.html`` to ``out``."""
    pages = page_names([one.student for one in graded])
    (out / "students").mkdir(parents=True, exist_ok=True)
    for one in graded:
        _write(out / "students" / pages[one.student], student_page(one, config))
    _write(out / "index.html", index_page(graded, config, pages))
    _write(out / "results.json", results(graded, config, audit))
    _write(out / "grades.csv", table(graded, config))


def table(graded: Iterable[Graded], config: Config) -> str:
    """The grade book's table. A submission that could not be graded has no score."""
    numbers = [exercise.number for exercise in config.exercises]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student_id", "score", "max_score", *numbers, "remarks"])
    for one in graded:
        points = {mark.exercise: mark.points for mark in one.marks}
        score = "" if one.failure else one.score
        columns = [points.get(number, "") for number in numbers]
        remarks = " ".join(_remarks(one))
        row = [_no_formula(one.student), score, config.max_score, *columns, _no_formula(remarks)]
        writer.writerow(row)
    return text.getvalue()


def _no_formula(text: str) -> str:
    text = visible(text)
    return f"'{text}" if text.startswith(FORMULA) else text


def results(graded: Iterable[Graded], config: Config, audit: Mapping[str, Any]) -> str:
    """The audit record: what was run, under which limits, and every sentence that was said."""
    students = [one.as_tree() for one in graded]
    tree = {**audit, "max_score": config.max_score, "students": students}
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def student_page(one: Graded, config: Config) -> str:
    """What one student gets to read: the sentences of the checks, and no more than that."""
    titles = {exercise.number: exercise.title for exercise in config.exercises}
    score = "Not graded." if one.failure else f"{one.score} of {config.max_score} points."
    rows = "".join(
        f'<tr><th scope="row">{escape(mark.exercise)} {escape(titles[mark.exercise])}</th>'
        f"<td>{_signed(mark)}</td>"
        f'<td class="number">{mark.points} of {mark.max_points}</td></tr>'
        for mark in one.marks
    )
    body = f"<p>{score}</p>" + _list(_remarks(one))
    if rows:
        heads = '<th scope="col">Exercise</th><th scope="col">Outcome</th>'
        heads += '<th scope="col" class="number">Points</th>'
        body += _table("Points by exercise", heads, rows)
    return _page(f"Grades of {one.student}", body + "".join(map(_section, one.marks)))


def _section(mark: Mark) -> str:
    headline, *others = mark.sentences
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in others)
    return (
        f'<section style="border-color:{COLOURS[mark.outcome]}"><h2>{escape(headline)}</h2>'
        f"{paragraphs}</section>"
    )


def index_page(graded: Sequence[Graded], config: Config, pages: Mapping[str, str]) -> str:
    """One table for the instructor: a row a student, a column an exercise."""
    numbers = [exercise.number for exercise in config.exercises]
    names = ["Student", "Score", *numbers, "Remarks"]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = "".join(_row(one, numbers, pages[one.student]) for one in graded)
    caption = f"{len(graded)} submissions, {config.max_score} points to be had"
    return _page("Grades", _table(caption, heads, rows))


def _row(one: Graded, numbers: Iterable[str], page: str) -> str:
    marks = {mark.exercise: mark for mark in one.marks}
    cells = [
        f"<td>{_signed(marks[n])}, {marks[n].points}</td>" if n in marks else "<td></td>"
        for n in numbers
    ]
    link = f'<a href="students/{escape(page)}">{escape(visible(one.student))}</a>'
    score = "not graded" if one.failure else one.score
    remarks = escape(" ".join(_remarks(one)))
    first = f'<th scope="row">{link}</th><td class="number">{score}</td>'
    return f"<tr>{first}{''.join(cells)}<td>{remarks}</td></tr>\n"


def _signed(mark: Mark) -> str:
    colour, sign = COLOURS[mark.outcome], SIGNS[mark.outcome]
    return f'<span aria-hidden="true" style="color:{colour}">{sign}</span> {escape(mark.outcome)}'


def _remarks(one: Graded) -> list[str]:
    return [*([one.failure] if one.failure else []), *one.remarks]


def _list(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<h2>Remarks</h2><ul>{items}</ul>" if items else ""


def _table(caption: str, heads: str, rows: str) -> str:
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _page(title: str, body: str) -> str:
    # No script may run and nothing is loaded, whatever got past the escaping.
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(visible(title))}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(visible(title))}</h1>\n{body}</main></body></html>\n"
    )


def page_names(students: Iterable[str]) -> dict[str, str]:
    """A file name for each student: plain, and different even where upper case is not."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in students:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", student).strip(".")[:80] or "_"
        if plain != student or plain.lower() in taken:
            digest = hashlib.sha256(student.encode(errors="surrogateescape")).hexdigest()
            plain = f"{plain}-{digest[:8]}"
        taken.add(plain.lower())
        names[student] = f"{plain}.html"
    return names


def _write(path: Path, text: str) -> None:
    # Marks are for the instructor, who decides whom to show them.
    write_whole(path, text.encode("utf-8", errors="replace"), mode=0o600)
