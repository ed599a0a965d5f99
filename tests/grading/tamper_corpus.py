"""Submissions that try to get points they did not earn, to harm others, or to find out.

An ``Attack`` is a notebook and the score it deserves. Those made by ``escape`` try one thing that
the jail forbids; if it succeeds, all five right answers are defined, and the score tells. What
``outside`` marks succeeds without a jail and does no harm there, which proves that it is an
attempt; never run another one without a jail.

A word such as ``@release@`` stands for a file or an address that the test sets up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent, indent

import numpy as np
from notebooks import FULL, RIGHT, Book

from dmlcourse import exercises

ANSWERS = "\n".join(dedent(source) for source in RIGHT.values())
STUBS = "\n".join(
    f"def {exercise.name}(*arguments):\n    return SOMETHING"
    for exercise in exercises.chapter("02")
)
ALL_BUT_ONE = FULL - exercises.find("02.1").points


@dataclass(frozen=True)
class Attack:
    """``deserves`` is the score; ``make`` turns the released notebook into the submission."""

    name: str
    deserves: int
    make: Callable[[Book], object]
    outside: bool = False

    def __str__(self) -> str:
        return self.name


def first(source: str) -> Callable[[Book], Book]:
    """A cell of the learner's own before everything else; the answer cells are empty."""

    def make(book: Book) -> Book:
        for number in RIGHT:
            book.answer(number, "pass")
        return book.add(source, behind="given-imports")

    return make


def first_and_right(source: str) -> Callable[[Book], Book]:
    """The same with all answers right."""
    return lambda book: book.solve().add(source, behind="given-imports")


def answer(source: str) -> Callable[[Book], Book]:
    """This answer to 02.1, all others right."""
    return lambda book: book.solve().answer("02.1", source)


def returns(value: str, preparation: str = "") -> Callable[[Book], Book]:
    """Every function returns the same thing."""
    return first(f"{dedent(preparation)}\nSOMETHING = {value}\n{STUBS}")


def escape(name: str, attempt: str, outside: bool = False) -> Attack:
    source = (
        "import ctypes, os, socket, sys\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "def must(number):\n"
        "    if number < 0: raise OSError\n"
        f"try:\n{indent(dedent(attempt).strip(), '    ')}\n"
        "except BaseException:\n    pass\n"
        f"else:\n    exec({ANSWERS!r}, globals())\n"
    )
    return Attack(name, 0, first(source), outside)


def replay(by_inputs: bool) -> Callable[[Book], Book]:
    """Answers learned by heart from the published inputs: by their bytes, or by their order."""

    def make(book: Book) -> Book:
        for exercise in exercises.chapter("02"):
            variant = exercise.variant()
            reference = exercise.reference(variant)
            known = []
            cases = [case for case in exercise.draw(0, variant) if not case.weigh]
            for case in cases:
                key = b"".join(np.ascontiguousarray(v).tobytes() for v in case.inputs.values())
                value = reference(*case.laid_out().values())
                known.append((key, np.asarray(value).tolist()))
            body = f"""
                known = {dict(known) if by_inputs else [value for _, value in known]!r}
                calls = []
                def {exercise.name}(*arrays):
                    calls.append(1)
                    key = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
                    found = known.get(key, False) if {by_inputs} else known[len(calls) % len(known)]
                    return np.array(found) if isinstance(found, list) else found
                """
            book.answer(exercise.number, body.replace("known", f"known_{exercise.name}"))
        return book

    return make


def swapped(book: Book) -> Book:
    one, other = book.solve()["answer-02-1"], book["answer-02-2"]
    one["id"], other["id"] = "answer-02-2", "answer-02-1"
    return book


def marked_to_be_skipped(book: Book) -> Book:
    for cell in book.cells:
        cell.metadata["tags"] = ["skip-execution", "nbval-skip", "raises-exception"]
    return book


