# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan: messages packed as far as order allows, and the operation named that the kernel refused."""

from __future__ import annotations

import contextlib
import itertools
import os

from .errors import FabricError, OperationFailed
from .kinds._bulk import Bulk, by_kind_and_verb
from .kinds._iptables_tool import TOOL


class Transaction:
    """Runs operations in order. What was applied when one fails is for the caller to read and undo."""

    def __init__(self, kernel, fail_at=None):
        self.kernel, self._fail_at = kernel, fail_at
        self._operation, self._netns = None, None
        self._messages, self._lines, self._links = [], [], False
        self._fed = None

    def run(self, operations):
        try:
            for (kind, verb), alike in itertools.groupby(operations[:self._fail_at], by_kind_and_verb):
                if verb == "add" and isinstance(kind, Bulk):
                    alike = list(alike)
                    self._operation = alike[0]
                    kind.request_all(self, alike)
                    continue
                for self._operation in alike:
                    kind.requests(self, self._operation)
            self.flush()
            if self._fail_at is not None and self._fail_at < len(operations):
                self._operation = operations[self._fail_at]
                raise OperationFailed("made to fail by a test")
            for kind in {operation.kind for operation in operations}:
                kind.afterwards(self.kernel, operations)
        except (FabricError, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error):
        if not isinstance(error, OperationFailed):
            error = OperationFailed(str(error))
        if error.op is None:
            error.op = self._operation
        return error

    # --- what the kinds call ---

    def queue(self, netns, kind, flags, body, makes=False, unmakes=False):
        """A netlink request. `makes`: there may be a device more after it; `unmakes`: some may be gone, or have another name."""
        if self._lines or self._messages and netns != self._netns:
            self.flush()
        self._netns = netns
        self._links = self._links or makes or unmakes
        if unmakes:
            self.kernel.forget_indices()
        self._messages.append((self._operation, (kind, flags, body)))

    def queue_all(self, netns, messages):
        """Many at once, each (operation, (type, flags, body)); none of them changes which devices there are."""
        if self._lines or self._messages and netns != self._netns:
            self.flush()
        self._netns = netns
        self._messages += messages

    def index(self, netns, device):
        """A device's number, where it is not known yet once the messages that may make the device are through."""
        if self._links and device not in self.kernel.indices(netns):
            self.flush()
        return self.kernel.index(netns, device)

    def restore(self, netns, version, table, line):
        """A line for iptables-restore."""
        self.feed(netns, (TOOL[version] + "-restore", "--noflush", "-w", "5"), line, table)

    def feed(self, netns, command, line, table=None):
        """A line for a tool that reads what to do. Those of a table are committed together, each table by itself."""
        self.feed_all(netns, command, [line], table)

    def feed_all(self, netns, command, lines, table=None):
        if self._messages or self._lines and (netns, command) != self._fed:
            self.flush()
        self._fed = (netns, command)
        self._lines.append((self._operation, table, lines))

    @contextlib.contextmanager
    def descriptors(self):
        """A function that opens namespaces for a message, and closes them after."""
        opened = []

        def open_namespace(netns):
            descriptor = self.kernel.descriptor(netns)
            opened.append(descriptor)
            open_namespace.used = True
            return descriptor

        open_namespace.used = False
        try:
            yield open_namespace
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def flush(self):
        """Send what is queued. Raises OperationFailed with the operation that was refused."""
        messages, self._messages = self._messages, []
        lines, self._lines = self._lines, []
        self._links = False
        if messages:
            try:
                self.kernel.socket(self._netns).send([message for dummy, message in messages])
            except OperationFailed as error:
                error.op = messages[error.index][0]
                raise
        if lines:
            self._run(lines)

    def _run(self, fed):
        """One run of the tool for all lines."""
        netns, command = self._fed
        text, origin = [], []
        for table in dict.fromkeys(table for dummy, table, dummy in fed):
            text += ["*" + table] if table else []
            for operation, which, lines in fed:
                if which == table:
                    text += lines
                    origin.append((len(text), operation))
            text += ["COMMIT"] if table else []
        try:
            self.kernel.run(netns, list(command), "\n".join(text) + "\n")
        except OperationFailed as error:
            words = error.reason.replace(":", " ").split()
            number = next((int(word) for before, word in zip(words, words[1:]) if before == "line" and word.isdigit()), 0)
            error.op = next((operation for last, operation in origin if number <= last), fed[0][0])
            raise
