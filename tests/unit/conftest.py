"""Unit tests reach nothing outside the process: opening a network socket fails the test."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> None:
    # An event loop wakes itself through a socket pair, which is a Unix socket.
    disable_socket(allow_unix_socket=True)
