# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the kernel tests. Each test has a node of its own; none touches the host's network."""

import pathlib

import engine_node
import pytest
from kernel_record import pytest_addoption, pytest_configure  # noqa: F401  pylint: disable=unused-import


@pytest.fixture
def node():
    """The test runs in network and mount namespaces of its own, with an underlay device that has an address."""
    with engine_node.node():
        yield engine_node


def pytest_collection_modifyitems(items):
    """Files whose tests share a network stay with one worker; of the others each takes the next test (--dist loadgroup)."""
    for item in items:
        if any(definitions[-1].scope == "module" for definitions in item._fixtureinfo.name2fixturedefs.values()):
            item.add_marker(pytest.mark.xdist_group(pathlib.Path(item.path).stem))
