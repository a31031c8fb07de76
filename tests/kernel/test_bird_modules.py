# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""file_set with a command that looks at a file first, bird and bird_info; with BIRD itself."""

import json

import intent
import pytest
from ansible_collections.clusternet.fabric.plugins.plugin_utils import recipes
from routers import Routers

pytestmark = pytest.mark.kernel

VALIDATE = "/usr/sbin/bird -p -c %s"
BGP = {"fabric_backend": "calico", "calico_bgp": True, "calico_vxlan_mode": "Never"}


def fabric(**common):
    return intent.fabric(intent.nodes(2), **dict(BGP, **common))


ONLY = fabric()


@pytest.fixture(name="net")
def fixture_net():
    net = Routers(ONLY)
    # The ledgers of file_set are those of this test.
    net.run("mount -t tmpfs tmpfs /var/lib")
    try:
        yield net
    finally:
        net.close()


def files(net, *entries, check=False, **options):
    return net.module("file_set", check=check, owner="fabric", name="backend", files=[dict(zip(("path", "content", "validate"), entry)) for entry in entries],
                      **options)


def on_disk(net):
    return net.run("cd /; find run/birds var/lib -type f | sort | while read f; do echo $f; cat $f; done")


def test_a_rejected_file_changes_nothing(net):
    good = net.text(ONLY, "node1")
    path = net.config("node1")
    assert files(net, (path, good, VALIDATE), ("/run/birds/beside", "1"))["created"] == [path, "/run/birds/beside"]
    net.start("node1")
    net.wait(lambda: net.running("node1"), 5)
    before = on_disk(net)
    for check in (True, False):
        refused = files(net, ("/run/birds/beside", "2"), (path, "protocol nonsense {}\n", VALIDATE), ("/run/birds/more", "3"), check=check)
        assert refused["failed"] and refused["msg"].startswith(path + ": is refused and nothing is written: "), refused
        # Named as what it would have become.
        assert path + ":1" in refused["msg"] and "/tmp/" not in refused["msg"]
        assert on_disk(net) == before
    assert not net.module("bird", socket=net.socket("node1"), config=path, content=good)["changed"]


def test_when_it_is_looked_at(net):
    path, script = "/run/birds/x", "sh -c 'echo x >> /run/birds/ran; grep -q good $0' %s"
    assert files(net, (path, "good 1", script))["changed"]
    # What is as it should be is not looked at again.
    assert not files(net, (path, "good 1", script))["changed"]
    assert files(net, (path, "good 2", script), check=True)["changed"]
    assert files(net, (path, "bad", script), validate=False, check=True)["changed"]
    assert net.run("wc -l < /run/birds/ran").strip() == "2"
    # A node that has no packages yet: in check mode only.
    lacking = (path, "good 3", "/usr/sbin/no-such-command %s")
    assert files(net, lacking, check=True)["changed"] and files(net, lacking)["failed"]
    assert "expected %s in place of the file's path" in files(net, (path, "good", "true"))["msg"]


def bird(net, name, content, check=False, **more):
    return net.module("bird", check=check, socket=net.socket(name), config=net.config(name), content=content, **more)


def test_bird_is_told_where_it_runs_something_else(net):
    one, two = net.text(ONLY, "node1"), net.text(fabric(calico_hold_time=30), "node1")
    # There is nobody to be told.
    answer = bird(net, "node1", one)
    assert (answer["running"], answer["changed"], answer["before"]) == (False, False, None)
    net.start("node1", one)
    net.wait(lambda: net.running("node1"), 5)
    assert not bird(net, "node1", one)["changed"]
    net.write(net.config("node1"), two)
    for check in (True, False):
        answer = bird(net, "node1", two, check=check)
        assert answer["changed"] and answer["before"] != answer["after"], answer
        assert answer["commands"] == ["birdc -s %s configure" % net.socket("node1")]
    assert not bird(net, "node1", two)["changed"]
    assert net.birds["node1"].poll() is None


def test_a_configuration_that_bird_refuses(net):
    one = net.text(ONLY, "node1")
    net.start("node1", one)
    net.wait(lambda: net.running("node1"), 5)
    net.write(net.config("node1"), "nonsense")
    answer = bird(net, "node1", net.text(fabric(calico_hold_time=30), "node1"))
    assert answer["failed"] and "syntax error" in answer["msg"] and answer["msg"].endswith("It goes on with what it ran"), answer
    assert not bird(net, "node1", one)["changed"]


def test_another_password_is_another_configuration(net):
    """Though its text is the same: that has the password's name."""
    only = fabric(calico_passwords={"mesh": "one"}, calico_mesh=False, fabric_labels={"all": "1"},
                  calico_peers=[{"name": "each other", "peer_labels": {"all": "1"}, "password": "mesh"}])
    net.build(only, {"mesh": "one"})
    assert not bird(net, "node1", net.text(only, "node1"))["changed"]
    net.passwords(only, {"mesh": "two"})
    for name in net.pods:
        assert bird(net, name, net.text(only, name), check=True)["changed"] and bird(net, name, net.text(only, name))["changed"]
        assert not bird(net, name, net.text(only, name))["changed"]
    net.converge(only)


def info(net, name, only, **more):
    expected = recipes.get("calico").daemon(only, name)
    return net.module("bird_info", socket=net.socket(name), name=name, sessions=expected["sessions"], networks=expected["networks"], **more)


def test_what_a_bird_tells(net):
    answer = info(net, "node1", ONLY)
    assert not answer["running"] and answer["sessions"] == [] and [row["ok"] for row in answer["results"]] == [False, False]
    assert answer["results"][0]["detail"] == "BIRD does not run"
    net.start("node1", net.text(ONLY, "node1"))
    net.wait(lambda: net.running("node1"), 5)
    answer = info(net, "node1", ONLY, wait=1)
    assert answer["running"] and [row["ok"] for row in answer["results"]] == [False, False] and answer["converged_after"] is None
    assert answer["sessions"][0]["state"] != "Established"
    net.start("node2", net.text(ONLY, "node2"))
    # The module runs in the sandbox itself; the routes are those of a node.
    net.converge(ONLY)
    (session,) = info(net, "node1", ONLY)["sessions"]
    assert (session["protocol"], session["address"], session["as_number"], session["state"]) == ("Mesh_198_51_100_2", "198.51.100.2", 64512, "Established")
    assert (session["imported"], session["exported"], session["description"]) == (1, 1, "node2")
    assert session["since"][:2] == "20" and session["since"].count(":") == 2
    answer = json.loads(json.dumps(answer))
    assert answer["version"].startswith("2.") and answer["router_id"] == "198.51.100.1"
