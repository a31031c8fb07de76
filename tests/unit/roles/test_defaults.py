# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import intent
import pytest
import yaml


@pytest.mark.parametrize("role", sorted(intent.options()))
def test_defaults_are_those_of_the_argument_specification(role):
    with open(os.path.join(intent.ROLES, role, "defaults", "main.yml"), encoding="utf-8") as file:
        defaults = yaml.safe_load(file)
    assert defaults == {name: option["default"] for name, option in intent.options()[role].items() if "default" in option}
    assert all(name.startswith(role + "_") for name in intent.options()[role])
