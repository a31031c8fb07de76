# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every plan, on models alone: the planner never sees a kernel."""

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import document as documents
from ansible_collections.clusternet.fabric.plugins.module_utils._engine import plan as planning
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.errors import Conflict
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds.vxlan_fdb import normalise
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.planner import Planner
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.state import State
from engine_documents import CHANGES
from engine_strategies import STRATEGIES
from engine_strategies import documents as documents_of
from hypothesis import HealthCheck, Phase, given, settings

OWNER = Owner("blue", 160)
EXAMPLES = settings(
    max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,), derandomize=True
)
# Keys of these lie in files on the node, and a port is a device that is there and of which the ledger tells.
KINDS = tuple(kind for kind in STRATEGIES if kind not in ("bridge_port", "wireguard", "xfrm_state"))


def good_documents():
    return documents_of(KINDS)


def bare():
    """A node with its underlay and nothing else."""
    eth9 = {"kind": "", "index": 2, "mtu": 1500, "mac": "02:00:00:00:09:01", "up": True, "master": "", "group": 0, "alias": "", "port": None}
    node = State({"link": {("", "eth9"): eth9}, "address": {("", "eth9", "198.18.0.11/20"): {"dev": "eth9", "family": 4, "scope": "global"}}})
    node["sysctl"][("", "net/ipv4/ip_forward")] = {"value": "0", "found": "0", "wanted_by": {}, "below": {}}
    return node


def wanted_of(document, node):
    wanted = documents.parse(document, OWNER)
    documents.resolve(wanted, node)
    normalise(wanted["vxlan_fdb"], wanted.table("link"), node["link"])
    documents.present_places(wanted, node, OWNER)
    return wanted


# What a new device has of what a document leaves open.
GIVEN = {"ageing_time": 300, "vlan_filtering": False, "multicast_snooping": True, "l2miss": False, "ttl": 0, "bcqueuelen": 1000}


def plan(document, node):
    wanted = wanted_of(document, node)
    operations, model = planning.plan(node, wanted, OWNER, purge=True)
    for key, item in model["sysctl"].items():
        asked = any(key[1] == entry["key"] and key[0] == entry.get("netns", "") for entry in document.get("sysctl", ()))
        item["wanted_by"] = {"blue": item["value"]} if asked else {}
        item.setdefault("found", "0")
        item.setdefault("below", {})
    noted = [item for table in ("ipset", "xfrm_policy") for item in model[table].values()]
    noted += [item for key, item in model["address"].items() if key in wanted["address"]]
    noted += [item for key, item in model["chain"].items() if key in wanted["iptables_chain"]]
    for item in noted:
        item["noted"] = "blue"  # in the ledger
    for number, item in enumerate(model["link"].values()):
        # What the kernel gives where a document leaves it open.
        item.update(index=item.get("index", number + 10), mac=item["mac"] or "02:ff:00:00:00:%02x" % number, mtu=item["mtu"] or 1500)
        item.update({field: value for field, value in GIVEN.items() if field in item and item[field] is None})
    return operations, model


def plain(node):
    """A state by what counts: numbers do not, nor do base chains that are empty, nor what a link's making left to the kernel."""
    tables = {}
    for table, items in node.items():
        tables[table] = {
            key: {field: value for field, value in item.items() if field not in ("index", "wanted_by", "found", "below", "path", "noted")}
            for key, item in items.items()
            if table != "chain" or item["rules"] or item["policy"] == "-"
        }
    # A new namespace or device has sysctls that no model knows: tests/kernel sees to them.
    tables["sysctl"] = {key: item for key, item in tables["sysctl"].items() if not key[0] and "/conf/" not in key[1]}
    return tables


@given(good_documents())
@EXAMPLES
def test_of_what_is_wanted_already_nothing_is_to_be_done(document):
    operations, model = plan(document, bare())
    assert [str(operation) for operation in plan(document, model)[0]] == []


@given(good_documents(), good_documents())
@EXAMPLES
def test_from_any_document_to_any_other_and_back_to_nothing(one, two):
    start = bare()
    dummy, first = plan(one, start)
    dummy, second = plan(two, first)
    assert [str(operation) for operation in plan(two, second)[0]] == []
    dummy, end = plan({}, second)
    assert plain(end) == plain(start)
    # And it is what the second document gives by itself.
    assert differing(plan(two, start)[1], second) == []


