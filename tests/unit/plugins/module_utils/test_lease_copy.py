# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils import _files, _lease_copy
from ansible_collections.clusternet.fabric.plugins.plugin_utils import lease_copies

RECORD = {"subnet": "10.244.1.0/24", "address": "198.51.100.1"}
TEXT = lease_copies.render("fabric", {"node1": dict(RECORD, pods={"a": "10.244.1.2"})}, [("node2", "10.244.2.0/24")])


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "text, wanted, expected",
    [
        (None, None, {"state": "absent"}),
        (None, digest(TEXT), {"state": "absent"}),
        (TEXT, None, {"state": "other", "text": TEXT}),
        (TEXT, digest(TEXT), {"state": "same"}),
        (TEXT, digest("else"), {"state": "other", "sha256": digest(TEXT), "nodes": {"node1": RECORD}}),
        ("else", digest(TEXT), {"state": "unreadable"}),
        ("[]", digest(TEXT), {"state": "unreadable"}),
        ('{"nodes": {"node1": {}}}', digest(TEXT), {"state": "unreadable"}),
        ("\udcff", None, {"state": "unreadable"}),
    ],
)
def test_what_a_node_says(tmp_path, text, wanted, expected):
    path = tmp_path / "leases.yml"
    if text is not None:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert _lease_copy.look(str(path), wanted) == expected


@pytest.mark.parametrize("write", [True, False])
def test_the_first_of_two_wins(tmp_path, write):
    path = tmp_path / "leases.yml"
    path.write_text("old")
    assert _lease_copy.bring_up_to_date(str(path), b"new", digest("old"), write) == (b"old", True)
    assert path.read_text() == ("new" if write else "old")
    path.write_text("new")
    assert _lease_copy.bring_up_to_date(str(path), b"new", digest("old"), write) == (b"new", False)
    with pytest.raises(_files.Refused, match="another run has written it since this one looked"):
        _lease_copy.bring_up_to_date(str(path), b"other", digest("old"), write)
    path.unlink()
    with pytest.raises(_files.Refused):
        _lease_copy.bring_up_to_date(str(path), b"other", digest("old"), write)
