# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _files
from ansible_collections.clusternet.fabric.plugins.modules import file_set


def entry(path, **fields):
    return dict({"path": path, "content": "x", "copy_of": None, "mode": "0644"}, **fields)


@pytest.mark.parametrize(
    "files, expected",
    [
        ([entry("etc/x")], "files[0].path: etc/x: expected an absolute path without ., .. and double slashes"),
        ([entry("/etc/../x")], "files[0].path: /etc/../x: expected an absolute path without ., .. and double slashes"),
        ([entry("/x"), entry("/x")], "files[1].path: /x: files[0] has it already: expected each file once"),
        ([entry("/x", mode="u=rw")], 'files[0].mode: u=rw: expected an octal number such as "0644"'),
        ([entry("/x", mode="420")], None),
    ],
)
def test_input(files, expected):
    if expected is None:
        assert file_set.wanted(files)[0]["mode"] == 0o420
        return
    with pytest.raises(_files.Refused) as caught:
        file_set.wanted(files)
    assert str(caught.value) == expected


def test_copies(tmp_path):
    (tmp_path / "b").write_text("B")
    found = file_set.wanted([entry("/x", content=None, copy_of=[str(tmp_path / "a"), str(tmp_path / "b")])])
    assert found == [{"path": "/x", "content": b"B", "mode": 0o644}]
    assert file_set.wanted([entry("/x", content=None, copy_of=[str(tmp_path / "a")])])[0]["content"] == b""
