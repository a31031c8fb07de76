# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that the kernel unpacks before it starts an initrd ("newc", Documentation/driver-api/early-userspace).

Several of them in one file are unpacked one after the other, so what a machine needs of its own is appended.
"""

import os
import stat


class Archive(object):
    """Collects entries; ``data()`` is the archive. Everything belongs to root unless an owner is given."""

    def __init__(self):
        self._parts = []
        self._folders = set()
        self._inode = 0

    def _entry(self, name, mode, content=b'', device=(0, 0), owner=0):
        self._inode += 1
        encoded = name.encode() + b'\0'
        # inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum
        fields = (self._inode, mode, owner, owner, 1, 0, len(content), 0, 0, device[0], device[1], len(encoded), 0)
        header = b'070701' + b''.join(b'%08X' % field for field in fields) + encoded
        for block in (header, content):
            self._parts.append(block + b'\0' * (-len(block) % 4))

    def folder(self, name, mode=0o755, owner=0):
        parent = os.path.dirname(name)
        if parent and parent not in self._folders:
            self.folder(parent)
        if name not in self._folders:
            self._folders.add(name)
            self._entry(name, stat.S_IFDIR | mode, owner=owner)

    def file(self, name, content, mode=0o644, owner=0):
        if os.path.dirname(name):
            self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, content, owner=owner)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        if os.path.dirname(name):
            self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def data(self):
        end = Archive()
        end._entry('TRAILER!!!', 0)
        return b''.join(self._parts + end._parts)
