#!/bin/sh
# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The whole of the initrd: load what the root file system needs, mount it, hand over.

stop() { echo "initrd: $*"; exec /bin/busybox sh </dev/console >/dev/console 2>&1; }

/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
# A start that only asks whether this processor emulation or that works, and how fast.
if /bin/busybox grep -q clusternet.probe /proc/cmdline; then
  echo "clusternet.probe: up"
  exec /bin/busybox reboot -f
fi
while read -r module; do
  /bin/busybox insmod "$module" || echo "initrd: $module not loaded"
done < /modules/order
tries=0
until [ -b /dev/vda ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || stop "no /dev/vda after 30 s"
  /bin/busybox usleep 100000
done
/bin/busybox mount -t ext4 -o rw,relatime /dev/vda /root || stop "the root file system cannot be mounted"
# What makes this machine itself is written once, then it is the machine's own.
if [ -d /seed ] && [ ! -e /root/etc/.seeded ]; then
  /bin/busybox cp -a /seed/. /root/ && : > /root/etc/.seeded
fi
/bin/busybox umount /proc
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
