# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import stat

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _file_set, _files


@pytest.fixture(name="node")
def fixture_node(tmp_path):
    return Node(tmp_path)


class Node:
    """A machine's files below a folder."""

    def __init__(self, root):
        self.root = root
        (root / "etc").mkdir()
        (root / "var").mkdir()
        self.found = self.tree()

    def path(self, name):
        return str(self.root / name)

    def plan(self, files, owner="fabric", name="files"):
        """C(files): {path below the root: content or (content, mode)}."""
        wanted = []
        for path, content in files.items():
            content, mode = content if isinstance(content, tuple) else (content, 0o644)
            wanted.append({"path": self.path(path), "content": content.encode(), "mode": mode})
        return _file_set.Plan(_file_set.Ledger(self.path("var/clusternet"), owner, name), wanted)

    def apply(self, files, **whose):
        plan = self.plan(files, **whose)
        plan.apply()
        return plan

    def tree(self):
        result = {}
        for folder, folders, names in os.walk(self.root):
            for name in folders + names:
                path = os.path.join(folder, name)
                mode = stat.S_IMODE(os.lstat(path).st_mode)
                content = open(path, encoding="utf-8").read() if os.path.isfile(path) else None
                result[os.path.relpath(path, self.root)] = (mode, content)
        return result


def names(paths):
    return [os.path.basename(path) for path in paths]


def test_create_update_remove(node):
    first = node.apply({"etc/netns/a/hosts": "1", "etc/netns/b/hosts": "2", "etc/x": ("3", 0o600)})
    assert first.changed and names(first.created) == ["hosts", "hosts", "x"]
    assert node.tree()["etc/x"] == (0o600, "3")
    assert node.tree()["etc/netns/a"] == (0o755, None)

    second = node.apply({"etc/netns/a/hosts": "other", "etc/x": ("3", 0o600)})
    assert (names(second.created), names(second.updated), names(second.removed)) == ([], ["hosts"], ["hosts"])
    assert "etc/netns/b" not in node.tree() and "etc/netns/a" in node.tree()

    third = node.apply({})
    assert names(third.removed) == ["hosts", "x"]
    assert node.tree() == node.found


def test_the_second_run_changes_nothing(node):
    files = {"etc/netns/a/hosts": "1"}
    node.apply(files)
    before = {path: os.stat(node.path(path)).st_mtime_ns for path in node.tree()}
    assert not node.apply(files).changed
    assert {path: os.stat(node.path(path)).st_mtime_ns for path in node.tree()} == before


def test_planning_changes_nothing(node):
    assert node.plan({"etc/netns/a/hosts": "1"}).changed
    assert node.tree() == node.found
    node.apply({"etc/netns/a/hosts": "1"})
    before = node.tree()
    assert node.plan({}).changed
    assert node.tree() == before


def test_folders_are_open_whatever_the_umask(node):
    umask = os.umask(0o077)
    try:
        node.apply({"etc/netns/a/hosts": "1"})
    finally:
        os.umask(umask)
    assert [node.tree()[path][0] for path in ("etc/netns", "etc/netns/a", "etc/netns/a/hosts")] == [0o755, 0o755, 0o644]


def test_drift_is_put_right(node):
    node.apply({"etc/a": "1", "etc/b": "2", "etc/c": "3"})
    (node.root / "etc/a").write_text("mine")
    (node.root / "etc/b").unlink()
    (node.root / "etc/c").chmod(0o600)
    plan = node.apply({"etc/a": "1", "etc/b": "2", "etc/c": "3"})
    assert (names(plan.created), names(plan.updated)) == (["b"], ["a", "c"])
    assert not node.apply({"etc/a": "1", "etc/b": "2", "etc/c": "3"}).changed


def test_what_is_gone_already_need_not_be_removed(node):
    node.apply({"etc/netns/a/hosts": "1"})
    (node.root / "etc/netns/a/hosts").unlink()
    assert not node.apply({}).changed
    assert node.tree() == node.found


def test_a_foreign_file_is_left_alone(node):
    (node.root / "etc/hosts").write_text("theirs")
    with pytest.raises(_files.Refused) as caught:
        node.apply({"etc/new": "1", "etc/hosts": "ours"})
    assert str(caught.value) == (
        node.path("etc/hosts") + ": is there already with other content or mode, and not from here; it is left as it is: "
        "move it away or leave it out"
    )
    assert "etc/new" not in node.tree()


def test_a_foreign_file_as_wanted_stays_theirs(node):
    (node.root / "etc/hosts").write_text("same")
    node.found = node.tree()
    assert not node.apply({"etc/hosts": "same"}).changed
    assert node.tree() == node.found
    node.apply({})
    assert node.tree() == node.found


