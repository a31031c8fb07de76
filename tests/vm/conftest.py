# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machines of a scenario that is up, or some of these tests' own."""

import os

import pytest
from runs import SITE
from vms import named, up


@pytest.fixture(scope="session", name="vms")
def fixture_vms():
    with named() if os.environ.get("CLUSTERNET_VMS_NAME") else up() as vms:
        if not os.environ.get("CLUSTERNET_VMS_NAME"):
            run = vms.playbook(SITE)
            assert run["returncode"] == 0, run
        yield vms
