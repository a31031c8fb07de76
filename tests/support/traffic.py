# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic between pods of a lab while something happens to its network: pings counted, and a TCP connection that has to last."""

import contextlib
import json
import subprocess
import time

from lab import ROOT, python
from runs import pods

RATE = 50


class Pings:
    """What became of the pings: `sent`, `lost` and, of pairs that lost some, `gaps` {pair: (number, seconds from first to last)}."""

    def __init__(self):
        self.sent = self.lost = 0
        self.gaps = {}

    def add(self, source, counted):
        for pair, result in counted.items():
            self.sent += result["sent"]
            self.lost += len(result["lost"])
            if result["lost"]:
                self.gaps["%s %s" % (source, pair)] = (len(result["lost"]), round(max(result["lost"]) - min(result["lost"]), 2))

    def __str__(self):
        worst = max(self.gaps.items(), key=lambda item: item[1], default=None)
        return "%d pings sent, %d lost" % (self.sent, self.lost) + (", worst %s: %d within %s s" % ((worst[0],) + worst[1]) if worst else "")


@contextlib.contextmanager
def pinging(lab, addresses=None, family=4):
    """Every pod pings every other one RATE times a second during the block; afterwards the Pings say what was lost."""
    addresses = addresses or pods(lab, family=family)
    counted, running = Pings(), {}
    try:
        for node in sorted({node for node, dummy in addresses}):
            words = ["%s=%s" % (pod, ",".join(address for other, address in addresses.items() if other != (place, pod)))
                     for place, pod in addresses if place == node]
            running[node] = _start(lab, node, "pinger.py", str(1 / RATE), *words)
        yield counted
    finally:
        for process in running.values():
            process.stdin.close()
        said = {node: _end(process) for node, process in running.items()}
    for node, text in said.items():
        counted.add(node, json.loads(text))


class Transfer:
    """Records that travel from pod to pod and back over one TCP connection, and what has arrived of them."""

    def __init__(self, lab, source, target, address):
        (node, pod), (other, other_pod) = source, target
        self.server = _start(lab, other, "transfer.py", "serve", netns=other_pod)
        self.client = _start(lab, node, "transfer.py", "send", address, netns=pod)

    def arrived(self):
        """How many records have been there and back, in order; fails where the connection is not the one it was."""
        self.client.stdin.write("?\n")
        self.client.stdin.flush()
        line = self.client.stdout.readline()
        assert line.strip().isdigit(), "the connection broke: %s" % line
        return int(line)

    def goes_on(self, within=30):
        """Waits until more records arrive: TCP repeats with growing pauses."""
        first, until = self.arrived(), time.monotonic() + within
        while time.monotonic() < until:
            if self.arrived() > first:
                return
            time.sleep(0.1)
        raise AssertionError("nothing more arrived within %d s, after %d records" % (within, first))

    def close(self):
        for process in (self.client, self.server):
            process.stdin.close()
        return [_end(process) for process in (self.client, self.server)]


@contextlib.contextmanager
def transferring(lab, source, target):
    transfer = Transfer(lab, source, target, pods(lab)[target])
    try:
        transfer.goes_on()
        yield transfer
        transfer.goes_on()
    finally:
        transfer.close()


def _start(lab, node, program, *words, netns=None):
    """A program of this folder on a node, once it has said that it is ready. It ends when its standard input does."""
    command = [str(ROOT / "scripts" / "lab-shell"), "--lab", lab.name, node, "--"]
    command += ["ip", "netns", "exec", netns] if netns else []
    process = subprocess.Popen(command + python(program, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    assert line == "ready\n", (program, words, line)
    return process


def _end(process):
    try:
        return process.stdout.read()
    finally:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
