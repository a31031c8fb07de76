# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugin under Ansible itself: what it reads of an inventory, and what becomes of the lease file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.clusternet.fabric.plugins.plugin_utils import leases

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[".."] * 4))
PLAY = [
    {
        "hosts": "{{ group | default('fabric') }}",
        "gather_facts": False,
        "tasks": [
            {"name": "Read", "clusternet.fabric.cluster": {"group": "{{ group | default('fabric') }}"}, "run_once": True, "register": "fabric_model"},
            {
                "name": "Show",
                "ansible.builtin.debug": {"msg": "{{ (fabric_model | clusternet.fabric.document(inventory_hostname)).vxlan_fdb | map(attribute='dst') }}"},
            },
        ],
    }
]


@pytest.fixture(name="site")
def fixture_site(tmp_path):
    return Site(tmp_path)


class Site:
    """An inventory in a folder of its own, and what Ansible makes of it."""

    def __init__(self, root):
        self.root = root
        (root / "inventory").mkdir()
        (root / "play.yml").write_text(json.dumps(PLAY))
        (root / "ansible.cfg").write_text("")
        self.lease_file = root / "inventory" / ".fabric.leases.yml"

    def run(self, hosts, *arguments, inventory="inventory", **common):
        (self.root / "inventory" / "hosts.yml").write_text(json.dumps({"fabric": {"hosts": hosts, "vars": common}}))
        environment = dict(
            os.environ,
            ANSIBLE_COLLECTIONS_PATH=os.path.join(ROOT, ".ansible", "collections"),
            ANSIBLE_CONFIG=str(self.root / "ansible.cfg"),
            ANSIBLE_STDOUT_CALLBACK="ansible.posix.json",
            ANSIBLE_LOCALHOST_WARNING="false",
            ANSIBLE_NOCOLOR="1",
        )
        command = [os.path.join(os.path.dirname(sys.executable), "ansible-playbook"), "-i", inventory, "play.yml", *arguments]
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert "{" in done.stdout, done.stderr
        play = json.loads(done.stdout[done.stdout.index("{") :])["plays"][0]
        results = {task["task"]["name"]: task["hosts"] for task in play["tasks"]}
        return next(iter(results["Read"].values())), {host: result["msg"] for host, result in results.get("Show", {}).items()}

    def leases(self):
        return leases.read(str(self.lease_file), "fabric").nodes


HOSTS = {"node1": {"ansible_host": "198.51.100.1"}, "node2": {"ansible_host": "198.51.100.2", "fabric_pods": [{"name": "{{ app }}"}], "app": "web"}}


def test_leases_are_written_once(site):
    found, _peers = site.run(HOSTS)
    assert found["changed"]
    assert site.leases()["node2"] == {"subnet": "10.244.2.0/24", "address": "198.51.100.2", "pods": {"web": "10.244.2.2"}}
    before = site.lease_file.stat()
    found, _peers = site.run(HOSTS)
    assert not found["changed"]
    assert (site.lease_file.stat().st_ino, site.lease_file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert os.listdir(site.root / "inventory") in (["hosts.yml", ".fabric.leases.yml"], [".fabric.leases.yml", "hosts.yml"])


def test_peers_beyond_the_limit(site):
    assert site.run(HOSTS, "--limit", "node2")[1] == {"node2": ["198.51.100.1"]}


def test_check_mode_keeps_leases_in_memory(site):
    found, peers = site.run(HOSTS, "--check", "--diff")
    assert found["changed"] and len(peers) == 2
    assert not site.lease_file.exists()
    (difference,) = found["diff"]
    assert (difference["before"], yaml.safe_load(difference["after"])["nodes"]["node1"]["subnet"]) == ("", "10.244.1.0/24")


def test_bad_input_is_all_told_and_nothing_written(site):
    found, _peers = site.run(dict(HOSTS, node3={"ansible_host": "127.0.0.1"}), fabric_number=1)
    assert found["msg"].endswith(
        "the inventory does not describe a cluster:\n"
        "node1: fabric_number: 1: expected a number from 160 to 175, another one for each fabric on a node\n"
        "node3: ansible_host: 127.0.0.1: is on loopback: expected the address at which other nodes reach this one; set fabric_node_ip"
    )
    assert not site.lease_file.exists()


def test_a_lease_file_that_cannot_be_written(site):
    path = str(site.root / "none" / "leases.yml")
    for arguments in ((), ("--check",)):
        found, _peers = site.run(HOSTS, *arguments, fabric_lease_file=path)
        head, _colon, paste = found["msg"].partition("put this into it:\n")
        assert head.endswith(
            path + ": cannot be written: its folder is not there or not writable; leases are missing for node1, node2, node2/web. "
            "Nothing was changed. Make it writable, or "
        )
        assert leases.parse(paste, "fabric", path).nodes["node2"]["subnet"] == "10.244.2.0/24"


def test_a_relative_lease_file_lies_beside_the_inventory(site):
    site.run(HOSTS, fabric_lease_file="here.leases")
    assert (site.root / "inventory" / "here.leases").exists()


@pytest.mark.parametrize(
    "lease_file, expected",
    [
        ([], "node1: fabric_lease_file: not set, and this inventory has no folder: set it to an absolute path"),
        (["-e", "fabric_lease_file=x"], "node1: fabric_lease_file: x: expected an absolute path: this inventory has no folder"),
    ],
)
def test_an_inventory_without_a_folder(site, lease_file, expected):
    found, _peers = site.run({}, "-e", "group=all fabric_node_ip=198.51.100.1", *lease_file, inventory="node1,")
    assert found["msg"].splitlines()[1:] == [expected]


def test_a_value_that_needs_facts(site):
    found, _peers = site.run({"node1": {"fabric_node_ip": "{{ ansible_facts.default_ipv4.address }}"}})
    assert "node1: fabric_node_ip: {{ ansible_facts.default_ipv4.address }}: cannot be templated on the controller, without the hosts' facts: " in found["msg"]


def test_a_misspelt_variable(site):
    found, _peers = site.run(HOSTS, fabric_podcidr="10.1.0.0/16", fabric_mine=1)
    assert found["warnings"] == ["node1: fabric_podcidr is no variable of these roles; is fabric_pod_cidr meant?"]


BGP = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never", "calico_peers": [
    {"name": "tor", "address": "192.0.2.1", "as_number": 65000, "password": "tor"}]}


