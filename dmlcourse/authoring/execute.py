"""Run a notebook under one fixed profile, so that its outputs are the same wherever it is built."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbclient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from traitlets.config import Config

from ..errors import UserError

SECONDS = 300
# One device, one thread, no journal: what the reader's machine adds stays out of the stored copy.
PROFILE = {
    "CUDA_VISIBLE_DEVICES": "",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
}


def execute(notebook: NotebookNode, folder: Path, label: str) -> None:
    """Run every cell in a fresh kernel and store the outputs in the notebook.

    Raises:
        UserError: a cell fails or runs longer than ``SECONDS``; says which.
    """
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | PROFILE | {"DMLCOURSE_HOME": home}
        client = nbclient.NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            config=_connection(home),
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        )
        try:
            client.execute(env=environment)
        except (CellExecutionError, CellTimeoutError) as error:
            raise UserError(f"{label}: {_failed(notebook)}\n{error}") from None
    # What the kernel says of itself differs from machine to machine.
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {
        key: notebook.metadata["language_info"][key]
        for key in ("file_extension", "mimetype", "name")
    }


def _connection(folder: str) -> Config:
    # Sockets in the file system where there are some: no port is opened, no network is needed.
    sockets = {"transport": "ipc", "ip": f"{folder}/kernel"} if os.name == "posix" else {}
    return Config(KernelManager=sockets)


def _failed(notebook: NotebookNode) -> str:
    ran = [cell for cell in notebook.cells if cell.get("execution_count")]
    return f"the cell {ran[-1].id if ran else notebook.cells[0].id} fails"
