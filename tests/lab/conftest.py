# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs of their own for tests of the lab: named after this process, gone afterwards."""

import os

import pytest
from lab import Lab


@pytest.fixture(name="make_lab")
def fixture_make_lab():
    if os.geteuid() != 0:
        pytest.fail("these tests boot nodes: run them as root")
    made = []

    def make(suffix=""):
        made.append(Lab("t%d%s" % (os.getpid(), suffix)))
        return made[-1]

    yield make
    for lab in made:
        lab.remove()


@pytest.fixture(name="lab")
def fixture_lab(make_lab):
    return make_lab()
