"""What this machine has, what it lacks, and the remedy: the command ``dmlcourse doctor``."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .errors import UserError

PYTHON = (3, 11)
INSTALL = 'run "make setup" in the course folder, or "python -m pip install -r requirements.txt"'
LIBRARIES = ("numpy", "scipy", "scikit-learn", "matplotlib", "anywidget", "ipywidgets", "nbformat")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Finding:
    """One line of the report: ``state`` is "ok", "missing", or "optional" (not there, not needed
    to learn)."""

    subject: str
    state: str
    detail: str
    remedy: str = ""


def report() -> int:
    """Print every finding with its remedy; 0 where nothing essential is missing, else 1."""
    findings = examine()
    for finding in findings:
        print(f"{finding.subject:<11}  {finding.state:<8}  {finding.detail}")
        if finding.remedy:
            print(f"{'':<23}to mend it: {finding.remedy}")
    missing = [finding.subject for finding in findings if finding.state == "missing"]
    print("\nMissing: " + ", ".join(missing) if missing else "\nAll that is essential is there.")
    return 1 if missing else 0


def examine() -> list[Finding]:
    looks = [python, environment, libraries, torch_itself, device]
    looks += [jupyterlab, nbval, course, jail, browser, data_cache]
    return [look() for look in looks]


def python() -> Finding:
    detail = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    if sys.version_info >= PYTHON:
        return Finding("Python", "ok", detail)
    return Finding("Python", "missing", detail, "install Python 3.11, 3.12 or 3.13")


def environment() -> Finding:
    if sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ:
        return Finding("environment", "ok", sys.prefix)
    return Finding("environment", "optional", f"none; this is {sys.prefix}", 'run "make setup"')


def libraries() -> Finding:
    return packages("libraries", *LIBRARIES)


def jupyterlab() -> Finding:
    return packages("JupyterLab", "jupyterlab", "ipykernel")


def nbval() -> Finding:
    return packages("nbval", "nbval")


def packages(subject: str, *names: str) -> Finding:
    """Whether all distributions ``names`` are installed, with their versions."""
    there, lacking = [], []
    for name in names:
        try:
            there.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            lacking.append(name)
    if lacking:
        return Finding(subject, "missing", f"no {', '.join(lacking)}", INSTALL)
    return Finding(subject, "ok", ", ".join(there))


def torch_itself() -> Finding:
    """Imports it: a build for another system is found only in this way."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", "missing", str(error), INSTALL)
    return Finding("torch", "ok", str(torch.__version__))


def device() -> Finding:
    try:
        import torch
    except (ImportError, OSError):
        return Finding("device", "optional", "unknown without torch")
    if torch.cuda.is_available():
        return Finding("device", "ok", f"CUDA: {torch.cuda.get_device_name()}")
    return Finding("device", "ok", f"CPU, {torch.get_num_threads()} threads (no CUDA device)")


def course() -> Finding:
    from .places import course_folder

    try:
        folder = course_folder()
        offline = ", an offline copy" if (folder / "wheels").is_dir() else ""
        return Finding("course", "ok", f"{folder}{offline}")
    except UserError as error:
        return Finding("course", "missing", "no folder with chapters/", str(error))


def jail() -> Finding:
    from .grading.jail import available

    there, detail = available()
    return Finding("jail", "ok" if there else "optional", f"{detail} (for dmlcourse grade)")


def browser() -> Finding:
    for name in BROWSERS:
        if path := shutil.which(name):
            return Finding("browser", "ok", f"{path} (for the browser tests)")
    detail = "no Chromium or Chrome in PATH: the browser tests are skipped"
    return Finding("browser", "optional", detail, "install Chromium")


def data_cache() -> Finding:
    from .data.download import data_folder

    folder = data_folder()
    if not is_writable(folder):
        remedy = f"make {folder} writable, or set DMLCOURSE_DATA to a folder that is"
        return Finding("data cache", "optional", f"cannot write in {folder}", remedy)
    if not folder.exists():
        return Finding("data cache", "ok", f"{folder} (made when first needed)")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Finding("data cache", "ok", f"{folder}, {size / 1e6:.1f} MB")


def is_writable(folder: Path) -> bool:
    """Whether ``folder`` can be written in, or made where it does not exist."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return existing.is_dir() and os.access(existing, os.W_OK)