@pytest.mark.parametrize("vaulted", [False, True])
def test_of_passwords_the_model_has_the_names(site, vaulted):
    """Also where they come out of a vault or by a template, and however much is asked for."""
    (site.root / "vault").write_text("open sesame")
    value = "{{ hidden }}"
    if vaulted:
        value = "!vault |\n" + textwrap.indent(VaultLib([("default", VaultSecret(b"open sesame"))]).encrypt("geheim").decode(), " " * 4)
    (site.root / "inventory" / "group_vars").mkdir()
    text = yaml.safe_dump(BGP) + "calico_passwords:\n  tor: %s\n" % (value if vaulted else '"%s"' % value)
    (site.root / "inventory" / "group_vars" / "fabric.yml").write_text(text)
    found, dummy = site.run(HOSTS, "-vvvvv", "--vault-password-file", str(site.root / "vault"), "-e", "hidden=geheim")
    assert found["fabrics"]["fabric"]["options"]["passwords"] == ["tor"], found
    assert "geheim" not in json.dumps(found)
    # What is wrong with one is said without it.
    (site.root / "inventory" / "group_vars" / "fabric.yml").write_text(text.replace(value, '"ge\\"heim"') if vaulted else text)
    found, dummy = site.run(HOSTS, "--vault-password-file", str(site.root / "vault"), "-e", json.dumps({"hidden": 'ge"heim'}))
    assert "node1: calico_passwords.tor: expected 1 to 80 printable characters of ASCII without double quotes" in found["msg"] and "heim" not in found["msg"]


def test_public_keys_are_leases(site):
    """What a node has told is known to all runs that come after, and to its peers' part of the model."""
    (site.root / "play.yml").write_text(json.dumps([dict(PLAY[0], tasks=[
        {"name": "First", "clusternet.fabric.cluster": {}, "run_once": True},
        {"name": "Read", "clusternet.fabric.cluster": {"public_keys": "{{ told | default({}) }}"}, "run_once": True, "register": "fabric_model"}])]))
    told = ["-e", json.dumps({"told": {"node1": "ONE=", "node2": None}})]
    for arguments, changed, keys in (([], False, [None, None]), (told + ["--check"], True, ["ONE=", None]), (told, True, ["ONE=", None]),
                                     (told, False, ["ONE=", None]), ([], False, ["ONE=", None])):
        found, dummy = site.run(HOSTS, *arguments)
        assert found["changed"] == changed, arguments
        assert [node["public_key"] for node in found["fabrics"]["fabric"]["nodes"].values()] == keys
    assert site.leases()["node1"]["public_key"] == "ONE=" and "public_key" not in site.leases()["node2"]
