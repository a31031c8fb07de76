# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which kernel modules are built in, loaded or there to be loaded; from files alone, as a container may have no module tools."""

from __future__ import annotations

import gzip
import os
import re

# The option of the kernel's configuration where it is not just the module's name, and the file whose presence proves the module.
_OPTIONS = {"br_netfilter": "BRIDGE_NETFILTER"}
_PROOFS = {"br_netfilter": "proc/sys/net/bridge"}
# What the kernel's command line can switch off whole: there it says 1.
_SWITCHES = {"ipv6": "sys/module/ipv6/parameters/disable"}


def states(names, release, root="/"):
    """Per name C(present), C(loadable), C(missing), or C(unknown) where nothing on this machine tells."""
    folder = os.path.join(root, "lib/modules", release)
    builtin, loadable = _listed(os.path.join(folder, "modules.builtin")), _listed(os.path.join(folder, "modules.dep"))
    loaded = _loaded(root)
    config = None
    result = {}
    for name in names:
        key = name.replace("-", "_")
        proof = _PROOFS.get(key)
        if key in _SWITCHES and _is_one(os.path.join(root, _SWITCHES[key])):
            result[name] = "missing"
        elif key in loaded or os.path.isdir(os.path.join(root, "sys/module", key)) or (proof and os.path.exists(os.path.join(root, proof))):
            result[name] = "present"
        elif builtin is not None and key in builtin:
            result[name] = "present"
        elif loadable is not None and key in loadable:
            result[name] = "loadable"
        elif proof:
            # What would be there if the module were.
            result[name] = "missing"
        else:
            config = _config(root, release) if config is None else config
            if config.get(_OPTIONS.get(key, key.upper())) == "y":
                result[name] = "present"
            else:
                result[name] = "missing" if config or builtin is not None else "unknown"
    return result


def _is_one(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip() == "1"
    except OSError:
        return False


def _loaded(root):
    """What is loaded, and not built in: a container, as systemd-nspawn makes it, may have no /sys/module."""
    try:
        with open(os.path.join(root, "proc/modules"), encoding="utf-8") as file:
            return {line.split()[0] for line in file}
    except OSError:
        return set()


def _listed(path):
    """Names in one of depmod's lists, None where there is no list: kernel/drivers/net/vxlan/vxlan.ko.xz: ..."""
    try:
        with open(path, encoding="utf-8") as file:
            return {os.path.basename(line.split(":")[0].strip()).split(".ko")[0].replace("-", "_") for line in file}
    except OSError:
        return None


def _config(root, release):
    """The kernel's configuration, empty where it is not to be had."""
    for path, reader in (("proc/config.gz", gzip.open), ("boot/config-" + release, open)):
        try:
            with reader(os.path.join(root, path), "rt", encoding="utf-8") as file:
                return dict(re.findall(r"^CONFIG_(\w+)=(\w)$", file.read(), re.MULTILINE))
        except OSError:
            continue
    return {}
