# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The life of a cluster: its leases, whoever loses them, and nodes that join and leave. One story, told in this order."""

import collections
import concurrent.futures
import copy
import json
import subprocess

import pytest
import snapshot
import yaml

SITE, REMOVE, TEARDOWN = "playbooks/site.yml", "playbooks/remove_node.yml", "playbooks/teardown.yml"
NO_PROOF = ("--skip-tags", "verify")
COPY = "/var/lib/clusternet/fabric/leases.yml"
ONE_PEER = {"neighbour": 1, "route": 1, "vxlan_fdb": 1}


class Run:
    """What a playbook did, by the JSON callback's account."""

    def __init__(self, account):
        self.account = account
        self.stats = account["stats"]
        self.tasks = [task for play in account["plays"] for task in play["tasks"]]
        self.text = json.dumps(account, ensure_ascii=False)

    def all_went_well(self):
        assert not self.failures(), self.failures()
        return self

    def failures(self):
        return [(host, result["msg"]) for task in self.tasks for host, result in task["hosts"].items() if result.get("failed")]

    def refused(self, text):
        """It was, with these words, before any node was changed."""
        assert text in " ".join(message for _host, message in self.failures()), self.text
        touched = [result for task in self.tasks for result in task["hosts"].values() if "operations" in result or "created" in result]
        assert not touched, touched
        return self

    def changed(self):
        return {host: numbers["changed"] for host, numbers in self.stats.items()}

    def operations(self):
        """{host: {verb: {kind: number}}} of all that was done to kernels."""
        done = collections.defaultdict(lambda: collections.defaultdict(collections.Counter))
        for task in self.tasks:
            for host, result in task["hosts"].items():
                for verb, kinds in result.get("operations", {}).items():
                    done[host][verb].update(kinds)
        return done