def without_checks(book: Book) -> Book:
    for number in RIGHT:
        book.remove(f"check-{number.replace('.', '-')}")
    return book


def edited_checks(book: Book) -> Book:
    for number in RIGHT:
        book[f"check-{number.replace('.', '-')}"]["source"] = f"{ANSWERS}\nprint('passed')"
    return book


def doubled(book: Book) -> Book:
    book.solve()
    book.cells[:] = [cell for cell in book.cells for _ in range(2)]
    return book


def backwards(book: Book) -> Book:
    book.solve().cells.reverse()
    return book


CHECKER = [
    Attack("nothing written", 0, lambda book: book),
    Attack("all right", FULL, lambda book: book.solve()),
    Attack(
        "an object equal to everything",
        0,
        returns(
            "Yes()", "class Yes:\n    def __eq__(self, other): return True\n    __le__ = __eq__"
        ),
    ),
    Attack(
        "an array that lies",
        0,
        returns(
            "np.zeros((4, 5)).view(Liar)",
            """
            class Liar(np.ndarray):
                def __eq__(self, other): return np.ones(self.shape, bool)
                def __sub__(self, other): return np.zeros(self.shape)
                def __array_ufunc__(self, *_, **__): return np.True_
                shape = property(lambda self: Yes())
            class Yes(tuple):
                def __eq__(self, other): return True
            """,
        ),
    ),
    Attack(
        "an object that pickles as code", 0, returns("Bomb()", "class Bomb:\n    __reduce__ = 1")
    ),
    Attack("NaN", 0, returns("np.nan")),
    Attack("an array of objects", 0, returns("np.array([object()] * 4)")),
    Attack("a large array", 0, returns("np.zeros(2**27)")),
    Attack("32 dimensions", 0, returns("np.zeros((1,) * 32)")),
    Attack("a list within itself", 0, returns("LOOP", "LOOP = []\nLOOP.append(LOOP)")),
    Attack(
        "a patched check",
        0,
        first(
            """
            import dmlcourse.checks
            dmlcourse.checks.check = lambda *_: print("passed (3 points)")
            check = dmlcourse.checks.check
            """
        ),
    ),
    Attack(
        "a patched observer",
        0,
        first(
            """
            import dmlcourse.observing, dmlcourse.inside.worker as worker
            from dmlcourse.observing import Observation
            worker.observe = lambda *_, **__: Observation()
            worker.is_right = True
            """
        ),
    ),
    Attack(
        "patched NumPy",
        0,
        returns(
            "np.zeros((4, 5))", "np.allclose = np.array_equal = np.all = lambda *_, **__: True"
        ),
    ),
    Attack(
        "an input transformer that blanks later cells",
        FULL,
        first_and_right(
            "get_ipython().input_transformers_cleanup.append(lambda lines: [])\n"
            "get_ipython().set_custom_exc((Exception,), lambda *_: None)"
        ),
    ),
    Attack(
        "a hook on every exception",
        0,
        first(
            "import sys\nget_ipython().showtraceback = sys.excepthook = lambda *_: None\n"
            "raise SystemExit(0)"
        ),
    ),
    Attack("the published answers by their inputs", 0, replay(by_inputs=True)),
    Attack("the published answers by their order", 0, replay(by_inputs=False)),
    Attack("cells marked to be skipped", 0, marked_to_be_skipped),
    Attack("check cells deleted", 0, without_checks),
    Attack("check cells deleted, answers right", FULL, lambda b: without_checks(b.solve())),
    Attack("check cells that hold the answers", 0, edited_checks),
    Attack("cells doubled", FULL, doubled),
    Attack("cells backwards", FULL, backwards),
    Attack("two ids swapped", ALL_BUT_ONE, swapped),
    Attack(
        "answers forged on the connection",
        0,
        first(
            """
            import os, socket, struct
            link = socket.socket(fileno=3)
            for size in (0, 1, 100, 2**40):
                link.send(struct.pack(">Q", size) + bytes(min(size, 100)))
            """
        ),
    ),
    Attack(
        "an observation forged for each answer",
        0,
        first(
            """
            import socket
            from dmlcourse.observing import Observation, Seen
            from dmlcourse.observing.wire import observation_tree, pack
            link = socket.socket(fileno=3)
            for value in (True, False, np.zeros((4, 5)), np.eye(3)):
                seen = {"result": Seen("ndarray", np.asarray(value))}
                forged = pack(observation_tree(Observation(seen)))
                for _ in range(40):
                    link.sendall(len(forged).to_bytes(8, "big") + forged)
            link.detach()
            """
        ),
    ),
    Attack(
        "an observation without values",
        0,
        first(
            """
            import dmlcourse.inside.worker as worker
            from dmlcourse.observing import Observation
            worker.observe = lambda *_, **__: Observation()
            """
            + STUBS.replace("\n", "\n" + 12 * " ").replace("SOMETHING", "0")
        ),
    ),
    Attack(
        "a reply that drips",
        0,
        first(
            """
            import os, threading, time
            def drip():
                os.write(3, (2**20).to_bytes(8, "big"))
                while True:
                    os.write(3, b"x")
                    time.sleep(0.001)
            threading.Thread(target=drip, daemon=True).start()
            time.sleep(100)
            """
        ),
    ),
    Attack("the connection closed", 0, first("import os\nos.close(3)")),
]

