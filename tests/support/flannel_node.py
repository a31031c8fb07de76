# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of flannel's scenarios ask of a lab's nodes, with stock tools."""

import hashlib
import ipaddress
import re

from lab_host import capture, in_pod, node, run_json

CLUSTER = "10.244.0.0/16"
TUNNEL = "udp dst port 8472"


def subnet_env(host):
    return dict(line.split("=", 1) for line in host.file("/run/flannel/subnet.env").content_string.splitlines())


def subnet(name):
    return ipaddress.ip_interface(subnet_env(node(name))["FLANNEL_SUBNET"]).network


def vtep_mac(name):
    """0x66 and the first 5 bytes of SHA-1 of the name."""
    return "66:" + ":".join(re.findall("..", hashlib.sha1(name.encode()).hexdigest()[:10]))


def pod_address(name, pod, family=4):
    found = run_json(node(name), in_pod(pod, "ip -%d -j address show dev eth0" % family))[0]["addr_info"]
    return next(entry["local"] for entry in found if entry["scope"] == "global")


def rules(host, table, chain, tool="iptables"):
    """A chain's rules as iptables prints them, without their comments."""
    return [re.sub(r" -m comment --comment \S+", "", rule) for rule in host.check_output("%s -t %s -S %s" % (tool, table, chain)).splitlines()]


def pings(source, target, tunnel=TUNNEL, family=4, cluster=CLUSTER):
    """How the packets of five pings between two nodes' pods, ten with the answers, pass the target's port of the switch."""
    # A filter looks at the outer header alone.
    with capture(target, tunnel) as tunnelled, capture(target, "net " + cluster) as plain:
        node(source).check_output(in_pod("a", "ping -n -c 5 -i 0.2 -W 2 %s" % pod_address(target, "b", family)))
    ends = (pod_address(source, "a", family), pod_address(target, "b", family))
    inner = [text % pair for text, pair in ((("IP %s > %s: ICMP echo request", ends), ("IP %s > %s: ICMP echo reply", ends[::-1])) if family == 4 else
                                            (("IP6 %s > %s: ICMP6, echo request", ends), ("IP6 %s > %s: ICMP6, echo reply", ends[::-1])))]
    return {way: len([line for line in lines if any(text in line for text in inner)]) for way, lines in (("tunnelled", tunnelled), ("plain", plain))}
