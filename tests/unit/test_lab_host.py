# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes need of the host is lent to them and given back: inotify instances, and br_netfilter where it is a module."""

import subprocess

import pytest

from ansible_collections.clusternet.fabric.plugins.module_utils import _lab, _lab_host, _lab_node


@pytest.fixture(name="host")
def fixture_host(tmp_path, monkeypatch):
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n", encoding="ascii")
    state = tmp_path / "state"
    monkeypatch.setattr(_lab, "STATE_DIR", str(state))
    monkeypatch.setattr(_lab, "NETNS_DIR", str(tmp_path / "netns"))
    monkeypatch.setattr(_lab_host, "INOTIFY", str(limit))
    monkeypatch.setattr(_lab_host, "INOTIFY_FOUND", str(state / ".inotify"))
    monkeypatch.setattr(_lab_node, "NSPAWN_DIR", str(tmp_path / "nspawn"))
    return tmp_path


def limit_of(host):
    return int((host / "max_user_instances").read_text(encoding="ascii"))


def make_lab(host, name, nodes):
    (host / "state" / name).mkdir(parents=True)
    for index in range(nodes):
        (host / "state" / name / ("node%d.json" % index)).touch()


def remove_lab(host, name):
    for path in (host / "state" / name).iterdir():
        path.unlink()
    (host / "state" / name).rmdir()
    _lab_host.leave_host()


def test_few_nodes_need_nothing(host):
    _lab_host.settle_inotify("x", 3)
    assert limit_of(host) == 128
    assert not (host / "state" / ".inotify").exists()


def test_many_nodes(host):
    make_lab(host, "x", 50)
    _lab_host.settle_inotify("x", 50)
    raised = limit_of(host)
    assert raised >= 128 + 4 * 50
    _lab_host.settle_inotify("x", 50)
    assert limit_of(host) == raised
    remove_lab(host, "x")
    assert limit_of(host) == 128
    assert not (host / "state").exists()


def test_labs_side_by_side_add_up(host):
    make_lab(host, "x", 15)
    _lab_host.settle_inotify("x", 15)
    assert limit_of(host) == 128
    make_lab(host, "y", 15)
    _lab_host.settle_inotify("y", 15)
    assert limit_of(host) >= 128 + 4 * 30
    remove_lab(host, "x")
    assert limit_of(host) == 128
    remove_lab(host, "y")
    assert not (host / "state").exists()


@pytest.fixture(name="modules")
def fixture_modules(host, monkeypatch):
    """A host whose br_netfilter is a module: what is run to load and unload it."""
    switches, ran = host / "bridge", []

    def run(argv, **dummy):
        ran.append(" ".join(argv))
        if argv[0] == "modprobe":
            switches.mkdir()
            for name in _lab_host.BRIDGE_FILTER_SWITCHES:
                (switches / name).write_text("1\n", encoding="ascii")
        return subprocess.CompletedProcess(argv, 0)

    monkeypatch.setattr(_lab_host, "BRIDGE_FILTER", str(switches))
    monkeypatch.setattr(_lab_host, "BRIDGE_FILTER_LOADED", str(host / "state" / ".br_netfilter"))
    monkeypatch.setattr(_lab_host.shutil, "which", lambda name: "/sbin/" + name)
    monkeypatch.setattr(_lab_host.subprocess, "run", run)
    return ran


def test_br_netfilter_does_nothing_to_the_host_and_goes_with_the_last_lab(host, modules):
    for name in ("x", "y"):
        make_lab(host, name, 1)
        _lab_host.lend_bridge_filter()
        assert {path.read_text(encoding="ascii") for path in (host / "bridge").iterdir()} == {"0\n"}
    remove_lab(host, "x")
    assert modules == ["modprobe --quiet br_netfilter"]
    remove_lab(host, "y")
    assert modules == ["modprobe --quiet br_netfilter", "rmmod br_netfilter"]
    assert not (host / "state").exists()


def test_br_netfilter_stays_with_who_has_come_to_use_it(host, modules):
    make_lab(host, "x", 1)
    _lab_host.lend_bridge_filter()
    (host / "bridge" / "bridge-nf-call-iptables").write_text("1\n", encoding="ascii")
    remove_lab(host, "x")
    assert modules == ["modprobe --quiet br_netfilter"]
    assert not (host / "state").exists()


def test_br_netfilter_that_is_there_is_left_alone(host, modules):
    (host / "bridge").mkdir()
    make_lab(host, "x", 1)
    _lab_host.lend_bridge_filter()
    remove_lab(host, "x")
    assert modules == []
