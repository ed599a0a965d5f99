"""The built notebooks: in step with their lessons, unsolved, described, clean and small."""

from __future__ import annotations

import base64
import getpass
import json
import platform
import re
from pathlib import Path

import nbformat
import pytest
from course_files import LESSONS, NOTEBOOKS, ROOT, in_cell, lesson, none_of, notebook, relative
from nbformat import NotebookNode

from dmlcourse import exercises
from dmlcourse.authoring.command import build
from dmlcourse.authoring.layout import CHAPTERS, EXERCISES, FOLDERS, SOLUTIONS
from dmlcourse.observing import does_nothing

LARGEST_KB = 600
SHORTEST_ALT = 30
ID = re.compile(r"(text|given|demo|answer|check|remark)-[a-z0-9]+(-[a-z0-9]+)*(_\d+)?")

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
by_folder = {f: [path for path in NOTEBOOKS if path.parent.name == f] for f in FOLDERS}
each_exercises = pytest.mark.parametrize("path", by_folder[EXERCISES], ids=relative)
each_solutions = pytest.mark.parametrize("path", by_folder[SOLUTIONS], ids=relative)


def cells(path: Path, role: str | None = None) -> list[NotebookNode]:
    every = notebook(path).cells
    return [c for c in every if role in (None, c.metadata.get("dmlcourse", {}).get("role"))]


def still_do_nothing(path: Path) -> dict[str, bool]:
    """For each exercise of a notebook, whether its answer, run as it stands, does nothing."""
    namespace: dict[str, object] = {}
    found = {}
    for cell in cells(path):
        role = cell.metadata["dmlcourse"]["role"]
        if role in ("given", "answer"):
            exec(compile(cell.source, in_cell(path, cell), "exec"), namespace)
        if role == "answer":
            exercise = exercises.find(cell.metadata["dmlcourse"]["exercise"])
            found[cell.id] = does_nothing(exercise.kind, namespace.get(exercise.name))
    return found


class TestTheFolders:
    def test_hold_three_notebooks_for_each_lesson(self) -> None:
        wanted = {
            f"{folder}/{path.parent.name}.ipynb"
            for path in LESSONS
            for folder in ([CHAPTERS] if path.name == "chapter.py" else [EXERCISES, SOLUTIONS])
        }
        assert {relative(path) for path in NOTEBOOKS} == wanted

    def test_hold_nothing_else(self) -> None:
        there = [path for folder in FOLDERS for path in (ROOT / folder).iterdir()]
        strays = {p for p in there if not p.name.startswith(".")} - set(NOTEBOOKS)
        none_of([f"{relative(path)} is no notebook of the course" for path in strays])

    def test_are_in_step_with_the_lessons(self, capsys, monkeypatch) -> None:
        monkeypatch.chdir(ROOT)
        assert build(check=True) == 0, capsys.readouterr().out


@each_notebook
class TestEveryNotebook:
    def test_is_valid(self, path) -> None:
        nbformat.validate(nbformat.read(path, as_version=nbformat.NO_CONVERT))

    def test_is_small(self, path) -> None:
        size = path.stat().st_size / 1000
        assert size <= LARGEST_KB, f"{relative(path)} has {size:.0f} kB; at most {LARGEST_KB}"

    def test_has_an_id_of_its_own_for_each_cell(self, path) -> None:
        ids = [cell.id for cell in cells(path)]
        none_of([f"{relative(path)}: the id {i} is used twice" for i in {*ids} if ids.count(i) > 1])

    def test_has_ids_made_from_names(self, path) -> None:
        wrong = [cell for cell in cells(path) if not ID.fullmatch(cell.id)]
        none_of([f"{in_cell(path, cell)}: the id comes from no name" for cell in wrong])

    def test_says_what_each_cell_is_for(self, path) -> None:
        faults = []
        for cell in cells(path):
            ours = cell.metadata.get("dmlcourse", {})
            place = str(ours.get("exercise", "")).replace(".", "-")
            wanted = f"{ours.get('role')}-{place}" if place else f"{ours.get('role')}-"
            if not cell.id.startswith(wanted):
                faults.append(f"{in_cell(path, cell)}: its metadata say {dict(ours)}")
        none_of(faults)

    def test_names_no_machine_no_user_and_no_time(self, path) -> None:
        none_of(traces(path, notebook(path)))

    def test_shows_no_error_and_no_warning(self, path) -> None:
        none_of(
            f"{in_cell(path, cell)}: the output is {output.get('name', output.output_type)}"
            for cell in cells(path)
            for output in cell.get("outputs", [])
            if output.output_type == "error" or output.get("name") == "stderr"
        )

    def test_stores_no_widget(self, path) -> None:
        wrong = [cell for cell in cells(path) if "jupyter.widget" in json.dumps(cell)]
        none_of([f"{in_cell(path, cell)}: a widget is stored" for cell in wrong])

    def test_describes_every_image(self, path) -> None:
        none_of(undescribed(path, notebook(path)))


