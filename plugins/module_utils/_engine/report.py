# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Telling what a node holds, without wanting anything of it."""

from __future__ import annotations

import shutil

from . import kernel as machine
from .document import Wanted
from .errors import Invalid
from .gather import SBIN, XFRM, Scope, gather, versions
from .kinds import _ipset_tool
from .ledger import Ledger
from .owner import NUMBERS, Owner, fabric_of_link
from .shown import Shown
from .state import State


class Report:
    """What inspect found. `fabrics` are {name: number}, `namespaces` {name: fabric or None} of the whole node."""

    def __init__(self, document, links, fabrics, namespaces):
        self.document, self.links, self.fabrics, self.namespaces = document, links, fabrics, namespaces


def inspect(namespaces=None, name=None, number=None):
    """What the namespaces hold, or, with a fabric's name, what bears its mark there.

    namespaces  names, '' is the own one; None means the own one, or with a fabric every one that there is
    number      the fabric's; None means the one its links bear
    """
    with machine.lock(), machine.Kernel() as kernel:
        ledger, every = Ledger(), [""] + kernel.namespaces()
        if namespaces is None:
            namespaces = every if name else [""]
        for position, netns in enumerate(namespaces):
            if netns not in every:
                raise Invalid("netns[%d]" % position, netns, "a namespace of this node (%s)" % (", ".join(every[1:]) or "it has none"))
        rules = {(netns, version) for netns in namespaces for version in versions()}
        ipsets, sysctls = set(namespaces) if shutil.which(_ipset_tool.TOOL, path=SBIN) else set(), []
        xfrm = set(namespaces)
        if name:
            rules &= {("", version) for version in versions()} | set(ledger.iptables_of(name))
            ipsets &= {key[0] for key in ledger.listed("ipset", name)}
            xfrm &= {key[0] for table in XFRM for key in ledger.listed(table, name)}
            sysctls = [key for key in ledger.sysctls_of(name) if key[0] in namespaces]
        found = gather(kernel, Scope(namespaces, rules, sysctls, ipsets=ipsets, xfrm=xfrm), ledger)
    fabrics = {fabric_of_link(item): item["group"] for table in ("netns", "link") for item in found[table].values()
               if fabric_of_link(item)}
    everywhere = {key[0]: fabric_of_link(item) for key, item in found["netns"].items()}
    owner = Owner(name, (number or fabrics.get(name, NUMBERS[0])) if name else None)
    here = State({table: {key: item for key, item in items.items() if key[0] in namespaces} for table, items in found.items()},
                 taken={key: note for key, note in found.taken.items() if key[0] in namespaces})
    links = {key: item for key, item in here["link"].items() if not name or owner.holds_link(item)}
    return Report(Shown(Wanted(), owner, all_=not name).document(here), links, fabrics, everywhere)
