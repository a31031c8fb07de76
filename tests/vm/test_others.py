# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other software that manages the network of a machine: what it does leaves the fabric working, or the next run mends it and status names it.

With direct routing, so that there are routes on the underlay's device, which others manage, and a tunnel too.
"""

import pytest
from runs import SITE, eventually, on, pods, succeeded, tasks

NODE = "node2"
DIRECT = ("-e", "flannel_direct_routing=true")
STATUS = "playbooks/status.yml"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends %s >/dev/null 2>&1"
# What a person may have there: every device is its own, by DHCP.
GREEDY = """
printf '[Match]\nName=*\n\n[Network]\nDHCP=yes\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' > /etc/systemd/network/90-all.network
systemctl restart systemd-networkd
"""


@pytest.fixture(scope="module", name="built")
def fixture_built(vms):
    succeeded(vms.playbook(SITE, *DIRECT, "--skip-tags", "verify"))
    on(vms, NODE, "apt-get update -qq; ip route show proto 160 dev enp0s3 | grep -q 10.244.1.0/24")
    yield vms


@pytest.fixture(name="machine")
def fixture_machine(built):
    """The others' address of its pods."""
    addresses = pods(built)

    class Machine:
        def does(self, script):
            return on(built, NODE, script)

        def works(self):
            """Pods of both other nodes, by a route and by the tunnel, and theirs to these."""
            there = " ".join(address for (node, pod), address in addresses.items() if node != NODE)
            here = " ".join(address for (node, pod), address in addresses.items() if node == NODE)
            each = "for address in %s; do ip netns exec a ping -n -q -c 1 -W 2 $address >/dev/null || exit 1; done"
            return all(built.ssh(node, "sh", "-c", each % targets).returncode == 0
                       for node, targets in ((NODE, there), ("node1", here), ("node3", here)))

        def in_sync(self):
            return self.does("/usr/local/sbin/clusternet-fabric status || true").startswith("fabric: in sync\n")

        def is_well(self):
            eventually(self.works, 30)
            assert self.in_sync(), self.does("/usr/local/sbin/clusternet-fabric check || true")

        def status(self):
            """(state, what status says of others)"""
            run = built.playbook(STATUS, *DIRECT, "--limit", NODE)
            (result,) = tasks(run, "Put together what all nodes found").values()
            (node,) = result["ansible_facts"]["status_result"]["nodes"]
            (shown,) = tasks(run, "Show it").values()
            assert all(text in shown["msg"] for text in node["others"])
            return node["state"], " / ".join(node["others"])

        def run(self):
            succeeded(built.playbook(SITE, *DIRECT, "--limit", NODE, "--skip-tags", "verify"), (NODE,))

    made = Machine()
    made.is_well()
    assert made.status() == ("in_sync", "")
    return made


def managed(text):
    """Links by what networkctl or nmcli says of them."""
    return {line.split()[0]: line.split()[-1] for line in text.splitlines() if line.split()}


def test_networkd(machine):
    # It takes the route on the device that it manages together with the address, for a moment.
    machine.does("systemctl restart systemd-networkd")
    eventually(lambda: not machine.in_sync(), 30)
    state, others = machine.status()
    assert state == "differs" and "systemd-networkd is active and takes routes from the devices whose addresses it sets" in others
    machine.run()
    machine.is_well()
    keep = "/etc/systemd/network/20-underlay.network.d"
    try:
        machine.does("mkdir %s; printf '[Network]\\nKeepConfiguration=static\\n' > %s/keep.conf; networkctl reload; %s" % (keep, keep, GREEDY))
        states = "networkctl list --no-legend --no-pager | while read number name rest; do echo $name $rest; done"
        eventually(lambda: managed(machine.does(states))["enp0s3"] == "configured", 60)
        found = managed(machine.does(states))
        links = set(found) - {"lo", "enp0s2", "enp0s3"}
        assert {"cni0", "flannel.1"} < links and {found[name] for name in links} == {"unmanaged"}, found
        machine.is_well()
        # What the fabric's own file is for.
        machine.does("printf '[Network]\\nManageForeignRoutes=yes\\n' > /etc/systemd/networkd.conf.d/zz.conf; systemctl restart systemd-networkd")
        eventually(lambda: not machine.in_sync(), 30)
        state, others = machine.status()
        assert state == "differs" and "systemd-networkd is active and removes routes that are not its own" in others
    finally:
        machine.does("rm -rf %s /etc/systemd/network/90-all.network /etc/systemd/networkd.conf.d/zz.conf; systemctl restart systemd-networkd" % keep)
        machine.run()


