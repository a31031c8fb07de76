# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key is made once, for root alone, and nothing but its public one is told."""

import json

import pytest
from module_node import ModuleNode

pytestmark = pytest.mark.kernel

PATH = "/run/etc/fabric/wireguard.key"


@pytest.fixture(name="node")
def fixture_node():
    node = ModuleNode()
    try:
        yield node
    finally:
        node.close()


def test_a_life(node):
    predicted = node.module("wireguard_key", check=True, path=PATH)
    assert (predicted["changed"], predicted["public_key"]) == (True, None) and node.run("ls /run") == "netns\n"
    made = node.module("wireguard_key", path=PATH)
    assert made["changed"] and len(made["public_key"]) == 44
    assert node.run("stat -c '%a %u' " + PATH) == "400 0\n"
    private = node.run("cat " + PATH).strip()
    assert len(private) == 44 and private not in json.dumps(made)
    again = node.module("wireguard_key", path=PATH)
    assert (again["changed"], again["public_key"]) == (False, made["public_key"]) and node.run("cat " + PATH).strip() == private
    for check in (True, False):
        assert node.module("wireguard_key", check=check, path=PATH, state="absent")["changed"]
    assert node.run("ls /run") == "netns\n"
    assert not node.module("wireguard_key", path=PATH, state="absent")["changed"]


def test_refusals(node):
    node.run("mkdir /run/etc; echo nonsense > /run/etc/key; chmod 0400 /run/etc/key; echo AAAA > /run/etc/open; chmod 0644 /run/etc/open")
    assert node.module("wireguard_key", path="/run/etc/key")["msg"] == "/run/etc/key: expected a WireGuard key, 32 bytes in base64, or no such file"
    assert "others than its owner may read it" in node.module("wireguard_key", path="/run/etc/open")["msg"]
    assert node.run("cat /run/etc/key") == "nonsense\n"
    # A folder in which somebody else has something stays.
    node.module("wireguard_key", path="/run/etc/mine/key")
    node.run("touch /run/etc/mine/theirs")
    node.module("wireguard_key", path="/run/etc/mine/key", state="absent")
    assert node.run("ls /run/etc/mine") == "theirs\n"