LOOSE = ("mac", "mtu", "port", "master", "ageing_time", "multicast_snooping", "ttl", "mode", "bcqueuelen", "l2miss",
         "vlan_filtering", "vlan_default_pvid")


def differing(one, two):
    """Of two states of the same document: what a document leaves open may differ (None, and what a link had before)."""
    found = []
    for table, items in plain(one).items():
        others = plain(two)[table]
        if table == "bridge_vlan":
            continue  # which ports have those of a bridge goes with their master
        found += [(table, key) for key in set(items) ^ set(others)]
        for key in set(items) & set(others):
            for field, value in items[key].items():
                loose = table == "link" and field in LOOSE or field == "secondary"
                if not loose and others[key].get(field) != value:
                    found.append((table, key, field, value, others[key].get(field)))
    return found


@given(good_documents(), good_documents())
@settings(EXAMPLES, max_examples=25)
def test_the_way_back_from_every_operation(one, two):
    dummy, start = plan(one, bare())
    start = State(start)
    operations, model = plan(two, start)
    half = Planner(start)
    for operation in operations:
        half.do(operation)
        back = Planner(half.work)
        for dummy in range(3):
            undo, felled = planning.plan_back(back.work, start, model.touched())
            if not undo:
                break
            back.do_all(undo)
        assert plain(back.work) == plain(start), str(operation)


@pytest.mark.parametrize("name", CHANGES)
def test_a_plan_is_the_same_every_time(name):
    one, two = CHANGES[name]
    if "netns" in str(two) and name.endswith("mixed"):
        return  # its rules want the tool's normal form
    node = plan(one, bare())[1] if one else bare()
    assert [operation.commands() for operation in plan(two, node)[0]] == [operation.commands() for operation in plan(two, node)[0]]


def test_planning_leaves_what_was_found_alone():
    node = bare()
    before = {table: dict(items) for table, items in node.items()}
    plan(CHANGES["nothing to flannel"][1], node)
    assert {table: dict(items) for table, items in node.items()} == before


def test_links_come_after_what_they_need():
    document = {
        "bridge": [{"name": "b"}],
        "veth": [{"name": "v", "master": "b", "peer": {"name": "w"}}],
        "vxlan": [{"name": "x", "vni": 1, "dev": "v", "master": "b"}],
    }
    added = [operation.key[1] for operation in plan(document, bare())[0] if operation.verb == "add"]
    assert added == ["b", "v", "x"]


def test_a_route_that_moves_is_replaced_and_never_missing():
    """From one device to another, beside a device that goes: what is no longer wanted goes last."""
    def document(dev):
        return {"veth": [{"name": dev, "peer": {"name": dev + "x"}}], "route": [{"dst": "10.9.0.0/24", "dev": dev}]}

    operations, dummy = plan(document("v1"), plan(document("v0"), bare())[1])
    verbs = [str(operation) for operation in operations]
    assert verbs.index("change route 10.9.0.0/24") < verbs.index("remove link v0")


def test_two_vxlan_devices_swap_their_vnis():
    def document(one, two):
        return {"vxlan": [{"name": "t0", "vni": one, "dev": "eth9"}, {"name": "t1", "vni": two, "dev": "eth9"}]}

    operations, model = plan(document(8, 7), plan(document(7, 8), bare())[1])
    assert [(operation.verb, operation.key[1]) for operation in operations if operation.verb != "change"] == [
        ("remove", "t0"), ("remove", "t1"), ("add", "t0"), ("add", "t1")]  # fmt: skip


def test_an_address_whose_prefix_length_changes():
    """IPv6 refuses the same address twice on a device, IPv4 does not."""
    def document(text):
        return {"bridge": [{"name": "b"}], "address": [{"dev": "b", "address": text}]}

    for one, two, expected in (("fd00::1/64", "fd00::1/80", ["remove", "add"]), ("10.0.0.1/24", "10.0.0.1/25", ["add", "remove"]),
                               ("10.0.0.1/24", "10.0.0.2/24", ["remove", "add"])):
        operations, dummy = plan(document(two), plan(document(one), bare())[1])
        assert [operation.verb for operation in operations] == expected, one


def test_a_plan_that_would_not_settle_is_an_error_and_not_a_loop():
    node = bare()
    wanted = documents.parse({"bridge": [{"name": "b"}], "address": [{"dev": "c", "address": "10.0.0.1/24"}]}, OWNER)
    with pytest.raises(Conflict):
        documents.present_places(wanted, node, OWNER)
