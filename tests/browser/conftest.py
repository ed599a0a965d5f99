"""A real JupyterLab in a real browser, for the tests of what a reader sees and can do."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import nbformat
import pytest
from nbformat import NotebookNode

from dmlcourse.lab import QUIET_PAGE, QUIET_SERVER

REPOSITORY = Path(__file__).parents[2]
SCREENSHOTS = REPOSITORY / "screenshots"
SECONDS = 120
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
NOTEBOOK_SETTINGS = {"windowingMode": "none"}
# Developers' tools that a learner does not have: they double the time the server takes to start.
SERVER_WITHOUT = [
    "jupyter_lsp",
    "jupyterlab_jupytext",
    "notebook",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.course_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
]
PAGE_WITHOUT = ["@jupyter/nbgrader", "@jupyter-notebook/lab-extension", "jupyterlab-jupytext"]


class Lab:
    """One JupyterLab page with at most one notebook open in it."""

    def __init__(self, page, course: Path, home: Path) -> None:
        self.page, self.course = page, course
        self.journal = home / "journal.jsonl"

    def open(self, notebook: NotebookNode | str, name: str = "lesson.ipynb") -> "Lab":
        """Open a notebook (a file of the course by name, or one made by nbformat) and wait."""
        if not isinstance(notebook, str):
            notebook.metadata.setdefault("kernelspec", KERNEL)
            nbformat.write(notebook, self.course / name)
            notebook = name
        self.close()
        self._command("docmanager:open", {"path": notebook, "factory": "Notebook"})
        self._wait_for(f"panel()?.context?.path === {json.dumps(notebook)}")
        self._wait_for("panel().sessionContext.session?.kernel?.status === 'idle'")
        return self

    def close(self) -> None:
        """Close the open notebook without saving, and stop its kernel."""
        self.page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                if (panel?.sessionContext) {
                    await panel.sessionContext.shutdown();
                    panel.context.model.dirty = false;
                    panel.dispose();
                }
            }"""
        )

    def run_all(self) -> None:
        """Run every cell and wait for the last one. A cell that fails stops the run."""
        self._command("notebook:run-all-cells")
        self._wait_for("window.commandEnded")

    def run_cell(self, index: int) -> None:
        """Run one cell, counted from 0, as Ctrl-Enter does."""
        self._select(index)
        self._command("notebook:run-cell")

    def type_into_cell(self, index: int, source: str) -> None:
        """Replace the source of a cell by typing, as a learner does."""
        self._select(index)
        self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def cell_outputs(self, index: int) -> list[dict]:
        """Return the outputs of a cell as nbformat stores them."""
        return self.page.evaluate(
            "index => window.jupyterapp.shell.currentWidget.content.widgets[index]"
            ".model.outputs.toJSON()",
            index,
        )

    def output(self, index: int):
        """Return the locator of the rendered outputs of a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def cell_text(self, index: int) -> str:
        """Return the text that a reader sees below a cell."""
        return self.output(index).inner_text()

    def screenshot(self, name: str) -> None:
        """Keep a picture of the page in ``screenshots/``, which git ignores."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def theme(self, name: str) -> None:
        """Switch to "JupyterLab Dark" or "JupyterLab Light"."""
        self._command("apputils:change-theme", {"theme": name})
        self._wait_for(f"document.body.dataset.jpThemeName === {json.dumps(name)}")
        self._wait_for("!document.getElementById('jupyterlab-splash')")

    def _select(self, index: int) -> None:
        self.page.evaluate(
            """index => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
            }""",
            index,
        )

    def _command(self, name: str, arguments: dict | None = None) -> None:
        """Start a command. What it does is waited for by `_wait_for`, which has a time limit."""
        self.page.evaluate(
            """([name, args]) => {
                window.commandEnded = false;
                const command = window.jupyterapp.commands.execute(name, args);
                void command.finally(() => { window.commandEnded = true; });
            }""",
            [name, arguments or {}],
        )

    def _wait_for(self, condition: str) -> None:
        """Wait until a condition in JavaScript holds; ``panel()`` is the open notebook."""
        self.page.wait_for_function(
            f"() => {{ const panel = () => window.jupyterapp.shell.currentWidget;"
            f" return {condition}; }}"
        )


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict]:
    """A JupyterLab server on an empty course folder, with nobody's settings but its own."""
    home = tmp_path_factory.mktemp("jupyter")
    course = home / "course"
    course.mkdir()
    environment = _environment(home)
    port = _free_port()
    log = (home / "server.log").open("w")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.token=", "--ServerApp.password=", "--ip=127.0.0.1"),
            *(f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={course}"),
            f"--ServerApp.jpserver_extensions={dict.fromkeys(SERVER_WITHOUT, False)}",
            *("--expose-app-in-browser", *QUIET_SERVER),
        ],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(lambda: _answers(f"{address}/api"), process, home / "server.log")
        yield {"address": address, "course": course, "environment": environment}
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
        log.close()


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Chromium, as the system installed it."""
    found = [path for path in map(shutil.which, ("chromium", "google-chrome")) if path]
    if not found:
        pytest.skip("no chromium or google-chrome on this machine")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found[0], args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab_page(browser, server) -> Iterator[Lab]:
    """The page, loaded once: JupyterLab takes longer to start than a test to run."""
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(SECONDS * 1000)
    page.goto(f"{server['address']}/lab")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    yield Lab(page, server["course"], Path(server["environment"]["DMLCOURSE_HOME"]))
    page.close()


@pytest.fixture
def lab(lab_page: Lab) -> Iterator[Lab]:
    """The page with no notebook open, no journal, and the light theme."""
    lab_page.journal.unlink(missing_ok=True)
    yield lab_page
    lab_page.close()
    lab_page.theme("JupyterLab Light")


def _environment(home: Path) -> dict[str, str]:
    """Everything that a person could have set, pointed into an empty folder."""
    figures = REPOSITORY / "dmlcourse" / "figures"
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    config = home / "config"
    for folder in (settings, config / "labconfig"):
        folder.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps(NOTEBOOK_SETTINGS))
    disabled = {**QUIET_PAGE["disabledExtensions"], **dict.fromkeys(PAGE_WITHOUT, True)}
    page = config / "labconfig" / "page_config.json"
    page.write_text(json.dumps({"disabledExtensions": disabled}))
    shutil.copy(figures / "jupyter_config.json", config)
    shutil.copytree(figures / "labextension", home / "share" / "labextensions" / "dmlcourse-alt")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]),
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_PATH": str(home / "share"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "DMLCOURSE_HOME": str(home / "record"),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=1) as reply:
            return reply.status == 200
    except OSError:
        return False


def _wait(ready: Callable[[], bool], process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.1)