class Cluster:
    """The lab, its lease file and its nodes."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        self.file = lab.folder / "leases.yml"
        # The fourth node's snapshot before it joined.
        self.found = None

    def run(self, name, *options, nodes=3, more=None):
        if more is not None:
            (self.folder / "more.json").write_text(json.dumps({"fabric": {"hosts": more}}))
            options += ("-i", str(self.folder / "more.json"))
        return Run(self.lab.playbook(name, *NO_PROOF, *options, nodes=nodes))

    def boot(self, nodes):
        assert self.lab.playbook("playbooks/lab_up.yml", nodes=nodes)["stats"]["localhost"]["failures"] == 0

    def leases(self):
        return {name: record["subnet"] for name, record in self.content()["nodes"].items()}

    def content(self):
        return yaml.safe_load(self.file.read_text())

    def copy(self, node):
        done = self.lab.shell(node, "--", "cat", COPY)
        assert done.returncode == 0, done.stdout
        return done.stdout


DEAD = {"clusternet_lab_node": "nowhere"}
THREE = {"node1": "10.244.1.0/24", "node2": "10.244.2.0/24", "node3": "10.244.3.0/24"}
FOUR = dict(THREE, node4="10.244.4.0/24")


@pytest.fixture(scope="module", name="cluster")
def fixture_cluster(lab, tmp_path_factory):
    result = Cluster(lab, tmp_path_factory.mktemp("cluster"))
    result.run(SITE).all_went_well()
    return result


def test_every_node_keeps_a_copy(cluster):
    text = cluster.copy("node1")
    assert cluster.leases() == THREE
    assert cluster.content() == {key: value for key, value in yaml.safe_load(text).items() if value}
    assert [cluster.copy(node) for node in ("node2", "node3")] == [text, text]


def test_a_lost_lease_file_is_rebuilt(cluster):
    text = cluster.file.read_text()
    cluster.file.unlink()
    cluster.run(SITE, "--limit", "node1").refused("is missing. It is rebuilt from the copies that the nodes keep, which takes all of them, and this "
                                                  "play leaves out node2, node3.")
    check = cluster.run(SITE, "--check").all_went_well()
    assert not cluster.file.exists()
    # node3 does not answer, and the others know it.
    run = cluster.run(SITE, more={"node3": DEAD})
    assert cluster.file.read_text() == text
    for one in (check, run):
        assert {host: one.changed()[host] for host in ("node1", "node2")} == {"node1": 1, "node2": 0}
    assert "is rebuilt without the copy of node3" in run.text
    assert {host: numbers["unreachable"] for host, numbers in run.stats.items()} == {"node1": 0, "node2": 0, "node3": 1}


def test_a_lost_lease_file_and_a_node_that_nobody_knows(cluster):
    text = cluster.file.read_text()
    cluster.file.unlink()
    try:
        cluster.run(SITE, nodes=4).refused("node4 did not answer while no node's copy has a lease of it")
        assert not cluster.file.exists()
    finally:
        cluster.file.write_text(text)


def test_leases_outlive_order_names_and_pods(cluster):
    """Allotments alone, in check mode; the file says what they would be."""

    def allotted(more):
        run = cluster.run(SITE, "--check", "--diff", "--tags", "validate", more=more).all_went_well()
        (result,) = [result for task in run.tasks for result in task["hosts"].values() if "fabrics" in result]
        return yaml.safe_load(result["diff"][0]["after"])["nodes"] if result["diff"] else cluster.content()["nodes"]

    assert allotted({"node3": {}, "node1": {}, "node2": {}}) == cluster.content()["nodes"]
    renamed = allotted({name: {"fabric_node_ip": "198.18.0.%d" % (100 + index)} for index, name in enumerate(("anode", "node0", "node2a"))})
    assert {name: renamed[name]["subnet"] for name in THREE} == THREE
    assert allotted({"node1": {"fabric_pods": [{"name": "b"}, {"name": "0"}]}})["node1"]["pods"] == {"b": "10.244.1.3", "0": "10.244.1.2"}


def test_two_runs_at_once_allot_once(cluster):
    text = cluster.file.read_text()

    def allot(number):
        more = cluster.folder / ("%d.json" % number)
        more.write_text(json.dumps({"fabric": {"hosts": {"other%d" % number: {"fabric_node_ip": "198.18.0.%d" % (100 + number)}}}}))
        return Run(cluster.lab.playbook(SITE, "--tags", "validate", "-i", str(more)))

    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for run in pool.map(allot, range(3)):
                run.all_went_well()
        subnets = cluster.leases()
        assert len(subnets) == len(set(subnets.values())) == 6
    finally:
        cluster.file.write_text(text)


def test_two_checkouts_at_once(cluster):
    """Each has a lease file of its own and gives the same subnet to another node: the nodes let one of them do so at most."""
    texts = [cluster.copy("node1"), cluster.file.read_text()]

    def join(number):
        more, file = cluster.folder / ("join%d.json" % number), cluster.folder / ("join%d.yml" % number)
        more.write_text(json.dumps({"fabric": {"hosts": {"other%d" % number: dict(DEAD, fabric_node_ip="198.18.0.%d" % (100 + number))}}}))
        file.write_text(texts[1])
        return Run(cluster.lab.playbook(SITE, *NO_PROOF, "-i", str(more), "-e", "fabric_lease_file=%s" % file))

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = list(pool.map(join, range(2)))
    built = [run for run in runs if run.operations()]
    assert len(built) <= 1
    for run in runs:
        if run not in built:
            assert "another run has written it since this one looked" in run.text or "which the lease file does not know" in run.text, run.text
    routes = cluster.lab.shell("node1", "--", "ip", "route", "show", "10.244.4.0/24").stdout.split("\n")
    assert len(list(filter(None, routes))) == len(built)
    # One checkout has both now, and the subnets go back.
    for node in THREE:
        assert cluster.lab.shell(node, "--", "sh", "-ec", "cat > " + COPY, input=texts[0]).returncode == 0
    cluster.run(SITE).all_went_well()


def test_a_fourth_node_joins(cluster, tmp_path):
    lab, before = cluster.lab, cluster.file.read_text()
    # From a checkout that cannot be written nothing happens; what it prints is as good as what it would have written.
    (tmp_path / "leases.yml").write_text(before)
    subprocess.run(["mount", "--bind", str(tmp_path), str(tmp_path)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(tmp_path)], check=True)
        run = cluster.run(SITE, "-e", "fabric_lease_file=%s/leases.yml" % tmp_path, nodes=4)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
    run.refused("leases are missing for node4, node4/a, node4/b. Nothing was changed. Make it writable, or put this into it:\n")
    cluster.file.write_text(run.failures()[0][1].partition("put this into it:\n")[2])
    assert cluster.leases() == FOUR

    cluster.boot(4)
    cluster.found = lab.snapshot("node4")
    cluster.run(SITE, "--limit", "node4", nodes=4).all_went_well()
    alone = lab.snapshot("node4")
    run = cluster.run(SITE, nodes=4).all_went_well()
    assert run.operations() == dict.fromkeys(THREE, {"add": ONE_PEER})
    assert run.changed()["node4"] == 0
    same(alone, lab.snapshot("node4"))
    assert cluster.leases() == FOUR
    assert cluster.copy("node1") == cluster.copy("node4")

    # A checkout from before: it must not take node4 away, and cannot know its subnet.
    (cluster.folder / "old.yml").write_text(before)
    stale = cluster.run(SITE, "-e", "fabric_lease_file=%s/old.yml" % cluster.folder).refused("10.244.4.0/24 is of node4, which the lease file does not know")
    assert {host for host, _message in stale.failures()} == set(THREE)
    # Nor may a part of it.
    cluster.run(SITE, "-e", "fabric_lease_file=%s/old.yml" % cluster.folder, "--tags", "apply").refused("which the lease file does not know")


def test_remove_a_node(cluster):
    lab = cluster.lab
    cluster.run(REMOVE, "-e", "fabric_remove=node9", nodes=4).refused("node9: cannot be removed: neither in the inventory nor in a lease file")
    cluster.run(REMOVE, nodes=4).refused("fabric_remove: not set: expected the name of a node")
    cluster.run(REMOVE, "-e", "fabric_remove=node4", "--limit", "node1", nodes=4).refused("run without --limit")
    before, text = lab.snapshot("node4"), cluster.file.read_text()
    check = cluster.run(REMOVE, "-e", "fabric_remove=node4", "--check", nodes=4).all_went_well()
    same(before, lab.snapshot("node4"))
    assert cluster.file.read_text() == text

    run = cluster.run(REMOVE, "-e", "fabric_remove=node4", nodes=4).all_went_well()
    assert check.changed()["node4"] == run.changed()["node4"] == 4
    for one in (check, run):
        done = one.operations()
        assert {node: done[node] for node in THREE} == dict.fromkeys(THREE, {"remove": ONE_PEER})
        assert "node4 is still in the inventory: take it out, or the next run of site.yml makes it a node again." in one.text
    assert cluster.leases() == THREE
    assert cluster.content()["former"] == [{"node": "node4", "subnet": "10.244.4.0/24"}]
    same(cluster.found, lab.snapshot("node4"))

    again = cluster.run(REMOVE, "-e", json.dumps({"fabric_remove": ["node4"]})).all_went_well()
    assert set(again.changed().values()) == {0}
    assert "it had no lease any more" in again.text


def test_remove_a_node_that_is_dead(cluster):
    # It takes the place that the first node4 had, while node3 is away and remembers that one.
    cluster.run(SITE, "--limit", "node4", nodes=4).all_went_well()
    assert cluster.leases() == FOUR
    cluster.run(SITE, more={"node3": DEAD}, nodes=4)
    cluster.boot(3)
    run = cluster.run(REMOVE, "-e", "fabric_remove=node4", nodes=4).all_went_well()
    assert "node4 did not answer: its kernel and its files are as they were" in run.text
    assert cluster.leases() == THREE
    # node3 had never met it.
    assert run.operations() == dict.fromkeys(("node1", "node2"), {"remove": ONE_PEER})
    # Whatever it had may be given away.
    assert set(cluster.run(SITE).all_went_well().changed().values()) == {0}


def test_a_node_keeps_its_subnet_until_it_is_torn_down(cluster):
    pin, text = {"node2": {"fabric_subnet": "10.244.77.0/24"}}, cluster.file.read_text()
    cluster.run(SITE, more=pin).refused("node2: fabric_subnet: 10.244.77.0/24: the node holds 10.244.2.0/24. If that is meant, tear the node down first")
    assert cluster.file.read_text() == text
    cluster.run(TEARDOWN, "--limit", "node2").all_went_well()
    cluster.run(SITE, more=pin).all_went_well()
    assert cluster.leases() == dict(THREE, node2="10.244.77.0/24")
    # The lease file of before: node2 holds something else by now.
    cluster.file.write_text(text)
    stale = cluster.run(SITE).refused("node2: holds 10.244.77.0/24 by its copy of the leases (%s), and this run would give it 10.244.2.0/24" % COPY)
    assert {host for host, _message in stale.failures()} == set(THREE)


def same(before, after):
    lines, dummy = snapshot.diff(copy.deepcopy(before), copy.deepcopy(after))
    assert not lines, "\n".join(lines)
