# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that asks for `name` or `host` runs once for each of its module's NODES, which are nodes of the lab or machines."""

import pytest
from lab_host import node


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", metafunc.module.NODES)


@pytest.fixture
def host(name):
    return node(name)
