# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input is refused on the controller. The nodes of this inventory do not even run."""

import json

import pytest
from lab import Lab
from runs import SITE

BAD = {
    "VNI": ({"flannel_vni": 99999999}, {}, "flannel_vni: 99999999: expected a number from 1 to"),
    "range too small": (
        {"fabric_pod_cidr": "10.99.0.0/24", "fabric_subnet_length": 26, "fabric_lease_file": "/run/no-such-lease-file.yml"}, {"extra": 1},
        "fabric_pod_cidr: 10.99.0.0/24: too small"),
    "overlapping pins": ({}, {"node1": {"fabric_subnet": "10.244.8.0/24"}, "node2": {"fabric_subnet": "10.244.8.0/23"}}, "overlaps"),
    "loopback": ({}, {"node2": {"fabric_node_ip": "127.0.0.1"}}, "node2: fabric_node_ip: 127.0.0.1: is on loopback"),
    "values that differ": ({}, {"node3": {"flannel_port": 4789}}, "flannel_port: differs between hosts"),
    "two pods, one address": (
        {}, {"node1": {"fabric_subnet": "10.244.1.0/24", "fabric_pods": [
            {"name": "x", "address": "10.244.1.9"}, {"name": "y", "address": "10.244.1.9"}]}}, "node1: fabric_pods[1].address: 10.244.1.9"),
    "address outside": (
        {}, {"node1": {"fabric_subnet": "10.244.1.0/24", "fabric_pods": [{"name": "x", "address": "10.244.2.9"}]}},
        "expected an address inside 10.244.1.0/24"),
    "long name": ({}, {"node1": {"fabric_pods": [{"name": "x" * 64}]}}, "node1: fabric_pods[0].name"),
    "unknown option": ({}, {"node1": {"fabric_pods": [{"name": "x", "adress": "10.244.1.9"}]}}, "adress"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_stops_before_any_node_is_touched(tmp_path, case):
    everywhere, by_host, message = BAD[case]
    more = {"fabric": {"hosts": {}}}
    for host, variables in by_host.items():
        if host == "extra":  # more nodes than the range has room for; they need not exist
            more["fabric"]["hosts"].update({"node%d" % n: {"fabric_node_ip": "198.18.0.%d" % (100 + n)} for n in range(10, 14)})
        else:
            more["fabric"]["hosts"][host] = variables
    (tmp_path / "more.json").write_text(json.dumps(more))
    run = Lab("bad").playbook(SITE, "-i", str(tmp_path / "more.json"), "-e", json.dumps(everywhere))
    said = json.dumps(run, ensure_ascii=False)
    assert message in said, said
    assert [play["play"]["name"] for play in run["plays"] if play["tasks"]] == ["Validate"]
    assert sum(run["stats"][host]["failures"] for host in run["stats"]) >= 1
