"""The jail from the grader's end: it runs, keeps limits, says how it ended, leaves nothing."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dmlcourse.grading import jail as jails
from dmlcourse.grading.inside import sieve
from dmlcourse.grading.jail import Allowance, Ended, Jail, JailError, Limits, is_missing
from dmlcourse.observing import Case, Function, Observation

pytestmark = pytest.mark.jail
LIMITS = Limits(cell=1, case=1, grace=0.5, submission=20, memory=256 * jails.MB)


@pytest.fixture(scope="module")
def jail(jailed: None) -> Iterator[Jail]:
    with Jail(limits=LIMITS) as jail:
        yield jail


@pytest.fixture
def run(jail: Jail) -> Callable[[str], Observation]:
    def run(source: str) -> Observation:
        with jail.session() as session:
            return session.run("cell 1", source)

    return run


def observed(jail: Jail, source: str, *values: object) -> list[Observation]:
    with jail.session() as session:
        session.run("answer-02-1", source)
        cases = [Case(f"case {value}", {"x": value}) for value in values]
        return list(session.observe("f", Function(), cases))


def processes() -> set[int]:
    """All processes that descend from this one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = {os.getpid()}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


class TestRuns:
    def test_an_answer(self, jail: Jail) -> None:
        seen = observed(jail, "import numpy as np\ndef f(x): return 2 * x", np.arange(3.0), 4)
        assert [one.values["result"].array.tolist() for one in seen] == [[0, 2, 4], 8]

    def test_every_session_from_the_start(self, run: Callable[[str], Observation]) -> None:
        run("import numpy as np\nkept = np.kept = 1\nopen('/tmp/kept', 'w')")
        seen = run("import numpy as np, os\nassert not hasattr(np, 'kept') and not os.listdir('.')")
        assert seen == Observation()

    def test_and_names_the_learners_line(self, run: Callable[[str], Observation]) -> None:
        fault = run("import numpy as np\nnp.linalg.inv(np.zeros((2, 2)))").fault
        assert fault is not None
        assert (fault.type, fault.line_number) == ("LinAlgError", 2)
        assert fault.line == "np.linalg.inv(np.zeros((2, 2)))"

    def test_and_shows_a_line_that_is_not_python(self, run: Callable[[str], Observation]) -> None:
        fault = run("a = 1\ndef f(:\n    pass").fault
        assert fault is not None
        assert (fault.type, fault.line, fault.line_number) == ("SyntaxError", "def f(:", 2)

    def test_a_cell_of_a_notebook(self, run: Callable[[str], Observation]) -> None:
        source = "%matplotlib inline\n!ls\nx = !ls\n?print\ndisplay(1)\n%time y = 3\nassert y == 3"
        assert run(source) == Observation()

    def test_a_cell_that_loads_a_bundled_set(self, jailed: None) -> None:
        source = "from dmlcourse.data import load\nX = load('iris').X\ndef f(x): return X[x, 0]"
        with Jail() as jail:
            (seen,) = observed(jail, source, 0)
        assert seen.values["result"].array == 5.1

    def test_what_was_never_defined(self, jail: Jail) -> None:
        (seen,) = observed(jail, "g = 1", 1, 2)
        assert is_missing(seen)

    def test_what_does_nothing_yet_once(self, jail: Jail) -> None:
        (seen,) = observed(jail, "def f(x): ...", 1, 2)
        assert seen.empty

    def test_with_libraries_loaded(self, jailed: None) -> None:
        with Jail(("scipy.linalg",)) as jail, jail.session() as session:
            source = "import sys\nassert 'scipy.linalg' in sys.modules\nimport scipy.optimize"
            assert session.run("cell 1", source) == Observation()


class TestLimits:
    def test_of_a_cell(self, run: Callable[[str], Observation]) -> None:
        assert run("while True: pass").stopped

    def test_of_a_case_after_which_one_more_is_tried(self, jail: Jail) -> None:
        seen = observed(jail, "def f(x):\n    while x: pass", 1, 0, 2, 3)
        assert [one.stopped for one in seen] == [True, False, True]

    def test_of_what_returns(self, jail: Jail) -> None:
        (seen,) = observed(jail, "import numpy as np\ndef f(x): return np.zeros(2**21)", 1)
        assert seen.fault is not None
        assert seen.fault.message == "it returned 16 MB; at most 8 MB are taken"

    def test_of_all_that_returns(self, jail: Jail) -> None:
        allowance = Allowance(time.monotonic() + 20, 100_000)
        with jail.session(allowance) as session:
            session.run("cell 1", "import numpy as np\ndef f(x): return np.zeros(4000)")
            with pytest.raises(Ended):
                list(session.observe("f", Function(), [Case("one", {"x": 1})] * 9))
        assert allowance.bytes < 32_000

    def test_of_memory(self, run: Callable[[str], Observation]) -> None:
        assert run("bytearray(200 * 2**20)") == Observation()
        fault = run("bytearray(300 * 2**20)").fault
        assert fault is not None
        assert fault.type == "MemoryError"

    def test_of_the_scratch_folder(self, run: Callable[[str], Observation]) -> None:
        fault = run("open('x', 'wb').write(bytes(100 * 2**20))").fault
        assert fault is not None
        assert fault.type == "OSError"

    def test_of_the_whole_submission(self, jailed: None) -> None:
        limits = Limits(submission=1, cell=5, grace=0.3)
        late = pytest.raises(Ended, match="whole notebook")
        with Jail(limits=limits) as jail, jail.session() as session, late:
            session.run("cell 1", "while True: pass")


