import pytest


@pytest.fixture(autouse=True, scope="module")
def small_arrays(one_thread):
    """Everything here is small: one thread is fastest."""
