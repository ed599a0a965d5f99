"""A kernel with a record of its own, started once for each file of tests."""

import os

import pytest
from jupyter_client.manager import start_new_kernel


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    manager, client = start_new_kernel(env={**os.environ, "DMLCOURSE_HOME": str(home)})
    client.home = home
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)
