# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine as one file: the command by which a node builds its networks again without Ansible.

It is made on the node, of the very sources that are running there, so nothing has to be sent for it, and what a restart builds with is what
the last run built with. The sources stand in it as they are.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pkgutil
import sys

from .errors import Conflict

PATH = "/usr/local/sbin/clusternet-fabric"
MARK = "# Made by clusternet.fabric of its engine; changes are overwritten."
PACKAGE = "clusternet_engine"

_HEAD = """#!%(interpreter)s
%(mark)s
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.abc
import importlib.util
import sys

SOURCES = {
"""
_TAIL = """}


class Sources(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, fullname, path=None, target=None):
        if fullname in SOURCES:
            return importlib.util.spec_from_loader(fullname, self, origin=__file__)
        return None

    def is_package(self, fullname):
        return any(name.startswith(fullname + ".") for name in SOURCES)

    def get_source(self, fullname):
        return SOURCES[fullname]

    def get_code(self, fullname):
        return compile(SOURCES[fullname], "<%%s>" %% fullname, "exec", dont_inherit=True)


sys.meta_path.insert(0, Sources())
from %(package)s.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
"""


@functools.lru_cache(maxsize=None)
def text():
    """The command's text."""
    values = {"interpreter": sys.executable or "/usr/bin/python3", "mark": MARK, "package": PACKAGE}
    return _HEAD % values + "".join("%r: %r,\n" % pair for pair in sorted(_sources().items())) + _TAIL % values


def _sources():
    """{module: source} of this package, from wherever it was loaded: a folder, or the zip file that a module of Ansible comes in."""
    from . import command  # which imports this one

    name = command.__package__
    found = {PACKAGE: ""}
    for module in pkgutil.walk_packages(sys.modules[name].__path__, name + "."):
        loader = importlib.import_module(module.name).__spec__.loader
        found[PACKAGE + module.name[len(name):]] = loader.get_source(module.name)
    return found


def installed():
    """The text of the command that is there, or None. Raises Conflict where it is somebody else's."""
    try:
        with open(PATH, encoding="utf-8", errors="replace") as handle:
            found = handle.read()
    except FileNotFoundError:
        return None
    if MARK not in found[:1000]:
        raise Conflict("%s: is there already, and not from here; move it away, or keep nothing on the node (fabric_persist: false)" % PATH)
    return found


def is_current():
    return installed() == text()


def install():
    """Put the command in place in one step; whoever runs the old one goes on with it."""
    if is_current():
        return
    new = PATH + ".new"
    os.makedirs(os.path.dirname(PATH), 0o755, exist_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o700)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        os.fchmod(descriptor, 0o755)
        handle.write(text())
        handle.flush()
        os.fsync(descriptor)
    os.rename(new, PATH)


def remove():
    if installed() is not None:
        os.unlink(PATH)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(PATH + ".new")
