# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of devices, as the kernel writes them."""

from ansible_collections.clusternet.fabric.plugins.module_utils import _devices

TEXT = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
flannel.1: 8120      96    1    2    0     0          0         0     9002     101    3    4    0     0       0          0
"""


def test_columns():
    assert _devices.parse(TEXT)["flannel.1"] == {
        "rx_bytes": 8120, "rx_packets": 96, "rx_errors": 1, "rx_dropped": 2,
        "tx_bytes": 9002, "tx_packets": 101, "tx_errors": 3, "tx_dropped": 4,
    }  # fmt: skip


def test_a_name_with_a_colon_as_aliases_have():
    assert set(_devices.parse(TEXT.replace("lo:", "lo:1:"))) == {"lo:1", "flannel.1"}


def test_this_machine():
    assert "lo" in _devices.counters()
