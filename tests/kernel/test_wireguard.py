# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WireGuard devices: keys by file, peers that stay, and what is told of them."""

import base64
import json
import os
import pathlib
import stat

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import FabricError
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.report import inspect
from engine_documents import peer, wireguard

pytestmark = [pytest.mark.kernel, pytest.mark.needs("wireguard")]


def forms(content):
    """What a secret must not be seen as."""
    raw = base64.b64decode(content)
    return [content.rstrip("="), raw.hex(), repr(raw)[2:-1]]


def test_a_key_is_made_where_there_is_none(node):
    file = pathlib.Path("/run/new-key")
    wanted = wireguard(private_key_file=str(file))
    foretold = node.apply(wanted, check=True)
    assert not file.exists()
    for number in range(len(foretold.operations)):
        with pytest.raises(Exception, match="Nothing is changed"):
            node.apply(wanted, fail_at=number)
        assert not file.exists()
    done = node.apply(wanted)
    assert (foretold.commands(), foretold.after) == (done.commands(), done.after)
    status = os.stat(file)
    assert stat.S_IMODE(status.st_mode) == 0o400 and status.st_uid == 0
    content = file.read_text().strip()
    assert content == node.sh("wg show wg0 private-key").strip()
    public = node.sh("wg pubkey", text=content).strip()
    assert public == node.sh("wg show wg0 public-key").strip()
    report = inspect(name="blue")
    assert report.links["", "wg0"]["public_key"] == public
    node.settled(wanted)
    # Another device of that key.
    node.apply({})
    assert file.exists()
    node.apply(wanted)
    assert public == node.sh("wg show wg0 public-key").strip()


def test_no_key_is_told(node):
    secrets = [pathlib.Path("/run/keys/wireguard%d" % number).read_text().strip() for number in (1, 2, 3)]
    documents = [wireguard(peer(4, preshared_key_file="/run/keys/wireguard3")), wireguard(peer(4, preshared_key_file=""), key=2), {}]
    told = []
    for document in documents:
        for options in ({"check": True}, {}):
            outcome = node.apply(document, **options)
            told += [outcome.commands(), outcome.before, outcome.after, outcome.counts(), [repr(one.after) + repr(one.before) for one in outcome.operations]]
        told += [inspect().document, inspect(name="blue").document]
        ledger = pathlib.Path("/run/clusternet/ledger.json")
        told.append(ledger.read_text() if ledger.exists() else "")
    # As the kernel holds it as well.
    clamped = [base64.b64encode(bytes([n & 248]) + bytes([n]) * 30 + bytes([n & 127 | 64])).decode() for n in (1, 2)]
    text = json.dumps(told)
    for secret in secrets + clamped:
        for form in forms(secret):
            assert form not in text, form


def test_another_key_in_the_file_is_put_to_use(node):
    node.apply(wireguard())
    before = node.sh("wg show wg0 public-key")
    file = pathlib.Path("/run/keys/wireguard1")
    file.unlink()
    file.write_text(node.sh("wg genkey"))
    outcome = node.apply(wireguard())
    assert outcome.commands()[1:] == ["wg set wg0 private-key /run/keys/wireguard1"]
    assert node.sh("wg show wg0 public-key") != before
    node.settled(wireguard())


@pytest.mark.parametrize("content", ["", "not a key", base64.b64encode(b"x" * 31).decode(), base64.b64encode(bytes(32)).decode()])
def test_a_file_with_something_else(node, content):
    file = pathlib.Path("/run/keys/other")
    file.write_text(content)
    start = node.snapshot(sysctls=False)
    for wanted in (wireguard(private_key_file=str(file)), wireguard(peer(4, preshared_key_file=str(file)))):
        with pytest.raises(FabricError, match="/run/keys/other: expected a .*key .32 bytes in base64.* on this node: it holds something else"):
            node.apply(wanted)
    node.same(start, sysctls=False)


def test_a_shared_key_that_is_not_there(node):
    wanted = wireguard(peer(4, preshared_key_file="/run/keys/none"))
    assert node.apply(wanted, check=True).missing == ["/run/keys/none"]  # which the run may write before
    with pytest.raises(FabricError, match="/run/keys/none: .*there is no such file; put it there, readable for root alone"):
        node.apply(wanted)
    with pytest.raises(FabricError, match="/run/gone/key: .*it cannot be made: No such file or directory.*Nothing is changed"):
        node.apply(wireguard(private_key_file="/run/gone/key"))


def test_only_the_peer_that_differs_is_written(node):
    node.apply(wireguard(peer(4, "10.4.0.0/16"), peer(5, "10.5.0.0/16"), peer(6, "10.6.0.0/16")))
    outcome = node.apply(wireguard(peer(4, "10.4.0.0/16"), peer(5, "10.5.0.0/16", "10.6.0.0/16"), peer(7)))
    assert [command.split()[4][:3] for command in outcome.commands()] == [
        base64.b64encode(bytes([number]) * 3).decode()[:3] for number in (6, 5, 7)]
    allowed = dict(line.split("\t") for line in node.sh("wg show wg0 allowed-ips").splitlines())
    assert allowed[peer(5)["public_key"]] == "10.5.0.0/16 10.6.0.0/16" and peer(6)["public_key"] not in allowed


def test_what_is_left_open_is_not_looked_at(node):
    node.apply(wireguard(peer(4, "10.4.0.0/16", endpoint="198.18.0.12:1", preshared_key_file="/run/keys/wireguard3"), fwmark=9))
    wanted = wireguard(peer(4, "10.4.0.0/16"))
    node.settled(wanted)
    node.sh("wg set wg0 peer %s endpoint 198.18.0.13:2" % peer(4)["public_key"])
    node.settled(wanted)
    del wanted["wireguard"][0]["peers"]
    node.settled(wanted)


def test_many_peers_and_prefixes(node):
    """More than one message holds, out and in."""
    start = node.snapshot(sysctls=False)
    peers = [{"public_key": base64.b64encode(number.to_bytes(2, "big") * 16).decode(), "allowed_ips": ["10.%d.%d.0/24" % divmod(number, 256)],
              "endpoint": "198.18.1.1:%d" % number} for number in range(1, 1500)]
    peers.append(peer(255, *["172.%d.%d.%d/32" % (16 + n // 65536, n // 256 % 256, n % 256) for n in range(3000)]))
    wanted = wireguard(*peers)
    node.apply(wanted)
    assert len(node.sh("wg show wg0 peers").splitlines()) == 1500
    assert len(node.sh("wg show wg0 allowed-ips | grep 172.16").split()) == 3001
    node.settled(wanted)
    assert len(node.apply(wireguard(*peers[1:])).commands()) == 1
    node.apply({})
    node.same(start, sysctls=False)


def test_what_the_kernel_leaves_is_put_back_with_the_last_device(node):
    key = "net.ipv4.conf.all.send_redirects"
    start = node.snapshot()
    assert node.sh("sysctl -n " + key) == "1\n"
    node.apply(wireguard())
    node.settled(wireguard())
    assert node.sh("sysctl -n " + key) == "0\n"
    # One that has not been up sets nothing.
    down = {"wireguard": wireguard(up=False, name="wg1")["wireguard"]}
    node.apply(down)
    assert node.sh("sysctl -n " + key) == "1\n"
    node.apply(dict(down, sysctl=[{"key": key, "value": "0"}]))
    assert node.sh("sysctl -n " + key) == "0\n"
    node.apply({})
    node.same(start)
