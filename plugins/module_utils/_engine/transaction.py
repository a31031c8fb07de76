# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan: messages packed as far as order allows, and the operation named that the kernel refused."""

from __future__ import annotations

import contextlib
import os

from .errors import FabricError, OperationFailed
from .kinds.iptables import TOOL


class Transaction:
    """Runs operations in order. What was applied when one fails is for the caller to read and undo."""

    def __init__(self, kernel, fail_at=None):
        self.kernel, self._fail_at = kernel, fail_at
        self._operation, self._netns = None, None
        self._messages, self._lines, self._links = [], [], False

    def run(self, operations):
        try:
            for position, self._operation in enumerate(operations):
                if position == self._fail_at:
                    self.flush()
                    raise OperationFailed("made to fail by a test")
                self._operation.kind.requests(self, self._operation)
            self.flush()
        except (FabricError, OSError) as error:
            raise self._failed(error) from None

    def _failed(self, error):
        if not isinstance(error, OperationFailed):
            error = OperationFailed(str(error))
        if error.op is None:
            error.op = self._operation
        return error

    # --- what the kinds call ---

    def queue(self, netns, kind, flags, body, links=False):
        """A netlink request. `links` says that it may change which devices there are, or their numbers."""
        if self._lines or self._messages and netns != self._netns:
            self.flush()
        self._netns = netns
        self._links = self._links or links
        self._messages.append((self._operation, (kind, flags, body)))

    def index(self, netns, device):
        """A device's number, once the messages that may make it are through."""
        if self._links:
            self.flush()
        return self.kernel.index(netns, device)

    def restore(self, netns, version, table, line):
        """A line for iptables-restore."""
        if self._messages or self._lines and (netns, version) != self._lines[0][1][:2]:
            self.flush()
        self._lines.append((self._operation, (netns, version, table, line)))

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
        links, self._links = self._links, False
        if messages:
            try:
                self.kernel.socket(self._netns).send([message for dummy, message in messages])
            except OperationFailed as error:
                error.op = messages[error.index][0]
                raise
            finally:
                if links:
                    self.kernel.forget_indices()
        if lines:
            self._restore(lines)

    def _restore(self, lines):
        """One iptables-restore for all tables of a namespace; each table is committed by itself."""
        netns, version = lines[0][1][:2]
        text, origin = [], {}
        for table in dict.fromkeys(where[2] for dummy, where in lines):
            text.append("*" + table)
            for operation, where in lines:
                if where[2] == table:
                    text.append(where[3])
                    origin[len(text)] = operation
            text.append("COMMIT")
        try:
            self.kernel.run(netns, [TOOL[version] + "-restore", "--noflush", "-w", "5"], "\n".join(text) + "\n")
        except OperationFailed as error:
            words = error.reason.replace(":", " ").split()
            number = next((int(word) for before, word in zip(words, words[1:]) if before == "line" and word.isdigit()), None)
            error.op = origin.get(number, lines[0][0])
            raise
