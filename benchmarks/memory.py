# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a whole module process takes of memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import tables
from isolated import COLLECTIONS, ROOT, apply

ENTRIES, LIMIT = 100000, 200  # MiB


def peak(count):
    """{step: MiB} of module `network` as Ansible starts it, with so many FDB entries made and unchanged."""
    tables.underlay()
    apply(tables.FDB_BASE)
    with open("/run/arguments", "w", encoding="ascii") as file:  # by and by: a child's peak begins with its parent's
        head = json.dumps({"ANSIBLE_MODULE_ARGS": {"owner": "bench", "document": dict(tables.FDB_BASE, vxlan_fdb=[])}})
        before, dummy, after = head.partition('"vxlan_fdb": []')
        file.write(before + '"vxlan_fdb": [')
        file.writelines(("," if n else "") + json.dumps(tables.fdb_entry(n)) for n in range(count))
        file.write("]" + after)
    path = os.pathsep.join([COLLECTIONS] + [folder for folder in sys.path if folder])
    peaks = {}
    for step in ("made", "unchanged"):
        with open("/run/arguments", "rb") as file, open("/run/answer", "wb+") as answer:
            child = subprocess.Popen([sys.executable, os.path.join(ROOT, "plugins", "modules", "network.py")], stdin=file, stdout=answer,
                                     env=dict(os.environ, PYTHONPATH=path))
            dummy, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            answer.seek(0)
            said = json.load(answer)
        if said.get("changed") is not (step == "made"):
            sys.exit("%s: %s" % (step, said))
        peaks[step] = usage.ru_maxrss / 1024
    return peaks
