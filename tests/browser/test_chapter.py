"""The chapters as a reader meets them: opened in JupyterLab, run from top to bottom."""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_the_chapter_runs_to_the_end_without_an_error(lab, path):
    notebook = nbformat.read(path, as_version=4)
    lab.open(notebook, "chapter.ipynb").run_all()
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    outputs = {notebook.cells[i].id: lab.cell_outputs(i) for i in code}
    failed = [name for name, made in outputs.items() for o in made if o["output_type"] == "error"]
    assert failed == []
    lab.output(code[-1]).get_by_text("No predictions recorded").wait_for()
    for image in lab.page.locator(".jp-Notebook img").all():
        assert len(image.get_attribute("alt") or "") >= 30
    lab.screenshot(f"chapter-{path.stem}")