def test_network_manager(machine):
    machine.does(INSTALL % "network-manager")
    try:
        machine.does("systemctl restart NetworkManager; nm-online -s -q -t 30 || true")
        found = managed(machine.does("nmcli -t -f DEVICE,STATE device | tr : ' '"))
        assert {state for name, state in found.items() if name not in ("lo", "enp0s2", "enp0s3")} == {"unmanaged"} and "cni0" in found, found
        machine.is_well()
    finally:
        machine.does("systemctl disable --now NetworkManager")


def test_docker(machine):
    machine.does(INSTALL % "docker.io")
    try:
        # As on a machine where Docker was first: it sets the policy where it is the one to turn forwarding on.
        machine.does("sysctl -qw net.ipv4.ip_forward=0; systemctl restart docker; iptables -S FORWARD | grep -q -e '-P FORWARD DROP'")
        machine.is_well()
        state, others = machine.status()
        assert state == "in_sync" and "the policy of FORWARD is DROP (Docker sets that when it starts)" in others
        # Without the fabric's own rule it would matter.
        machine.does("iptables -F FLANNEL-FWD")
        assert not machine.works()
        state, others = machine.status()
        assert state == "differs" and "and that is missing" in others
        machine.run()
        machine.is_well()
    finally:
        machine.does("systemctl disable --now docker.service docker.socket; iptables -P FORWARD ACCEPT")


def test_nftables(machine):
    machine.does(INSTALL % "nftables")
    try:
        machine.does("systemctl enable --now nftables; systemctl reload nftables")
        state, others = machine.status()
        assert state == "differs" and "nftables.service is active, and /etc/nftables.conf begins by flushing everybody's rules" in others
        machine.run()
        machine.is_well()
    finally:
        machine.does("systemctl disable nftables; rm -f /etc/systemd/system/nftables.service; systemctl daemon-reload")


def test_ufw(machine):
    machine.does(INSTALL % "ufw")
    try:
        machine.does("ufw allow 22/tcp; ufw --force enable")
        assert not machine.works()
        state, others = machine.status()
        assert state == "in_sync" and "ufw is enabled: it drops what comes from other nodes" in others
        machine.does("ufw allow 8472/udp")
        machine.is_well()
        machine.does("ufw reload")
        machine.is_well()
    finally:
        machine.does("ufw --force disable; iptables -P FORWARD ACCEPT")


def test_firewalld(machine):
    machine.does(INSTALL % "firewalld")
    try:
        machine.does("systemctl restart firewalld")
        # It says that it has started before all of its rules are there.
        eventually(lambda: not machine.in_sync() and not machine.works(), 60)
        taken = "firewalld is active: it rejects what its zones do not let through, forwarded packets too, whatever iptables accepts, and each start"
        state, others = machine.status()
        assert state == "differs" and taken in others, others
        for words in ("--add-port=8472/udp", "--zone=trusted --add-source=10.244.0.0/16"):
            machine.does("firewall-cmd --quiet --permanent " + words)
        machine.does("firewall-cmd --quiet --reload")
        machine.run()
        machine.is_well()
        machine.does("firewall-cmd --quiet --reload")
        state, others = machine.status()
        assert state == "differs" and taken in others, others
        machine.run()
        machine.is_well()
    finally:
        machine.does("systemctl disable --now firewalld")
