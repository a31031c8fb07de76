# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of machines that have neither pyroute2 nor iptables a dry run tells what it can, says what it cannot, and leaves no trace."""

from runs import NODES, SITE, differences, failures, on, stats, tasks
from vms import named

# What a snapshot does not compare, because a teardown leaves it.
BESIDE = "dpkg-query --show; lsmod | cut -d ' ' -f 1 | sort; find /usr/local /etc /var/lib/clusternet -newer /etc/hostname 2>/dev/null | sort"


def test_a_dry_run_on_bare_machines():
    with named() as vms:
        before, beside = vms.snapshot("node1"), on(vms, "node1", BESIDE)
        assert vms.ssh("node1", "python3", "-c", "import pyroute2").returncode != 0
        assert vms.ssh("node1", "sh", "-c", "command -v iptables").returncode != 0
        run = vms.playbook(SITE, "--check", "--skip-tags", "verify")
        assert not failures(run), failures(run)
        assert all(stats(run, "changed").values()) and set(stats(run, "changed")) == set(NODES)
        for node, result in tasks(run, "Build the network").items():
            assert result["changed"] and result["prediction"] == "partial", (node, result)
            assert sorted(result["missing"]) == ["iptables", "python3-pyroute2"], (node, result)
        lines = differences(before, vms.snapshot("node1"))
        assert not lines, "\n".join(lines)
        assert on(vms, "node1", BESIDE) == beside
