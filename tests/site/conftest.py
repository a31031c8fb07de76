# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lab for a file of tests; each test leaves its nodes without a network."""

import os

import pytest
from lab import Lab


@pytest.fixture(scope="module", name="lab")
def fixture_lab():
    if os.geteuid() != 0:
        pytest.fail("these tests boot nodes: run them as root")
    lab = Lab("s%d" % os.getpid())
    try:
        up = lab.playbook("playbooks/lab_up.yml")
        assert up["stats"]["localhost"]["failures"] == 0, up
        yield lab
    finally:
        lab.playbook("playbooks/lab_down.yml")
        assert not lab.traces()