@each_exercises
class TestTheExercises:
    def test_are_not_solved(self, path) -> None:
        solved = [name for name, empty in still_do_nothing(path).items() if not empty]
        none_of([f"{relative(path)}, cell {name}: the stub does something" for name in solved])

    def test_hold_no_solution(self, path) -> None:
        wrong = [c for c in cells(path) if "SOLUTION" in c.source]
        wrong += cells(path, "remark")
        none_of([f"{in_cell(path, cell)}: it belongs to the solutions" for cell in wrong])

    def test_hold_no_output(self, path) -> None:
        ran = [c for c in cells(path) if c.get("outputs") or c.get("execution_count")]
        none_of([f"{in_cell(path, cell)}: it has been run" for cell in ran])

    def test_carry_what_nbgrader_reads(self, path) -> None:
        none_of(not_for_nbgrader(path))

    def test_check_each_answer_right_below_it(self, path) -> None:
        none_of(unchecked(path))

    def test_have_the_cells_of_the_solutions_but_the_remarks(self, path) -> None:
        twin = ROOT / SOLUTIONS / path.name
        ids = [cell.id for cell in cells(twin) if cell not in cells(twin, "remark")]
        assert [cell.id for cell in cells(path)] == ids


@each_solutions
class TestTheSolutions:
    def test_are_solved(self, path) -> None:
        empty = [name for name, empty in still_do_nothing(path).items() if empty]
        none_of([f"{relative(path)}, cell {name}: the answer does nothing" for name in empty])

    def test_mark_each_solution(self, path) -> None:
        mark = re.compile(r"### BEGIN SOLUTION\n.+### END SOLUTION", re.DOTALL)
        wrong = [cell for cell in cells(path, "answer") if not mark.search(cell.source)]
        none_of([f"{in_cell(path, cell)}: the solution is not marked" for cell in wrong])

    def test_carry_what_nbgrader_reads(self, path) -> None:
        none_of(not_for_nbgrader(path))

    def test_show_a_pass_for_each_check(self, path) -> None:
        wrong = [c for c in cells(path, "check") if "passed (" not in json.dumps(c.outputs)]
        none_of([f"{in_cell(path, cell)}: the stored output is no pass" for cell in wrong])


class TestTheseTests:
    """They find what they look for."""

    @pytest.mark.parametrize(
        "text",
        [
            "/home/ada/course",
            "/tmp/ipykernel_12/3.py",
            "C:\\Users\\ada",
            "2026-01-31T10:00",
            "9:30:15",
            "ada@laptop:",
        ],
    )
    def test_a_trace_of_the_machine_is_found(self, text) -> None:
        stream = nbformat.v4.new_output("stream", text=f"saved\nin {text}")
        cell = nbformat.v4.new_code_cell("1", id="demo-toy", outputs=[stream])
        toy = nbformat.v4.new_notebook(cells=[cell])
        (fault,) = traces(ROOT / "toy.ipynb", toy)
        assert fault.startswith("toy.ipynb, cell demo-toy, line 2: ")

    @pytest.mark.parametrize("metadata", [{}, {"image/png": {}}, {"image/png": {"alt": "a plot"}}])
    def test_an_image_without_a_description_is_found(self, metadata) -> None:
        image = nbformat.v4.new_output("display_data", {"image/png": ""}, metadata=metadata)
        cell = nbformat.v4.new_code_cell("1", id="demo-toy", outputs=[image])
        toy = nbformat.v4.new_notebook(cells=[cell])
        (fault,) = undescribed(ROOT / "toy.ipynb", toy)
        assert fault.startswith("toy.ipynb, cell demo-toy: ")


