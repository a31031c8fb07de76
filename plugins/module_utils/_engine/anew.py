# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links a plan makes anew, and why, in the words of the documentation: kind, name, option."""

from __future__ import annotations

from .kinds import LINKS
from .kinds._base import place


def made_anew(operations, found):
    """["vxlan vxlan42: vni cannot be changed in place", ...]; `found` is the state that the plan begins with."""
    because, words = {}, []
    for operation in operations:
        if operation.kind.table != "link":
            continue
        if operation.verb == "remove":
            because[operation.key] = operation.because
        elif operation.verb == "add":
            ends = [key for key in (operation.key, operation.after.get("peer")) if key in found["link"]]
            words += [_words(key, found["link"][key], operation, because) for key in sorted(ends, key=lambda key: not because.get(key))[:1]]
    return words


def _words(key, link, operation, because):
    kind, field = LINKS.get(link["kind"]), because.get(key)
    if field == "kind":
        reason = "a %s takes its place" % operation.kind.name
    elif field:
        reason = "%s cannot be changed in place" % kind.options.get(field, field)
    else:
        reason = "it makes way" if key in because else "it goes with what it stands on"
    return "%s %s%s: %s" % (kind.name if kind else "device", key[1], place(key[0]), reason)
