"""nbgrader's configuration for this course.

Lay it in the folder of an nbgrader course as ``nbgrader_config.py``, and each notebook of
``solutions/`` as ``source/ASSIGNMENT/NAME.ipynb``. ``nbgrader generate_assignment ASSIGNMENT``
then makes what learners also find in ``exercises/``.

nbgrader runs the checks beside the answers, so its score is for practice. ``dmlcourse grade``
keeps them apart; use it where marks count.
"""

from nbconvert.preprocessors import Preprocessor


class WithoutRemarks(Preprocessor):
    """Leaves out the closing remarks: they explain the solution."""

    def preprocess(self, nb, resources):
        nb.cells = [
            cell for cell in nb.cells if cell.metadata.get("dmlcourse", {}).get("role") != "remark"
        ]
        return nb, resources


c = get_config()  # noqa: F821, nbgrader provides it
c.WithoutRemarks.enabled = True
c.ClearSolutions.code_stub = {"python": "# your code here\n..."}
c.GenerateAssignment.preprocessors.prepend([WithoutRemarks])