def undescribed(path: Path, nb: NotebookNode) -> list[str]:
    """The images of a notebook whose description is missing or too short to help."""
    faults = []
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            for kind in (k for k in output.get("data", {}) if k.startswith("image/")):
                alt = output.metadata.get(kind, {}).get("alt", "")
                if len(alt) < SHORTEST_ALT:
                    faults.append(f"{in_cell(path, cell)}: its {kind} is described as {alt!r}")
    return faults


TRACES = {
    "a path": r"(?<![\w/.:])/(?:home|root|work|Users|tmp|opt|usr|var|mnt|private)/\S*|[A-Z]:\\\S+",
    "a time": r"\b\d{4}-\d\d-\d\d[T ]\d\d?:\d\d|\b\d?\d:\d\d:\d\d\b",
    "a user or machine": r"\b\w+@\w+:",
}


def traces(path: Path, nb: NotebookNode) -> list[str]:
    """Where a notebook says on which machine, by whom or when it was made."""
    # A user or a machine may have a name that is a word, such as root: then only paths can tell.
    own = {getpass.getuser(), platform.node()} - {"root", "user", "vm", "localhost", "runner", ""}
    patterns = TRACES | {f"the name {name}": rf"\b{re.escape(name)}\b" for name in own}
    everywhere = [(cell, text) for cell in nb.cells for text in texts(cell)]
    everywhere += [({"id": "none, the metadata"}, text) for text in texts(nb.metadata)]
    return [
        f"{in_cell(path, cell, number)}: {what}, {found.group()!r}"
        for cell, text in everywhere
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in patterns.items()
        if (found := re.search(pattern, line))
    ]


def texts(node: object) -> list[str]:
    """Every text in a part of a notebook: of an image, the words that its file carries."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, list):
        return [text for part in node for text in texts(part)]
    if not isinstance(node, dict):
        return []
    found = []
    for key, part in node.items():
        found += [words_in(part)] if key == "image/png" and isinstance(part, str) else texts(part)
    return found


def words_in(image: str) -> str:
    """The text chunks of a PNG file, where a program says of itself what it likes."""
    data = base64.b64decode(image)
    chunks = (data[at.end() : at.end() + 80] for at in re.finditer(b"tEXt|iTXt", data))
    return " ".join(chunk.decode("latin-1") for chunk in chunks)


def not_for_nbgrader(path: Path) -> list[str]:
    """Answer and check cells whose nbgrader metadata are missing or say something else."""
    faults = []
    for role in ("answer", "check", "given"):
        for cell in cells(path, role):
            wanted = {"grade_id": cell.id, "schema_version": 3, "task": False}
            wanted |= {"solution": role == "answer", "locked": role != "answer"}
            wanted["grade"] = role == "check"
            if role == "check":
                wanted["points"] = exercises.find(cell.metadata["dmlcourse"]["exercise"]).points
            if cell.metadata.get("nbgrader") != wanted:
                got = cell.metadata.get("nbgrader")
                faults.append(f"{in_cell(path, cell)}: nbgrader reads {got}; expected {wanted}")
    return faults


def unchecked(path: Path) -> list[str]:
    """Answers that are not followed by their check."""
    every = cells(path)
    faults = []
    for cell, below in zip(every, [*every[1:], None], strict=True):
        if cell.metadata["dmlcourse"]["role"] == "answer":
            exercise = exercises.find(cell.metadata["dmlcourse"]["exercise"])
            call = f'check("{exercise.number}", {exercise.name})'
            if below is None or below.source != call:
                faults.append(f"{in_cell(path, cell)}: {call} is not in the cell below")
    return faults


def test_every_exercise_stands_in_exactly_one_lesson() -> None:
    placed = [s.name for path in LESSONS for s in lesson(path) if s.role == "exercise"]
    assert sorted(placed) == sorted(exercises.numbers())
