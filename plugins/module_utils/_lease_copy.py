# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's copy of the lease table, as plugin_utils/lease_copies.py makes it."""

from __future__ import annotations

import hashlib
import json

from ansible_collections.clusternet.fabric.plugins.module_utils import _files


def look(path, digest):
    """The copy's state. With a digest only what differs from it is told, and without pods: a table of many nodes from many nodes is long."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        return {"state": "absent"}
    found = hashlib.sha256(content).hexdigest()
    if found == digest:
        return {"state": "same"}
    try:
        text = content.decode()
        if not digest:
            return {"state": "other", "text": text}
        nodes = json.loads(text)["nodes"]
        records = {name: _without_pods(record) for name, record in nodes.items()}
        return {"state": "other", "sha256": found, "nodes": records}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"state": "unreadable"}


def _without_pods(record):
    """Its address, and a subnet, blocks or both."""
    held = {key: record[key] for key in ("subnet", "blocks") if key in record}
    if not held:
        raise KeyError("subnet")
    return dict(held, address=record["address"])


def bring_up_to_date(path, content, digest, write):
    """C((what was there, whether it has to change)). The caller holds the lock that all who write the copy take."""
    try:
        with open(path, "rb") as file:
            before = file.read()
    except FileNotFoundError:
        before = b""
    if before == content:
        return before, False
    if hashlib.sha256(before).hexdigest() != digest:
        raise _files.Refused("%s: another run has written it since this one looked: two controllers give out leases. Run again" % path)
    if write:
        _files.replace(path, content, 0o644)
    return before, True
