# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the kernel tests. Each test has a node of its own; none touches the host's network."""

import engine_node
import pytest
from kernel_record import pytest_addoption, pytest_configure  # noqa: F401  pylint: disable=unused-import


@pytest.fixture
def node():
    """The test runs in network and mount namespaces of its own, with an underlay device that has an address."""
    with engine_node.node():
        yield engine_node
