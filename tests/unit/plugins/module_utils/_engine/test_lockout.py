# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys

import engine_model
import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import errors, lockout
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds.route import KERNEL

LOCAL, NEAR, FAR = "198.51.100.1", "198.51.100.77", "203.0.113.9"


def node():
    """eth9 has the node's address, and the default route goes by it."""
    state = engine_model.bare()
    route = {"dev": "eth9", "via": "", "onlink": False, "src": LOCAL, "scope": "link", "type": "unicast", "family": 4, "protocol": KERNEL}
    state["route"]["", 254, "198.51.100.0/24", 0] = route
    state["route"]["", 254, "0.0.0.0/0", 0] = dict(route, via="198.51.100.254", src="", scope="global", protocol=3)
    state["link"]["", "eth8"] = dict(state["link"]["", "eth9"])
    return state


def no_address(state):
    state.drop("address", [("", "eth9", LOCAL + "/24")])


def address_elsewhere(state):
    item = state["address"].pop(("", "eth9", LOCAL + "/24"))
    state["address"]["", "eth8", LOCAL + "/24"] = dict(item, dev="eth8")


def peers_address(state):
    state["address"]["", "eth8", NEAR + "/32"] = {"dev": "eth8", "family": 4}


def a_route(dst, metric=0, **fields):
    def change(state):
        found = state["route"]["", 254, "0.0.0.0/0", 0]
        state["route"]["", 254, dst, metric] = dict(found, **fields)
    return change


CUTS = {
    "the address goes": (NEAR, no_address, "address 198.51.100.1 would go from eth9"),
    "the address moves": (NEAR, address_elsewhere, "address 198.51.100.1 would go from eth9"),
    "the device goes": (NEAR, lambda state: state.drop("link", [("", "eth9")]), "link eth9 would go"),
    "the device goes down": (NEAR, lambda state: state.alter("link", ("", "eth9"), up=False), "link eth9 would go down"),
    "the device becomes a port": (NEAR, lambda state: state.alter("link", ("", "eth9"), master="br0"), "would become a port of br0"),
    "the peer's address is taken": (NEAR, peers_address, "the node would have the peer's address"),
    "a longer prefix another way": (FAR, a_route("203.0.113.0/24", dev="eth8", via=""), "the route to it would be dev eth8 instead of via"),
    "a blackhole": (FAR, a_route("203.0.113.9/32", dev="", via="", type="blackhole"), "the route to it would be blackhole"),
    "another gateway": (FAR, a_route("0.0.0.0/0", via="198.51.100.253"), "would be via 198.51.100.253 dev eth9 instead of"),
    "no route": (FAR, lambda state: state.drop("route", [("", 254, "0.0.0.0/0", 0)]), "the route to it would be none"),
    "beside the peer": (NEAR, a_route("198.51.100.64/26", dev="eth8", via=""), "the route to it would be dev eth8"),
}


@pytest.mark.parametrize("case", CUTS)
def test_what_would_cut_it(case):
    peer, change, reason = CUTS[case]
    before = node()
    after = before.copy()
    change(after)
    assert reason in lockout.cut(before, after, peer, LOCAL)
    with pytest.raises(errors.Conflict, match="would cut the SSH connection from %s that the run came by: .* Nothing is changed" % peer):
        lockout.refuse(before, after, (peer, LOCAL))


def another_mac(state):
    state["neighbour"]["", "eth9", "198.51.100.254"] = {"dev": "eth9", "mac": "02:00:00:00:00:09", "family": 4, "protocol": 0}


def test_another_mac_of_the_gateway():
    before = node()
    before["neighbour"]["", "eth9", "198.51.100.254"] = {"dev": "eth9", "mac": "02:00:00:00:00:01", "family": 4, "protocol": 0}
    after = before.copy()
    another_mac(after)
    assert "198.51.100.254 on eth9 would have the MAC 02:00:00:00:00:09" in lockout.cut(before, after, FAR, LOCAL)
    assert lockout.cut(before, after, NEAR, LOCAL) is None
    # What was learned before is not known, and may well be the same.
    assert lockout.cut(node(), after, FAR, LOCAL) is None


KEPT = {
    "nothing": lambda state: None,
    "a route to elsewhere": a_route("10.244.2.0/24", dev="eth8"),
    "a shorter prefix": a_route("203.0.0.0/8", dev="eth9"),
    "the same way by a longer prefix": a_route("203.0.113.0/24"),
    "a worse metric": a_route("0.0.0.0/0", metric=50, dev="eth8"),
    "another address beside it": lambda state: state["address"].update({("", "eth9", "192.0.2.1/24"): {"dev": "eth9", "family": 4}}),
}


@pytest.mark.parametrize("case", KEPT)
def test_what_leaves_it(case):
    before = node()
    after = before.copy()
    KEPT[case](after)
    assert lockout.cut(before, after, FAR, LOCAL) is None


def test_a_connection_that_ends_elsewhere():
    after = node()
    no_address(after)
    assert lockout.cut(node(), after, NEAR, "192.0.2.55") is None
    lockout.refuse(node(), after, None)


@pytest.mark.parametrize("text, expected", [
    ("198.51.100.77 50000 198.51.100.1 22", (NEAR, LOCAL)),
    ("::ffff:198.51.100.77 50000 ::ffff:198.51.100.1 22", (NEAR, LOCAL)),
    ("fe80::1%eth0 50000 fe80::2%eth0 22", ("fe80::1", "fe80::2")),
    ("", None), ("somebody 1 else 2", None), ("198.51.100.77 22", None),
])
def test_what_the_variable_says(text, expected):
    assert lockout.parse(text) == expected


def test_an_ancestor_knows_when_sudo_has_cleared_the_environment():
    script = ("import sys; sys.path[:0] = %r\n"
              "from ansible_collections.clusternet.fabric.plugins.module_utils._engine import lockout\n"
              "print(lockout.connection())" % [path for path in sys.path if path])
    inner = ["env", "-i", sys.executable, "-c", script]
    # Something after it, so that no shell becomes its child by exec.
    outer = "\"$@\"; true"
    done = subprocess.run(["sh", "-c", outer, "sh", *inner], env=dict(os.environ, SSH_CONNECTION="198.51.100.77 50000 198.51.100.1 22"),
                          capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == repr((NEAR, LOCAL)), done
