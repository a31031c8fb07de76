# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test needs of the kernel, and whether the one that runs has it.

A test says it with a mark, whose names are kinds of the engine or names of PROBES:

    @pytest.mark.needs("ipvlan")

Where the kernel lacks one of them the test is not run but written down, and `make kernel-vm` runs it in a virtual machine.
"""

import functools
import subprocess

import pytest
from ansible_collections.clusternet.fabric.plugins.module_utils._engine.kinds import KINDS

LINK = "ip link add name one type veth peer name two; ip link set dev one up; "
# What not every kernel has: a script that works where it is there, run in a network namespace of its own.
PROBES = {
    "bridge_vlan": "ip link add name x type bridge vlan_filtering 1",
    "dummy": "ip link add name x type dummy",
    "ipset_types": "for type in hash:ip,mac hash:ip,mark hash:mac hash:net,net hash:net,port,net; do ipset create $type $type; done",
    "ipip": "ip link add name x type ipip remote 192.0.2.1",
    "ipvlan": LINK + "ip link add link one name x type ipvlan mode l2 bridge",
    "vlan": LINK + "ip link add link one name x type vlan id 7 protocol 802.1ad",
    "xfrm_policy": "ip xfrm policy add src 10.0.0.0/8 dst 10.0.0.0/8 dir out",
    "xfrm_state": "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 7 aead 'rfc4106(gcm(aes))' 0x%s 128" % ("01" * 20),
    "wireguard": "ip link add name x type wireguard",
    "macvlan": LINK + "ip link add link one name x type macvlan",
}


@functools.lru_cache(maxsize=None)
def has(name):
    """Whether this kernel has it."""
    if name not in PROBES and name not in KINDS:
        raise ValueError("%s: expected a kind of the engine or a name of PROBES in tests/support/features.py" % name)
    return name not in PROBES or not subprocess.run(
        ["unshare", "--net", "sh", "-ec", PROBES[name]], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode


def needs(item):
    """The names that a test's marks give."""
    return sorted({name for mark in item.iter_markers("needs") for name in mark.args})


def cases(names, of=str):
    """Parameters of a test, each of which needs what `of` says of its name: one name or several, of what is no kind none."""
    def wanted(name):
        found = of(name)
        return [one for one in ([found] if isinstance(found, str) else found) if one in PROBES or one in KINDS]

    return [pytest.param(name, marks=pytest.mark.needs(*wanted(name))) for name in names]
