# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXAMPLES of every module are run, in the order in which they are written, on a node that has what they take for granted: check mode
foretells them, a second run changes nothing, and what comes back is what RETURN says.

Those of bird, lab and unit_set want systemd, and cluster is an inventory's: SEEN_ELSEWHERE says where these modules are run.
"""

import hashlib
import importlib
import pathlib

import engine_node
import pytest
import yaml
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS
from features import cases
from module_node import forked

pytestmark = pytest.mark.kernel

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLLECTION = "clusternet.fabric."
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
SEEN_ELSEWHERE = {"bird": "molecule/calico-bgp", "bird_info": "molecule/calico-bgp", "cluster": "tests/unit/plugins/modules", "lab": "tests/lab",
                  "unit_set": "tests/lab"}
# What examples of several modules take for granted; /etc and /var/lib are the sandbox's own.
SETUP = """
for folder in etc var/lib; do
  mkdir -p /run/over/$folder/upper /run/over/$folder/work
  mount -t overlay overlay -o lowerdir=/$folder,upperdir=/run/over/$folder/upper,workdir=/run/over/$folder/work /$folder
done
ip link add eth0 type veth peer name far
ip address add 192.0.2.11/24 dev eth0
ip link set eth0 up
ip link set far up
for name in web db switch; do ip netns add $name; ip -n $name link set lo up; done
"""
VETH = "ip link add far0 type veth peer name eth0 netns web; ip link set far0 up; ip -n web link set eth0 up\n"
VTEP = "ip link add vxlan42 type vxlan id 42 dstport 4789 local 192.0.2.11 dev eth0; ip address add 198.51.100.9/32 dev vxlan42; ip link set vxlan42 up\n"
KEY = "mkdir -p /etc/wireguard /etc/clusternet; " \
      "for name in out in; do printf '0x%072d' 7 > /etc/clusternet/esp-$name; chmod 0400 /etc/clusternet/esp-$name; done\n"
# What those of one module want besides.
BEFORE = {
    "address": "ip link add br-blue type bridge; ip link set br-blue up; " + VETH,
    "bridge": "ip netns delete web",
    "bridge_port": "ip link add br-lan type bridge; ip link set br-lan up; ip link add eth1 type veth peer name far1",
    "iptables": "iptables -t nat -A POSTROUTING -s 203.0.113.0/24 -j ACCEPT",
    "bridge_vlan": "ip link add br-blue type bridge vlan_filtering 1; ip link set br-blue up; "
                   "for port in veth-web uplink; do ip link add $port type veth peer name $port.far; ip link set $port master br-blue up; done",
    "lease_copy": "mkdir -p /var/lib/clusternet/fabric; echo 'nodes: {}' > /var/lib/clusternet/fabric/leases.yml",
    "neighbour": VTEP,
    "netns": "ip netns delete web",
    "network": "ip netns delete web; ip address delete 192.0.2.11/24 dev eth0",
    "network_info": "ip netns delete web; ip netns add web",
    "probe": VETH + "ip -n web address add 192.0.2.2/24 dev eth0; ip link add br0 type bridge; ip link set br0 up; ip link set far0 master br0; "
             "ip link set dev far0 type bridge_slave hairpin on",
    "route": VTEP + "ip -n web route add blackhole default",
    "sysctl": "ip link add far0 type veth peer name eth0.42 netns web",
    "veth": "ip link add br-blue type bridge",
    "vxlan_fdb": VTEP + "ip link add vxlan-ext type vxlan external dstport 4790; ip link add eth1 type veth peer name far1",
    "wireguard": KEY,
    "xfrm_state": KEY,
}
# What stands in the examples' templates.
DOCUMENT = {"bridge": [{"name": "br-blue"}]}
COPY = "/var/lib/clusternet/fabric/leases.yml"
LEASES = "nodes:\n  node1: {address: 198.51.100.11, subnet: 10.244.1.0/24}\n"
TEMPLATES = {
    "{{ blue_document }}": DOCUMENT,
    "{{ fabric_model | clusternet.fabric.document(inventory_hostname) }}": DOCUMENT,
    "{{ fabric_model | clusternet.fabric.node_units(inventory_hostname) }}": [],
    "{{ (fabric_model | clusternet.fabric.lease_copy(inventory_hostname)).content }}": LEASES,
    "{{ found.lease_copy.sha256 }}": lambda: hashlib.sha256(pathlib.Path(COPY).read_bytes()).hexdigest(),
}
TYPES = {"str": str, "bool": bool, "int": int, "float": float, "list": list, "dict": dict}
# What Ansible itself puts there, and `changed`, which every module has.
COMMON = {"changed", "invocation", "diff", "warnings", "deprecations", "ansible_facts"}


def told(module):
    """(the tasks of EXAMPLES, RETURN) of a module."""
    found = importlib.import_module("ansible_collections.clusternet.fabric.plugins.modules." + module)
    return yaml.safe_load(found.EXAMPLES), yaml.safe_load(found.RETURN) or {}


def filled(value):
    if isinstance(value, dict):
        return {name: filled(item) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item) for item in value]
    if isinstance(value, str) and "{{" in value:
        return TEMPLATES[value]() if callable(TEMPLATES[value]) else TEMPLATES[value]
    return value


def as_documented(answer, documented):
    """What came back is what RETURN says: no more, all that is always there, and of the types that it names."""
    assert not set(answer) - set(documented) - COMMON, "not documented"
    for name, item in documented.items():
        if name in answer:
            value = answer[name]
            assert value is None or isinstance(value, TYPES[item["type"]]), (name, value, item["type"])
            if item["type"] == "list" and value:
                assert all(isinstance(one, TYPES[item["elements"]]) for one in value), (name, value)
            for one in ([value] if item["type"] == "dict" else value) if "contains" in item and value else ():
                assert not set(one) - set(item["contains"]), (name, one)
        else:
            assert item["returned"] not in ("always", "success"), name


def wants(module):
    return ["bridge_vlan"] if module == "bridge" else module


@pytest.mark.parametrize("module", cases(sorted(set(MODULES) - set(SEEN_ELSEWHERE)), wants))
def test_the_examples(module):
    tasks, documented = told(module)
    with engine_node.node(SETUP + BEFORE.get(module, "")):
        for task in tasks:
            (name,) = [key for key in task if "." in key]
            if name.startswith(COLLECTION):
                short = name[len(COLLECTION):]
                one_task(task["name"], short, task[name] or {}, documented if short == module else told(short)[1])


def one_task(title, name, written, documented):
    options = filled(written)
    foretold, answer = forked(name, check=True, **options), forked(name, **options)
    assert not answer.get("failed") and not foretold.get("failed"), (title, foretold, answer)
    assert foretold["changed"] == answer["changed"], title
    as_documented(foretold, documented)
    as_documented(answer, documented)
    assert answer["changed"] == (not name.endswith("_info") and name != "probe"), title
    again = forked(name, **filled(written))
    assert not again.get("changed") and bool(again.get("failed")) == (name == "network_confirm"), (title, again)


def test_the_examples_of_every_kind():
    """Each kind has a module, or is a part of one."""
    assert {kind for kind in KINDS if kind not in MODULES} == {"iptables_chain", "iptables_rule"}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_examples_and_says_what_it_does_in_check_and_diff_mode(module):
    tasks, documented = told(module)
    assert tasks and all("name" in task for task in tasks)
    for name, item in documented.items():
        assert item["type"] in TYPES and item["description"] and item["returned"], name
    for place in SEEN_ELSEWHERE.values():
        assert pathlib.Path(ROOT, place).exists()
