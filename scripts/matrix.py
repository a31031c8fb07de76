# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""matrix.py: the engine's main promises under every Python of nodes and the pyroute2 versions that meet them; a table of what held.

CLUSTERNET_PYTHONS names other interpreters than python3.9 to python3.13. One that is not there is a failure, as is one under which
a promise does not hold.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "tests" / "support" / "engine_script.py"
PLACE = ROOT / ".ansible" / "matrix"
PYTHONS = os.environ.get("CLUSTERNET_PYTHONS", "python3.9 python3.10 python3.11 python3.12 python3.13").split()
# Debian 12, Debian 13, Ubuntu 24.04, and the newest there is for that Python.
PYROUTE2 = ("pyroute2==0.7.2", "pyroute2==0.7.7", "pyroute2==0.7.11", "pyroute2")


def interpreter(name):
    """The path of one that runs: a shim may be there that knows none of the version."""
    candidates = [shutil.which(name)] + sorted(map(str, pathlib.Path.home().glob(".pyenv/versions/*/bin/" + name)))
    for path in filter(None, candidates):
        done = subprocess.run([path, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.strip()
    return None


def held(python, requirement):
    """(version of pyroute2, what did not hold)"""
    folder = PLACE / ("%s-%s" % (pathlib.Path(python).name, requirement))
    if not folder.exists():
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(part), requirement],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            return "?", [(done.stderr.strip().splitlines() or ["pip ended with %d" % done.returncode])[-1]]
        part.rename(folder)
    done = subprocess.run([python, str(SCRIPT)], capture_output=True, text=True, timeout=300, check=False,
                          env=dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1"))
    if done.returncode:
        return "?", [(done.stderr.strip().splitlines() or ["ended with %d" % done.returncode])[-1]]
    answer = json.loads(done.stdout)
    if not answer["file"].startswith(str(folder)):
        return answer["pyroute2"], ["it took another pyroute2: " + answer["file"]]
    return answer["pyroute2"], ["%s: %s" % (change, promise) for change, told in answer["promises"].items()
                                for promise, kept in told.items() if not kept]


def main():
    failed = 0
    for name in PYTHONS:
        python = interpreter(name)
        if python is None:
            print("%-11s not found: install it, or name those that are there in CLUSTERNET_PYTHONS" % name, flush=True)
            failed += 1
            continue
        for requirement in PYROUTE2:
            version, problems = held(python, requirement)
            print("%-11s %-18s %s" % (name, requirement if version == "?" else "pyroute2 " + version, "; ".join(problems) or "all promises kept"), flush=True)
            failed += bool(problems)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
