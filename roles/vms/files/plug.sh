#!/bin/sh
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# QEMU calls it with the name of a new tap, in the namespace of the switch.
set -eu
ip link set dev "$1" mtu 1500 master "$BRIDGE" up
