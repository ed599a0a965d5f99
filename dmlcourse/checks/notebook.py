"""``dmlcourse check NOTEBOOK``: nbval on every answer of a notebook, reported by exercise.

nbval runs the cells and compares what each one shows with what is stored. An exercise notebook
stores nothing, so in a copy the check cells are those of the built solution, with its outputs. A
check cell that was deleted, emptied or tagged to be skipped is whole again there.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from xml.etree import ElementTree

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from ..errors import UserError
from ..exercises import find
from ..places import course_folder
from .judging import NOT_ATTEMPTED, PASSED, Verdict

# One cell's limit. nbval's own is over half an hour, and only then does it notice a dead kernel.
SECONDS = 120


def check_notebook(path: Path, seconds: float = SECONDS) -> int:
    """Print a verdict for each exercise of a notebook; 0 if all pass, else 1.

    ``seconds`` is the longest that one cell may run.

    Raises:
        UserError: nothing there, a folder, a broken notebook, a notebook without exercises of
            this course, or nbval is not installed.
    """
    _require_nbval()
    if not path.exists() and not path.is_absolute():
        # A terminal of JupyterLab opens in the folder of the notebook, work/reading.
        path = course_folder() / path
    mine = _code_cells(_read(path))
    checks = _checks_of_the_solution(path, mine)
    laid = _lay(mine, checks)
    failures = _nbval(laid, checks, seconds)
    passed = 0
    for place, cell in enumerate(laid):
        failure = failures.get(place)
        if any(cell is check for check in checks):
            passed += failure is None
            print(_said(_number(cell), failure))
        elif failure:
            print(f"The cell that begins `{_first_line(cell)}`: {_cause(failure)}")
    print(f"{passed} of {len(checks)} exercises passed.")
    return 0 if passed == len(checks) else 1


def _require_nbval() -> None:
    if not importlib.util.find_spec("nbval"):
        raise UserError(
            "checking a notebook needs nbval, which is not installed. Run `make setup` in the "
            "course folder, or `python -m pip install nbval`."
        )


# ---------------------------------------------------------------- the notebook and its solution


def _read(path: Path) -> NotebookNode:
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a notebook in it (.ipynb).")
    try:
        text = path.read_text(encoding="utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(text, as_version=4)
        _code_cells(notebook)
    except FileNotFoundError:
        raise UserError(f"There is no {path}.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from None
    except Exception:
        # nbformat has many ways to give up on a broken file; the remedy is one.
        raise UserError(
            f"{path} is not a notebook, or was saved half-way. Open it in JupyterLab, save it, "
            "and check it again."
        ) from None
    return notebook


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def _checks_of_the_solution(path: Path, cells: list[NotebookNode]) -> list[NotebookNode]:
    """The check cells, with their outputs, of the solution that shares most cells with these."""
    names = {name for cell in cells for name in (cell.get("id"), _grade_id(cell))}
    best: list[NotebookNode] = []
    most = 0
    for solution in _solutions(path):
        checks = [c for c in _code_cells(_read(solution)) if _ours(c).get("role") == "check"]
        shared = sum(len({check.id, _answer(check)} & names) for check in checks)
        if shared > most:
            best, most = checks, shared
    if not best:
        raise UserError(
            f"{path} holds no exercise of this course. Check a notebook of the folder exercises, "
            "or a copy of one."
        )
    return best


def _solutions(path: Path) -> list[Path]:
    """The built solutions of the course: above the notebook, above here, or where we run from."""
    for folder in (*path.resolve().parents, course_folder("solutions")):
        found = sorted((folder / "solutions").glob("*.ipynb"))
        if found and (folder / "exercises").is_dir():
            return found
    raise UserError(
        f"{folder} has no notebooks in its folder solutions. Build them with `dmlcourse build`."
    )


def _ours(cell: NotebookNode) -> dict[str, str]:
    return cell.metadata.get("dmlcourse", {})


def _number(check: NotebookNode) -> str:
    return _ours(check)["exercise"]


def _answer(check: NotebookNode) -> str:
    """The id of the answer cell that belongs to a check cell."""
    return check.id.replace("check-", "answer-", 1)


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


# ---------------------------------------------------------------- the copy, and nbval on it


def _lay(cells: list[NotebookNode], checks: list[NotebookNode]) -> list[NotebookNode]:
    """The cells with the solution's check cells in the place of theirs, or below the answer."""
    laid = list(cells)
    for check in checks:
        own, answer = _place(laid, check.id), _place(laid, _answer(check))
        if own is not None:
            laid[own] = check
        else:
            laid.insert(len(laid) if answer is None else answer + 1, check)
    return laid


