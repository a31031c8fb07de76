# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""inotify instances are lent from the host for many nodes, and given back."""

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
