# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place to try things on a real kernel that is not the host's: network and mount namespaces that vanish with a process."""

import subprocess

# Names under /run/netns, and all else under /run, are the sandbox's own.
PRIVATE = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/netns
# No DAD: what it brings late would show in a test that has nothing to do with it.
echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad
ip link set lo up
"""


class Sandbox:
    """Network and mount namespaces of their own, for as long as a process sleeps in them (ten minutes at most)."""

    def __init__(self, setup=""):
        script = "%s\n%s\necho ready\nexec sleep 600\n" % (PRIVATE, setup)
        command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script]
        self.holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("the sandbox's setup failed: see above")

    def enter(self, *command):
        """The command line that runs a command in the sandbox."""
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--", *command]

    def run(self, script, text=None):
        """Standard output of a shell script; raises CalledProcessError where a command of it fails."""
        return subprocess.run(self.enter("sh", "-ec", script), input=text, capture_output=True, text=True, check=True, timeout=60).stdout

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