def test_a_file_of_another_set(node):
    node.apply({"etc/x": "1"}, owner="one")
    with pytest.raises(_files.Refused, match="x: belongs to another set, .*/one/files.json; it is left as it is"):
        node.apply({"etc/x": "2"}, owner="two")


def test_sets_do_not_purge_one_another(node):
    node.apply({"etc/netns/a/hosts": "1"})
    node.apply({"etc/netns/b/hosts": "1"}, name="backend")
    node.apply({"etc/netns/c/hosts": "1"}, owner="other")
    node.apply({})
    assert {"etc/netns/b/hosts", "etc/netns/c/hosts"} < set(node.tree()) and "etc/netns/a" not in node.tree()
    node.apply({}, name="backend")
    node.apply({}, owner="other")
    assert node.tree() == node.found


def test_a_folder_in_which_others_put_something_stays(node):
    node.apply({"etc/netns/a/hosts": "1"})
    (node.root / "etc/netns/theirs").write_text("")
    node.apply({})
    assert set(node.tree()) - set(node.found) == {"etc/netns", "etc/netns/theirs"}


def test_a_folder_that_was_there_stays(node):
    (node.root / "etc/netns").mkdir()
    node.found = node.tree()
    node.apply({"etc/netns/a/hosts": "1"})
    node.apply({})
    assert node.tree() == node.found


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda path: path.symlink_to("/nowhere"), "is a symbolic link: expected a plain file or nothing; move it away"),
        (lambda path: path.mkdir(), "is a directory: expected a plain file or nothing; move it away"),
        (os.mkfifo, "is a special file: expected a plain file or nothing; move it away"),
    ],
)
def test_surprises_are_not_followed(node, make, expected):
    node.apply({"etc/x": "1"})
    (node.root / "etc/x").unlink()
    make(node.root / "etc/x")
    for files in ({"etc/x": "2"}, {}):
        with pytest.raises(_files.Refused, match="etc/x: " + expected):
            node.apply(files)


def test_a_file_where_a_folder_has_to_be(node):
    (node.root / "etc/netns").write_text("")
    with pytest.raises(_files.Refused, match="etc/netns/a/hosts: a part of this path is not a directory: move that away"):
        node.apply({"etc/netns/a/hosts": "1"})


@pytest.mark.parametrize("step", range(1, 22))
def test_a_run_that_dies_leaves_nothing_unknown(node, monkeypatch, step):
    """Killed before its nth change of the file system: the next teardown finds all of it."""
    count = [0]

    def dying(function):
        def call(*arguments, **keywords):
            count[0] += 1
            if count[0] == step:
                raise KeyboardInterrupt
            return function(*arguments, **keywords)

        return call

    for name in ("mkdir", "rename", "unlink", "rmdir"):
        monkeypatch.setattr(os, name, dying(getattr(os, name)))
    with contextlib.suppress(KeyboardInterrupt):
        node.apply({"etc/netns/a/hosts": "1", "etc/x": "2"})
        node.apply({})
        assert step > 15
    monkeypatch.undo()
    node.apply({})
    assert node.tree() == node.found


def test_the_ledger(node):
    node.apply({"etc/netns/a/hosts": "1"})
    with open(node.path("var/clusternet/fabric/files.json"), encoding="utf-8") as file:
        content = json.load(file)
    assert content == {
        "version": 1,
        "files": [node.path("etc/netns/a/hosts")],
        "directories": [node.path("etc/netns"), node.path("etc/netns/a")],
    }


@pytest.mark.parametrize("text, expected", [("x", "is not a ledger of file_set"), ('{"version": 2}', "version 2: expected 1")])
def test_a_ledger_that_is_none(node, text, expected):
    node.apply({"etc/x": "1"})
    (node.root / "var/clusternet/fabric/files.json").write_text(text)
    with pytest.raises(_files.Refused, match=expected):
        node.apply({})


def test_the_diff(node):
    node.apply({"etc/a": "1\n", "etc/secret": ("key", 0o400)})
    plan = node.plan({"etc/a": "2\n", "etc/b": "3\n", "etc/secret": ("other", 0o400)})
    hidden = "(not shown: not everybody may read it)\n"
    assert [[entry[key].replace(str(node.root), "") for key in ("before_header", "before", "after_header", "after")] for entry in plan.diff()] == [
        ["/etc/a (0644)", "1\n", "/etc/a (0644)", "2\n"],
        ["/etc/b (absent)", "", "/etc/b (0644)", "3\n"],
        ["/etc/secret (0400)", hidden, "/etc/secret (0400)", hidden],
    ]


def test_two_runs_wait_for_each_other(tmp_path):
    with _files.lock(str(tmp_path)):
        with pytest.raises(_files.Refused, match="another run has held its lock for 0 seconds; wait for that run or end it"):
            with _files.lock(str(tmp_path), seconds=0):
                pass