class TestSaysHowItEnded:
    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            ("import os; os._exit(3)", "it ended its process (exit status 3)"),
            ("import ctypes; ctypes.string_at(0)", "its process was ended by signal 11"),
            ("import os; os.write(3, bytes(99))", "it sent the grader something else"),
            (
                "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
                "it did not end within 2 seconds",
            ),
        ],
    )
    def test_(self, source: str, reason: str, run: Callable[[str], Observation]) -> None:
        with pytest.raises(Ended) as caught:
            run(source)
        assert str(caught.value).startswith(reason)


class TestLeavesNothing:
    def test_behind_a_closed_session(self, jail: Jail) -> None:
        before = processes()
        with jail.session() as session:
            session.run(
                "cell 1",
                "import threading, time\nthreading.Thread(target=time.sleep, args=[99]).start()",
            )
            during = processes()
        deadline = time.monotonic() + 5
        while not processes() <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert processes() <= before < during | before

    def test_behind_a_thread_that_ends(self, jailed: None) -> None:
        before = processes()
        kept = threading.local()
        during: list[set[str]] = []

        def work() -> None:
            kept.jail = Jail(limits=LIMITS)
            during.append(processes())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        gc.collect()
        assert processes() <= before < during[0] | before

    def test_in_the_folder_of_temporary_files(self, jailed: None, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with Jail(limits=LIMITS):
            assert os.listdir(tmp_path)
        assert not os.listdir(tmp_path)


class TestStarts:
    def test_again_when_its_process_is_gone(self, jailed: None) -> None:
        before = processes()
        with Jail(limits=LIMITS) as jail:
            started = max(processes() - before)
            os.kill(started, signal.SIGKILL)
            with jail.session() as session:
                assert session.run("cell 1", "1 + 1") == Observation()

    def test_or_says_why_not(self, monkeypatch) -> None:
        monkeypatch.setattr(jails, "PARTS", ())
        monkeypatch.setattr(jails, "_homes", lambda: [])
        with pytest.raises(JailError, match="No module named"):
            Jail(limits=LIMITS)

    def test_and_never_leaks(self) -> None:
        """Not skipped: where a jail starts it has to hold."""
        there, why = jails.available()
        assert "inside, a program" not in why
        assert not there or "system-call filter" in why

    def test_not_on_another_system(self, monkeypatch) -> None:
        monkeypatch.setattr("sys.platform", "darwin")
        there, why = jails.available.__wrapped__()
        assert not there
        assert "darwin" in why
        assert "virtual machine" in why

    @pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else for a while")
    def test_for_an_ordinary_user_too(self, jailed: None) -> None:
        folders = [str(jails.jailed.ROOMS.parent), *jails._homes()]
        code = "from dmlcourse.grading.jail import available; print(available())"
        for python in (
            sys.executable,
            f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}",
        ):
            with contextlib.suppress(OSError):
                done = subprocess.run(
                    [python, "-c", code],
                    user=65534,
                    group=65534,
                    extra_groups=[],
                    cwd="/",
                    env={"PYTHONPATH": os.pathsep.join(folders), "HOME": "/nonexistent"},
                    capture_output=True,
                    text=True,
                )
                if "No module named 'dmlcourse'" in done.stderr:
                    pytest.skip("this clone lies where another user may not read")
                assert done.stdout.startswith("(True, "), done.stdout + done.stderr
                return
        pytest.skip("no Python here that another user may run")

    def test_not_where_it_leaks(self, jailed: None, monkeypatch) -> None:
        monkeypatch.setattr(jails, "PROBE", "def probe(course): return 'reads the course'")
        there, why = jails.available.__wrapped__()
        assert not there
        assert "inside, a program reads the course" in why

    def test_not_on_an_unknown_processor(self, monkeypatch) -> None:
        monkeypatch.setattr("platform.machine", lambda: "vax")
        with pytest.raises(OSError, match="processor of type vax"):
            sieve.number("mount")
