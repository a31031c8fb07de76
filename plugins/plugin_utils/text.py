# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that a person reads at the end of a play, and what of all nodes it is made from."""

from __future__ import annotations

from . import cluster
from .leases import natural

__all__ = ["columns", "gathered", "listed", "natural"]

LISTED = 40


def gathered(nodes, model, look):
    """C({node: (its fabric, look(node))}) of those nodes that are in the model, as people count them."""
    found = {}
    for node in sorted(nodes, key=natural):
        fabric = cluster.of_node(model, node)
        if fabric is not None:
            found[node] = (fabric, look(node))
    return found


def listed(names, limit=LISTED):
    """Names, and how many more there are."""
    return ", ".join(names[:limit]) + (" and %d more" % (len(names) - limit) if len(names) > limit else "")


def columns(rows, left=1, gap="  "):
    """Rows of cells as lines, the first C(left) columns set to the left and the others to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return [
        gap.join(cell.ljust(width) if index < left else cell.rjust(width) for index, (cell, width) in enumerate(zip(row, widths))).rstrip()
        for row in rows
    ]
