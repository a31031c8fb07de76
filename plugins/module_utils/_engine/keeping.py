# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run does on the node's disk beside the kernel: the stored document, and the way back where a run has to be confirmed."""

from __future__ import annotations

import os
import subprocess

from . import package
from .errors import FabricError, Invalid
from .store import Place, Stored, users

# How long a network that moves over in stages may take to do so: until then nobody builds the old one again.
STAGED_SECONDS = 900
TOOL_SECONDS = 60
TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class NoKeeping:
    """A run that has nothing to do with what is stored."""

    unconfirmed = False

    @staticmethod
    def differs():
        return False

    def begin(self, final):
        pass

    def end(self, changed, final):
        pass

    def cancel(self):
        pass


class Keeping:
    """Of one run: `begin` before the kernel is touched, `end` when what is wanted stands, `cancel` when all is put back.

    document  what a restart builds; None: nothing
    confirm   seconds after which what is stored is built again, unless `confirm` came; 0: it counts at once
    """

    def __init__(self, owner, document, confirm=0):
        if confirm and document is None:
            raise Invalid("confirm", confirm, "persist with it: what is stored is what there is to go back to")
        self.place, self.confirm = Place(owner.name), confirm
        # An empty document is stored as none; beside the one that stands it is what is coming.
        self.coming = None if document is None else Stored(owner.name, owner.number, document).text()
        self.text = self.coming if document else None
        self.unconfirmed, self._was_pending, self._begun = False, False, False

    def differs(self):
        """Whether `end` has something to do."""
        # First what is refused where it is somebody else's.
        current = self.text is None or package.is_current()
        return self.place.text() != self.text or not current

    def begin(self, final):
        self._was_pending = self.place.pending() is not None
        if self.coming is None:
            return
        self._begun = True
        self.place.prepare(self.coming)
        if self.confirm:
            package.install()
            self.place.pend(self.confirm, True)
            arm(self.place.name, self.confirm)
        elif not final:
            self.place.pend(STAGED_SECONDS, False)

    def end(self, changed, final):
        awaited = (self.place.pending() or {}).get("goes_back", False)
        if self.confirm and (changed or awaited):
            self.unconfirmed = True
        elif final:
            settle(self.place, self.text, awaited)

    def cancel(self):
        """What an earlier stage has begun goes on."""
        if self._begun and not self._was_pending:
            if self.confirm:
                disarm(self.place.name)
                if self.place.text() is None:
                    leave(self.place.name)
            self.place.drop()


def settle(place, text, awaited):
    """Have a document stored, or none, and the command with it. `awaited`: a timer is waiting to go back."""
    if text is not None:
        package.install()
    elif awaited or place.text() is not None or os.path.lexists(place.new):
        leave(place.name)
    if awaited:
        disarm(place.name)
    place.settle(text)


def leave(name):
    """The command goes with the last that needs it. Before the document: while that is there, a run knows that it has something to do."""
    if not [other for other in users() if other != name]:
        package.remove()


def _unit(name):
    # Pods' units have no @ in their names.
    return "clusternet-revert@%s" % name


def _has_systemd():
    return os.path.isdir("/run/systemd/system")


def arm(name, seconds):
    """Have the command go back later, whatever becomes of this process and of whoever started it."""
    disarm(name)
    back = [package.PATH, "revert", "--fabric", name]
    if not _has_systemd():
        # Asleep in a session of its own; it sees for itself whether it is still wanted. Its environment knows of no SSH connection.
        subprocess.Popen(back + ["--after", str(seconds)], start_new_session=True, cwd="/", env={"PATH": TOOL_PATH},
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return
    _systemd("systemd-run", "--quiet", "--collect", "--unit=" + _unit(name), "--on-active=%d" % seconds,
             "--timer-property=AccuracySec=100ms", "--", *back)


def disarm(name):
    if _has_systemd():
        try:
            _systemd("systemctl", "stop", _unit(name) + ".timer")
        except FabricError:
            pass  # there is none


def _systemd(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TOOL_SECONDS,
                              env=dict(os.environ, LC_ALL="C", PATH=TOOL_PATH))
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FabricError("%s: %s" % (command[0], error)) from None
    if done.returncode:
        raise FabricError("%s: %s" % (" ".join(command), (done.stderr or done.stdout).strip()))
