# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a device's peers."""

from __future__ import annotations

from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._base import Operation
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds._keys import NONE

KEY = "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="


def peer(endpoint, *networks):
    return {KEY: {"endpoint": endpoint, "allowed_ips": list(networks), "persistent_keepalive": 0, "preshared_key": NONE}}


def commands(before, after):
    return KINDS["wireguard"].commands(Operation(KINDS["wireguard"], "change", ("", "wg0"), {"peers": before}, {"peers": after}))


def test_a_peer_that_loses_its_endpoint_is_made_anew():
    words = "wg set wg0 peer %s" % KEY
    anew = words + " preshared-key /dev/null persistent-keepalive 0 allowed-ips 10.4.0.0/16"
    assert commands(peer("198.18.0.12:1", "10.4.0.0/16"), peer("", "10.4.0.0/16")) == [words + " remove", anew]
    assert commands(peer("", "10.5.0.0/16"), peer("", "10.4.0.0/16")) == [anew]
    moved = commands(peer("198.18.0.12:1", "10.4.0.0/16"), peer("198.18.0.12:2", "10.4.0.0/16"))
    assert len(moved) == 1 and moved[0].startswith(words + " preshared-key /dev/null endpoint 198.18.0.12:2 ")
