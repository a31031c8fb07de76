# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""dummy devices (ip-link(8)): links that lead nowhere, to hold addresses and routes."""

from __future__ import annotations

from ._link import END, Link


class Dummy(Link):
    name = kind = "dummy"
    schema = dict(END)
