# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's main promises under whatever Python and pyroute2 run this: JSON on standard output. Needs no pytest.

    /usr/bin/python3 tests/support/engine_script.py
"""

import json
import pathlib
import platform
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / ".ansible" / "collections")]

import engine_node  # noqa: E402
import pyroute2  # noqa: E402
from engine_documents import CHANGES  # noqa: E402


def promises(before, after):
    """What is said of one change, each as true or false."""
    with engine_node.node():
        start = engine_node.snapshot(sysctls=False)
        engine_node.apply(before)
        foretold = engine_node.apply(after, check=True)
        done = engine_node.apply(after)
        again = engine_node.apply(after)
        told = {
            "changed": done.changed,
            "commands foretold": foretold.commands() == done.commands(),
            "after foretold": foretold.after == done.after,
            "settled": not again.changed,
        }
        back = engine_node.apply(before, check=True)
        try:
            engine_node.apply(before, fail_at=len(back.operations) // 2)
        except Exception as error:
            told["rolled back"] = getattr(error, "rolled_back", False)
        told["still settled"] = not engine_node.apply(after).changed
        engine_node.apply({})
        told["as found"] = not engine_node.differences(start, engine_node.snapshot(sysctls=False))
        return told


def main():
    names = ("nothing to flannel", "nothing to mixed", "VNI")
    found = {name: promises(*CHANGES[name]) for name in names}
    version = getattr(pyroute2, "__version__", "")
    json.dump({"python": platform.python_version(), "pyroute2": version, "file": pyroute2.__file__, "promises": found}, sys.stdout)


if __name__ == "__main__":
    main()