def _place(cells: list[NotebookNode], name: str) -> int | None:
    """Where the cell of this id is, or else of this grade_id: some editors give fresh ids."""
    for names in ([cell.get("id") for cell in cells], [_grade_id(cell) for cell in cells]):
        if name in names:
            return names.index(name)
    return None


def _nbval(cells: list[NotebookNode], checks: list[NotebookNode], seconds: float) -> dict[int, str]:
    """What nbval says of each cell that fails, by its place."""
    ours = {id(check) for check in checks}
    # Nothing but the source of the learner's cells: a stored output would be compared too.
    copied = [cell if id(cell) in ours else new_code_cell(cell.source) for cell in cells]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nbformat.write(new_notebook(cells=copied), folder / "copy.ipynb")
        (folder / "pytest.ini").write_text("[pytest]\n")
        ran = subprocess.run(
            _command(seconds),
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            text=True,
            errors="replace",
        )
        if ran.returncode not in (0, 1):
            raise UserError(f"nbval could not run the notebook:\n{ran.stdout}{ran.stderr}")
        return _failures(folder / "report.xml")


def _command(seconds: float) -> list[str]:
    # The folder of the copy is the root of everything, so no conftest.py reaches it; a plugin
    # that shuffles tests would shuffle the cells.
    options = "--nbval --nbval-current-env --color=no --rootdir=. --confcutdir=. -c pytest.ini"
    plugins = ("-p", "no:cacheprovider", "-p", "no:randomly")
    limit = f"--nbval-cell-timeout={seconds}"
    run = (sys.executable, "-m", "pytest", *options.split(), *plugins)
    return [*run, limit, "--junitxml=report.xml", "copy.ipynb"]


def _environment(folder: Path) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return inherited | {"DMLCOURSE_HOME": str(folder), "PYTHONWARNINGS": "ignore"}


def _failures(report: Path) -> dict[int, str]:
    # JUnit calls the cells "Cell 0", "Cell 1", counting code cells only; the copy has no others.
    # After a cell at the limit, nbval calls the later failures expected and keeps no words.
    found = {}
    for case in ElementTree.parse(report).iter("testcase"):
        if (problem := case.find("*")) is not None and problem.tag in ("failure", "error"):
            found[int(case.attrib["name"].split()[-1])] = _uncoloured(problem.text or "")
        elif problem is not None and problem.tag == "skipped":
            found[int(case.attrib["name"].split()[-1])] = ""
    return found


def _uncoloured(text: str) -> str:
    return re.sub(r"(\x1b|#x1B)\[[0-9;]*m", "", text)


# ---------------------------------------------------------------- the report


def _said(number: str, failure: str | None) -> str:
    """What is said about one exercise: the check's own words where it came to speak."""
    exercise = find(number)
    if failure is None:
        return Verdict(exercise, PASSED).headline
    words = failure.partition("\nTraceback:\n")[2].strip()
    if words.startswith(calm := Verdict(exercise, NOT_ATTEMPTED).headline):
        return calm
    about = f"{number} {exercise.title}: "
    return words if words.startswith(about) else f"{about}not yet.\n  {_cause(failure)}"


def _cause(failure: str) -> str:
    """Why a cell fails, in one line."""
    limit = re.search(r"Timeout of (\S+) seconds exceeded", failure)
    if not failure:
        return "Not checked, because a cell above it was stopped at the limit."
    if limit:
        return f"Stopped at the limit of {limit[1]} seconds for one cell."
    if "Cell outputs differ" in failure:
        return "The check shows more than its one line. Take out what your answer prints."
    return failure.strip().splitlines()[-1]


def _first_line(cell: NotebookNode) -> str:
    return cell.source.strip().splitlines()[0]