HARM = [
    Attack(
        "os._exit", ALL_BUT_ONE, answer("def mahalanobis(X, Y, M):\n    import os; os._exit(0)")
    ),
    Attack("os._exit in the cell", ALL_BUT_ONE, answer("import os\nos._exit(7)")),
    Attack("sys.exit", ALL_BUT_ONE, answer("def mahalanobis(X, Y, M):\n    raise SystemExit(0)")),
    Attack("sys.exit in a cell", FULL, first_and_right("import sys; sys.exit(0)")),
    Attack(
        "signals to everybody",
        FULL,
        first_and_right(
            """
            import os, signal
            for number in (os.getpid(), os.getppid(), 0, -1, 1, 2):
                for kind in (signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP, signal.SIGKILL):
                    try:
                        os.kill(number, kind)
                        os.killpg(number, kind)
                    except OSError:
                        pass
            """
        ),
    ),
    Attack("a crash", ALL_BUT_ONE, answer("import ctypes\nctypes.string_at(0)")),
    Attack(
        "recursion without end",
        ALL_BUT_ONE,
        answer("def mahalanobis(X, Y, M):\n    return mahalanobis(X, Y, M)"),
    ),
    Attack(
        "an endless loop", ALL_BUT_ONE, answer("def mahalanobis(X, Y, M):\n    while True: pass")
    ),
    Attack("an endless loop in the cell", ALL_BUT_ONE, answer("while True: pass")),
    Attack(
        "a loop that swallows every interruption",
        ALL_BUT_ONE,
        answer(
            """
            def mahalanobis(X, Y, M):
                while True:
                    try:
                        while True: pass
                    except BaseException:
                        pass
            """
        ),
    ),
    Attack(
        "a loop with the alarm switched off",
        ALL_BUT_ONE,
        answer(
            """
            import signal
            def mahalanobis(X, Y, M):
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                while True: pass
            """
        ),
    ),
    Attack(
        "a wait in C",
        ALL_BUT_ONE,
        answer(
            """
            import ctypes, signal
            def mahalanobis(X, Y, M):
                signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
                ctypes.CDLL(None).sleep(1000)
            """
        ),
    ),
    Attack(
        "an error whose text never ends",
        ALL_BUT_ONE,
        answer(
            """
            class Endless(Exception):
                def __str__(self):
                    while True: pass
            def mahalanobis(X, Y, M):
                raise Endless
            """
        ),
    ),
    Attack(
        "a fork bomb",
        FULL,
        first_and_right("import os\ndef bomb():\n    while True: os.fork()\nbomb()"),
    ),
    Attack(
        "a thousand busy threads",
        FULL,
        first_and_right(
            """
            import threading, time
            def busy():
                while True: time.sleep(0.01)
            for _ in range(1000):
                threading.Thread(target=busy, daemon=True).start()
            """
        ),
    ),
    Attack(
        "a thread that ends the process later",
        0,
        first(
            "import os, threading\n"
            "threading.Timer(0.3, os._exit, [1]).start()\n"
            "import time\ntime.sleep(1)"
        ),
    ),
    Attack(
        "30 GB of memory",
        ALL_BUT_ONE,
        answer("def mahalanobis(X, Y, M):\n    return np.ones(30 * 2**27)"),
    ),
    Attack(
        "memory in small pieces",
        ALL_BUT_ONE,
        answer("def mahalanobis(X, Y, M):\n    return [bytearray(2**26) for _ in range(500)]"),
    ),
    Attack(
        "1 GB of output",
        FULL,
        first_and_right(
            "import os\nfor number in range(1000):\n    os.write(1 + number % 2, bytes(2**20))"
        ),
    ),
    Attack(
        "a disk filled",
        FULL,
        first_and_right(
            """
            for folder in ("/tmp", "/dev/shm"):
                for number in range(10_000):
                    with open(f"{folder}/{number}", "wb") as file:
                        file.write(bytes(2**22))
            """
        ),
    ),
    Attack(
        "hooks on everything",
        0,
        first(
            """
            import gc, sys
            def hook(*_): raise RuntimeError
            sys.settrace(hook); sys.setprofile(hook); gc.callbacks.append(hook)
            sys.addaudithook(hook)
            """
        ),
    ),
    Attack(
        "builtins taken away",
        0,
        first("import builtins\nfor n in dir(builtins): delattr(builtins, n)"),
    ),
    Attack("modules taken away", 0, first("import sys\nsys.modules.clear()")),
    Attack(
        "the limit's own exception",
        FULL,
        first_and_right("from dmlcourse.observing import TimeUp\nraise TimeUp"),
    ),
]
HONEST = [
    Attack(
        "warnings and text on stderr",
        FULL,
        first_and_right(
            "import sys, warnings\nwarnings.warn('careful')\nprint('so it is', file=sys.stderr)"
        ),
    ),
    Attack(
        "an added helper",
        FULL,
        lambda book: (
            book.solve()
            .add("def root(x):\n    return np.sqrt(np.maximum(x, 0))", behind="text-02-1")
            .answer(
                "02.1",
                """
                def mahalanobis(X, Y, M):
                    D = X[:, None] - Y[None]
                    return root(((D @ M) * D).sum(axis=-1))
                """,
            )
        ),
    ),
    Attack(
        "slow but right",
        FULL,
        answer(
            f"import time\n{dedent(RIGHT['02.1'])}\nslow = mahalanobis\n"
            "def mahalanobis(X, Y, M):\n    time.sleep(0.1)\n    return slow(X, Y, M)"
        ),
    ),
    Attack(
        "magics and shell commands",
        FULL,
        lambda book: (
            book.solve()
            .answer("02.1", "%matplotlib inline\n!pip list\n" + dedent(RIGHT["02.1"]))
            .answer("02.2", "%%time\n" + dedent(RIGHT["02.2"]).strip())
        ),
    ),
    Attack(
        "an error after the answer",
        FULL,
        answer(dedent(RIGHT["02.1"]) + "\nprint(mahalanobis(1, 2))"),
    ),
]

