# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _kernel_modules

NAMES = ["br_netfilter", "vxlan", "ip-vs"]


@pytest.fixture(name="root")
def fixture_root(tmp_path):
    def make(path, content=""):
        path = tmp_path / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())

    make.path = str(tmp_path)
    return make


def states(root):
    return list(_kernel_modules.states(NAMES, "6.1", root.path).values())


def test_a_machine_that_tells_nothing(root):
    # br_netfilter cannot hide: its sysctls are not there.
    assert states(root) == ["missing", "unknown", "unknown"]


def test_a_distribution_kernel(root):
    root("lib/modules/6.1/modules.builtin", "kernel/net/ip-vs.ko\n")
    root("lib/modules/6.1/modules.dep", "kernel/net/bridge/br_netfilter.ko: kernel/net/bridge/bridge.ko\nkernel/drivers/net/vxlan/vxlan.ko.xz:\n")
    assert states(root) == ["loadable", "loadable", "present"]


def test_loaded_modules(root):
    root("sys/module/vxlan/refcnt")
    root("sys/module/ip_vs/refcnt")
    root("proc/sys/net/bridge/bridge-nf-call-iptables")
    assert states(root) == ["present", "present", "present"]


def test_loaded_modules_in_a_container_without_sys_module(root):
    root("lib/modules/6.1/modules.dep", "kernel/drivers/net/vxlan/vxlan.ko.xz:\nkernel/net/netfilter/ipvs/ip_vs.ko:\n")
    root("proc/modules", "ip_vs 172032 0 - Live 0x0000000000000000\nnf_conntrack 188416 1 ip_vs, Live 0x0000000000000000\n")
    assert states(root) == ["missing", "loadable", "present"]


@pytest.mark.parametrize("path", ["proc/config.gz", "boot/config-6.1"])
def test_a_kernel_without_modules(root, path):
    root(path, "CONFIG_VXLAN=y\n# CONFIG_IP_VS is not set\nCONFIG_BRIDGE_NETFILTER=y\n")
    root("proc/sys/net/bridge/bridge-nf-call-iptables")
    assert states(root) == ["present", "present", "missing"]


@pytest.mark.parametrize("disable, expected", [("0\n", "present"), ("1\n", "missing")])
def test_what_the_command_line_switches_off(root, disable, expected):
    root("lib/modules/6.1/modules.builtin", "kernel/net/ipv6/ipv6.ko\n")
    root("sys/module/ipv6/parameters/disable", disable)
    assert _kernel_modules.states(["ipv6"], "6.1", root.path) == {"ipv6": expected}
