"""The command ``dmlcourse``: one short function per sub-command, each importing what it needs.

``dmlcourse --help`` answers at once because nothing heavy is imported before a sub-command runs.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .errors import UserError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; its exit status (2 where the person asked for something impossible)."""
    for stream in (sys.stdout, sys.stderr):
        # Redirected output on Windows has an encoding that lacks many signs: "?" is no reason to
        # stop half-way.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser, commands = build_parser()
    refuse_unknown(parser, commands, arguments)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except UserError as error:
        print(f"dmlcourse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\ndmlcourse: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of a pipe, such as head, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        about = f" ({error.filename})" if error.filename else ""
        print(f"dmlcourse: {error.strerror or error}{about}.", file=sys.stderr)
        return 2


def lab(options: argparse.Namespace) -> int:
    from .lab import open_lab

    return open_lab(options.chapter, options.port, options.browser)


def start(options: argparse.Namespace) -> int:
    from .workbooks import start

    return start(options.chapters)


def update(options: argparse.Namespace) -> int:
    from .workbooks import update

    return update()


def check(options: argparse.Namespace) -> int:
    from .checks.notebook import check_notebook

    return max([check_notebook(path) for path in options.notebooks])


def hint(options: argparse.Namespace) -> int:
    from .checks import hint

    hint(options.number)
    return 0


def progress(options: argparse.Namespace) -> int:
    from .progress.command import progress

    return progress(options.export, options.delete, options.yes)


def class_(options: argparse.Namespace) -> int:
    from .progress.classroom import class_page

    return class_page(options.folder, options.out)


def data(options: argparse.Namespace) -> int:
    from .data.command import data

    return data(options.names)


def pack(options: argparse.Namespace) -> int:
    from .pack import pack

    return pack(options.folder)


def grade(options: argparse.Namespace) -> int:
    from .grading.command import grade

    return grade(
        options.submissions,
        options.out,
        release=options.release,
        seed=options.seed,
        jobs=options.jobs,
        jail=options.jail,
    )


def build(options: argparse.Namespace) -> int:
    from .authoring.command import build

    return build(options.lessons, check=options.check, force=options.force)


def doctor(options: argparse.Namespace) -> int:
    from .doctor import report

    return report()


def build_parser() -> tuple[argparse.ArgumentParser, list[str]]:
    parser = argparse.ArgumentParser(
        prog="dmlcourse", description="The hands-on course in metric learning."
    )
    parser.add_argument("--version", action="version", version=f"dmlcourse {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(run, summary: str) -> argparse.ArgumentParser:
        name = run.__name__.rstrip("_")
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    added = command(lab, "open the course in JupyterLab")
    added.add_argument("chapter", nargs="?", help='for example "02" (default: the first)')
    added.add_argument("--port", type=int, help="default: 8888 or the next free one")
    added.add_argument(
        "--no-browser", dest="browser", action="store_false", help="print the address to open"
    )

    added = command(start, "copy a chapter and its exercises to work/, where they are yours")
    added.add_argument("chapters", metavar="CHAPTER", nargs="+", help='for example "02"')

    command(update, "carry what you wrote in work/ over to the course's newer notebooks")

    added = command(check, "check all answers of an exercise notebook")
    added.add_argument("notebooks", metavar="NOTEBOOK", nargs="+", type=Path)

    added = command(hint, "show the next hint of an exercise")
    added.add_argument("number", metavar="NUMBER", help='for example "02.1"')

    added = command(progress, "show what you have done, and what next")
    added.add_argument("--export", metavar="FILE", type=Path, help="write your record to a file")
    added.add_argument("--delete", action="store_true", help="delete your record")
    added.add_argument("--yes", action="store_true", help="delete without asking")

    added = command(class_, "say what a class has done and where it is stuck")
    added.add_argument("folder", metavar="DIR", type=Path, help="exported records, one a learner")
    added.add_argument(
        "--out", metavar="PAGE", type=Path, help="where the page goes (default: DIR/class.html)"
    )

    added = command(data, "list the data sets, or fetch those that need a download")
    added.add_argument("names", metavar="NAME", nargs="*", help='for example "omniglot"')

    added = command(pack, "make a copy of the course that installs without a network")
    added.add_argument("folder", metavar="FOLDER", type=Path, help="a new folder")

    added = command(grade, "grade a folder of submissions")
    added.add_argument("submissions", metavar="SUBMISSIONS", type=Path)
    added.add_argument("--out", metavar="DIR", type=Path, required=True, help="where reports go")
    added.add_argument(
        "--release", metavar="PATH", type=Path, help="what was handed out (default: exercises/)"
    )
    added.add_argument("--seed", type=int, help="of the hidden inputs (default: a fresh one)")
    added.add_argument("--jobs", type=int, help="submissions at a time (default: one per core)")
    added.add_argument(
        "--no-jail",
        dest="jail",
        action="store_false",
        help="run submissions without protection, where this system has no jail",
    )

    added = command(build, "build the notebooks from the lessons")
    added.add_argument("lessons", metavar="LESSON", nargs="*", help="default: those that changed")
    added.add_argument("--check", action="store_true", help="only say what is out of step")
    added.add_argument("--force", action="store_true", help="build unchanged lessons too")

    command(doctor, "say what this machine has and what it lacks")
    return parser, list(commands.choices)


def refuse_unknown(parser: argparse.ArgumentParser, commands: list[str], given: list[str]) -> None:
    """Stop at a command that does not exist, naming the one that was probably meant."""
    if not given or given[0].startswith("-") or given[0] in commands:
        return
    nearest = difflib.get_close_matches(given[0], commands, n=1)
    meant = f' Did you mean "{nearest[0]}"?' if nearest else ""
    parser.error(f'unknown command "{given[0]}".{meant} The commands: {", ".join(commands)}.')


if __name__ == "__main__":
    sys.exit(main())
