# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's machines, with the network that converge has built."""

import pytest
from vms import named


@pytest.fixture(scope="session", name="vms")
def fixture_vms():
    with named() as vms:
        yield vms
