# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _files, _unit_set

WEB = {"name": "web.service", "revision": "r1", "netns": "web"}


def state(**properties):
    return dict({"Id": "web.service", "ActiveState": "active", "MainPID": "7", "InvocationID": "i1", "NeedDaemonReload": "no"}, **properties)


class Known:
    def __init__(self, **units):
        self.units = {name + ".service": {"revision": revision, "invocation": invocation} for name, (revision, invocation) in units.items()}


def plan(wanted, known, shown, same=True):
    return _unit_set.Plan(known, wanted, {entry["Id"]: entry for entry in shown}, lambda pid, name: same)


@pytest.mark.parametrize(
    "known, shown, why",
    [
        ({"web": ("r1", "i1")}, state(), None),
        ({"web": ("r0", "i1")}, state(), "runs an earlier revision"),
        # Restarted by systemd or somebody, from the file that is loaded.
        ({"web": ("r0", "i0")}, state(), None),
        ({"web": ("r0", "i0")}, state(NeedDaemonReload="yes"), "runs an earlier revision"),
        ({"web": ("", "")}, state(), "was to be restarted"),
        ({}, state(), None),
        ({}, state(NeedDaemonReload="yes"), "runs an earlier revision"),
    ],
)
def test_a_service_is_restarted_for_what_it_runs(known, shown, why):
    found = plan([WEB], Known(**known), [shown])
    assert found.why == ({"web.service": why} if why else {})
    assert found.restart == (["web.service"] if why else [])
    assert (found.start, found.stop) == ([], [])


@pytest.mark.parametrize("shown", [[], [state(ActiveState="inactive")], [state(ActiveState="failed")]])
def test_what_does_not_run_is_started(shown):
    found = plan([WEB], Known(), shown)
    assert (found.start, found.restart, found.changed, found.reload) == (["web.service"], [], True, True)


def test_a_namespace_made_anew():
    found = plan([WEB], Known(web=("r1", "i1")), [state()], same=False)
    assert found.why == {"web.service": "runs in a namespace that is gone"}


def test_a_service_of_the_node_itself_has_no_namespace():
    assert not plan([dict(WEB, netns=None)], Known(web=("r1", "i1")), [state()], same=False).changed


def test_what_is_no_longer_listed_is_stopped():
    found = plan([], Known(web=("r1", "i1"), old=("r1", "i1")), [state(), state(Id="old.service", ActiveState="inactive")])
    assert (found.stop, found.changed) == (["web.service"], True)


def test_nothing_to_do():
    found = plan([], Known(), [])
    assert not found.changed and not found.reload


def test_what_systemctl_shows():
    text = "Id=a.service\nActiveState=active\n\nId=b.service\nActiveState=inactive\nInvocationID=\n"
    assert _unit_set.parse(text) == {
        "a.service": {"Id": "a.service", "ActiveState": "active"},
        "b.service": {"Id": "b.service", "ActiveState": "inactive", "InvocationID": ""},
    }
    assert _unit_set.parse("") == {}


def test_the_record(tmp_path):
    state_folder = str(tmp_path / "clusternet")
    units = {"web.service": {"revision": "r1", "invocation": "i1"}}
    _unit_set.Record(state_folder, "fabric").save(units)
    record = _unit_set.Record(state_folder, "fabric")
    assert record.units == units
    record.save({})
    assert not (tmp_path / "clusternet").exists()


def test_a_record_that_is_none(tmp_path):
    (tmp_path / "fabric").mkdir()
    (tmp_path / "fabric" / "units.json").write_text("x")
    with pytest.raises(_files.Refused, match="is not a record of unit_set: .*; remove it"):
        _unit_set.Record(str(tmp_path), "fabric")
