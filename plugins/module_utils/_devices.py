# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What network devices have counted, from C(/proc/net/dev): it is the caller's own namespace's, whatever is mounted at /sys."""

from __future__ import annotations

_FIELDS = ("bytes", "packets", "errors", "dropped")


def parse(text):
    """C({device: {rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, ...}}); proc(5) has the order of the columns."""
    found = {}
    for line in text.splitlines()[2:]:
        name, numbers = line.rsplit(":", 1)
        columns = [int(number) for number in numbers.split()]
        received = dict(zip(("rx_" + field for field in _FIELDS), columns))
        sent = dict(zip(("tx_" + field for field in _FIELDS), columns[8:]))
        found[name.strip()] = dict(received, **sent)
    return found


def counters():
    """What the devices of the own namespace have counted since they were made."""
    with open("/proc/net/dev", encoding="utf-8") as handle:
        return parse(handle.read())