ESCAPES = [
    escape("a process", "if os.fork() == 0: os._exit(0)", outside=True),
    escape("a command", "import subprocess; subprocess.run(['/bin/true'])", outside=True),
    escape("TCP", "socket.create_connection(('127.0.0.1', @port@), 1)", outside=True),
    escape("a TCP socket", "socket.socket(socket.AF_INET)", outside=True),
    escape("a UDP socket", "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", outside=True),
    escape("DNS", "socket.getaddrinfo('example.org', 80)"),
    escape("a virtual machine's own channel", "socket.socket(40, socket.SOCK_STREAM)"),
    escape("netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)", outside=True),
    escape(
        "a Unix socket by name",
        "socket.socket(socket.AF_UNIX).connect('\\0' + @socket@)",
        outside=True,
    ),
    escape("processes seen", "os.listdir('/proc/1')", outside=True),
    escape("the system's files", "open('/etc/passwd')", outside=True),
    escape("the home folder", "open(@home@)", outside=True),
    escape("the release", "open(@release@)", outside=True),
    escape("another submission", "open(@submission@)", outside=True),
    escape("the course's source", "open(@course@)", outside=True),
    escape("a secret in the environment", "os.environ['DMLCOURSE_TAMPER_SECRET']"),
    escape("the reference by import", "import dmlcourse.exercises"),
    escape("the library's own answers", "from dmlcourse.geometry import mahalanobis"),
    escape(
        "an installed course",
        """
        sys.path[:] = [place for place in sys.path if "packages" in place]
        for name in [name for name in sys.modules if name.startswith("dmlcourse")]:
            del sys.modules[name]
        import glob, importlib
        for path in glob.glob(sys.path[0] + "/__editable__*.py"):
            importlib.import_module(os.path.basename(path)[:-3]).install()
        import dmlcourse.exercises
        """,
    ),
    escape(
        "the reference in memory",
        """
        import gc
        names = "Exercise", "Key", "Mistake", "Config"
        [thing for thing in gc.get_objects() if type(thing).__name__ in names][0]
        """,
    ),
    escape(
        "the seed in frames",
        """
        frame, found = sys._getframe(), []
        while frame:
            found += [name for name in frame.f_locals if name in ("key", "expected", "seed")]
            frame = frame.f_back
        found[0]
        """,
    ),
    escape("a file of the system", "open('/etc/ld.so.cache', 'r+b')"),
    escape("a library changed", "open(np.__file__, 'a')"),
    escape("the checker changed", "open('/course/dmlcourse/observing/observe.py', 'a')"),
    escape("a file in the root", "open('/written', 'w')"),
    escape("a file above the scratch folder", "open('/tmp/../written', 'w')"),
    escape("a link out of the scratch folder", "os.symlink('/', 'up'); open('up/written', 'w')"),
    escape("a disk", "os.mknod('sda', 0o60600, os.makedev(8, 0))"),
    escape("the kernel's log", "open('/dev/kmsg')"),
    escape("a mount", "must(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))"),
    escape("what lies under a mount", "must(libc.umount2(b'/tmp', 2))"),
    escape("a namespace of its own", "must(libc.unshare(0x10000000))"),
    escape("root again", "os.setuid(0)"),
    escape("a change of root", "os.chroot('/tmp')"),
    escape("another process's memory", "must(libc.ptrace(0, 0, 0, 0))"),
    escape("memory that no limit counts", "os.memfd_create('x')"),
    escape("shared memory that stays", "must(libc.shmget(1, 4096, 0o1666))"),
    escape("a queue that stays", "must(libc.msgget(1, 0o1666))"),
    escape("a key that stays", "must(libc.syscall(248, b'user', b'x', b'y', 1, -4))"),
    escape("another processor", "os.sched_setaffinity(0, range(os.cpu_count()))"),
    escape("a higher priority", "os.nice(-5)"),
    escape("another connection", "os.fstat(4)"),
    escape("the clock", "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())"),
    escape("the host's name", "must(libc.sethostname(b'jail', 4))"),
]
CORPUS = [*CHECKER, *HARM, *HONEST, *ESCAPES]
