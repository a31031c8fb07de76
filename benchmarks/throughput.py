# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What pods get of what nodes have: iperf3 from a pod of one node to a pod of another, beside iperf3 between the nodes themselves, in turns.

The lab has three nodes, whose links are the memory of this machine: it is the processor that both are measured against, and the ratio that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

from whole_runs import ROOT, play

LAB = {"CLUSTERNET_LAB_NODES": "3", "CLUSTERNET_LAB_NAME": "bench-throughput", "CLUSTERNET_LAB_SEGMENTS": "1"}
FROM, TO, ADDRESS = "node1", "node3", "198.18.0.13"
CHAIN = {"node1": ["node2"], "node2": ["node3"]}
CASES = {
    "weave": {"fabric_backend": "weave"},
    "weave, partial mesh, a link": {"fabric_backend": "weave", "weave_mesh": "partial"},
    "weave, partial mesh, relayed once": {"fabric_backend": "weave", "weave_mesh": "partial", "weave_connections": CHAIN},
    "weave, encrypted": {"fabric_backend": "weave", "weave_password": "only-for-the-lab"},
}


def shell(node, *words):
    return [os.path.join(ROOT, "scripts", "lab-shell"), "--lab", LAB["CLUSTERNET_LAB_NAME"], node, "--"] + list(words)


def in_pod(pod):
    return ("ip", "netns", "exec", pod) if pod else ()


def pod_address(node, pod):
    links = json.loads(subprocess.run(shell(node, *in_pod(pod), "ip", "-4", "-j", "address", "show", "dev", "eth0"), capture_output=True, check=True).stdout)
    return links[0]["addr_info"][0]["local"]


def measured(pod, address, seconds):
    """Mbit/s of one TCP connection from a node, or a pod of it, to another."""
    server = subprocess.Popen(shell(TO, *in_pod(pod), "iperf3", "--server", "--one-off", "--forceflush"), stdout=subprocess.PIPE, text=True)
    try:
        if not any("listening" in line for line in server.stdout):
            sys.exit("iperf3 does not listen on %s" % TO)
        done = subprocess.run(shell(FROM, *in_pod(pod), "iperf3", "--client", address, "--time", str(seconds), "--json"), capture_output=True, text=True,
                              timeout=seconds + 30, check=False)
        said = json.loads(done.stdout)
        if done.returncode:
            sys.exit("iperf3 to %s: %s" % (address, said.get("error")))
        return said["end"]["sum_received"]["bits_per_second"] / 1e6
    finally:
        server.stdout.close()
        if server.poll() is None:
            server.wait(timeout=30)


def compared(variables, runs, seconds):
    """(Mbit/s between nodes, Mbit/s between pods, median of the ratios of each turn)."""
    play("-i", "inventory/lab", "playbooks/site.yml", "-e", json.dumps(variables), environment=LAB)
    address, plain, pods = pod_address(TO, "a"), [], []
    for dummy in range(runs):
        plain.append(measured(None, ADDRESS, seconds))
        pods.append(measured("a", address, seconds))
    play("-i", "inventory/lab", "playbooks/teardown.yml", environment=LAB)
    return statistics.median(plain), statistics.median(pods), statistics.median(pod / node for pod, node in zip(pods, plain))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=CASES, action="append", help="of the cases this one")
    parser.add_argument("--runs", type=int, default=5, help="turns of each")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    given = parser.parse_args()
    play("-i", "inventory/lab", "playbooks/lab_up.yml", environment=LAB)
    try:
        print("%-36s %14s %14s %7s" % ("Mbit/s, one TCP connection", "node to node", "pod to pod", "ratio"))
        for case in given.only or CASES:
            print("%-36s %14.0f %14.0f %7.2f" % ((case,) + compared(CASES[case], given.runs, given.seconds)), flush=True)
    finally:
        play("-i", "inventory/lab", "playbooks/lab_down.yml", environment=LAB)


if __name__ == "__main__":
    main()
