# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done with a stored document: built again, gone back to, or replaced by what has been confirmed."""

from __future__ import annotations

import time

from . import engine
from . import kernel as machine
from .document import underlay_of
from .errors import FabricError
from .gather import Scope, gather
from .keeping import disarm, leave, settle
from .ledger import Ledger
from .owner import Owner
from .store import Place, names

LOOK_SECONDS = 1


class UnderWay(FabricError):
    """A run is in the middle of its work, and is left to it."""


def stored_in(place):
    stored = place.stored()
    if stored is None:
        raise FabricError("fabric %s: nothing of it is stored on this node (%s); stored are: %s"
                          % (place.name, place.path, ", ".join(names()) or "none"))
    if stored.name != place.name:
        raise FabricError("%s: is the document of fabric %s: remove it, and run the playbook again" % (place.path, stored.name))
    return stored


def build(name, check=False):
    """(what is stored, what was done to have it stand). Raises FabricError."""
    with machine.lock():
        # Read under the lock: what a run had stored until it got it is history.
        place = Place(name)
        stored, pending = stored_in(place), place.pending()
        if pending and time.monotonic() < pending["until"] and not check:
            raise UnderWay("fabric %s: a run is changing it%s: left alone for another %d s" % (
                name, " and awaits confirmation" if pending["goes_back"] else "", pending["until"] - time.monotonic() + 1))
        outcome = engine.apply_document_locked(stored.document, Owner(stored.name, stored.number), check=check)
        if pending and not check:
            disarm(name)
            place.drop()
        return stored, outcome


def go_back(name):
    """What a run changed and nobody confirmed is undone, when its time is up. None where that is not the case."""
    with machine.lock():
        place = Place(name)
        pending = place.pending()
        if not pending or not pending["goes_back"] or time.monotonic() < pending["until"] - 1:
            return None
        stored, coming = place.stored(), place.coming()
        if stored is not None:
            outcome = engine.apply_document_locked(stored.document, Owner(stored.name, stored.number))
        else:
            outcome = engine.apply_document_locked({}, Owner(name, coming.number))
            leave(name)
        place.drop()
        return outcome


def awaits(name):
    """Whether what a run changed goes back unless it is confirmed."""
    with machine.lock():
        place = Place(name)
        pending = place.pending()
        return bool(pending and pending["goes_back"] and place.coming() is not None)


def confirm(name):
    """What a run changed is what a restart builds from now on."""
    with machine.lock():
        place = Place(name)
        pending, coming = place.pending(), place.coming()
        if not pending or not pending["goes_back"] or coming is None:
            raise FabricError("owner: %s: nothing of this fabric awaits confirmation: if something did, its time was up and it was put back "
                              "(see journalctl -u 'clusternet-revert@*' on the node)" % name)
        settle(place, coming.text() if coming.document else None, True)


def await_underlay(name, seconds):
    """Return when the stored document's node address is there, or when the time is up, or nothing is stored any more."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stored = Place(name).stored()
        address = underlay_of(stored.document)["address"] if stored and stored.document.get("underlay") else None
        if address is None:
            return
        with machine.Kernel() as kernel:
            found = gather(kernel, Scope(), Ledger())
        if any(key[0] == "" and key[2].partition("/")[0] == address for key in found["address"]):
            return
        time.sleep(LOOK_SECONDS)
