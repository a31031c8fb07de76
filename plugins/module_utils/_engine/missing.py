# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be installed on a node for what is wanted there."""

from __future__ import annotations

import importlib.util
import shutil

from .errors import FabricError
from .gather import SBIN
from .kinds import KINDS, _ipset_tool
from .kinds._iptables_tool import TOOL
from .kinds.iptables import sets_of

PACKAGES = {"pyroute2": "python3-pyroute2", "iptables": "iptables", "ipset": "ipset"}


def prerequisites(wanted, check):
    """In check mode the missing tools, their kinds dropped from what is wanted; otherwise an error that names the packages."""
    missing = []
    versions = {key[1] for name in ("iptables_chain", "iptables_rule") for key in wanted[name]}
    if any(not shutil.which(TOOL[version] + "-restore", path=SBIN) for version in versions):
        missing.append("iptables")
        if check:
            wanted["iptables_chain"], wanted["iptables_rule"] = {}, {}
    using = sets_of(wanted)
    if (wanted["ipset"] or using) and not shutil.which(_ipset_tool.TOOL, path=SBIN):
        missing.append("ipset")
        if check:
            wanted["ipset"] = {}
            if using:
                wanted["iptables_chain"], wanted["iptables_rule"] = {}, {}
    if not check:
        refuse_missing(missing)
        return missing
    # A run may write them before it comes here.
    for key in [key for name in ("wireguard", "xfrm_state") for item in wanted[name].values() for key in KINDS[name].key_files(item)]:
        if key.missing():
            missing += [key.path] if key.path not in missing else []
            key.will_come()
    return missing


def refuse_missing(missing):
    if missing:
        raise FabricError("missing on this node: %s; install %s first" % (", ".join(missing), ", ".join(to_provide(missing))))


def to_provide(missing):
    """The packages of what is missing; a file is what it is."""
    return [PACKAGES.get(name, name) for name in missing]


def needs_pyroute2(operations):
    return any(operation.kind.table == "link" and operation.verb == "add" for operation in operations)


def absent(modules):
    return [name for name in modules if importlib.util.find_spec(name) is None]
