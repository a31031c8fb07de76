# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""step.py [--label LABEL] TITLE COMMAND...: run a command, say what it is, how long it took, and that it still lives when it is silent.

The exit code is the command's own. Output passes through as it comes; after QUIET seconds without any, a line says so.
With a label, which is for steps that run side by side, it passes through by whole lines, each with the label before it.
"""
import os
import select
import subprocess
import sys
import time

QUIET = 5.0


class Output:
    """Where the command's output and what is said about it go."""

    def __init__(self, label):
        self.prefix = (label + " | ").encode() if label else b""
        self.line = b""  # begun, and with a label not yet shown

    def write(self, data):
        if self.prefix:
            *lines, self.line = (self.line + data).split(b"\n")
            data = b"".join(self.prefix + line + b"\n" for line in lines)
        else:
            self.line = data.rpartition(b"\n")[2]
        # One write of whole lines, so that those of another step do not come between.
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    def say(self, text):
        self.write((b"\n" if self.line else b"") + ("==> %s\n" % text).encode())


def main():
    arguments = sys.argv[1:]
    label = ""
    if arguments[:1] == ["--label"]:
        label, arguments = arguments[1], arguments[2:]
    if len(arguments) < 2:
        sys.stderr.write(__doc__ + "\n")
        return 2
    title, command = arguments[0], arguments[1:]
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    if sys.stdout.isatty():
        # The command writes to a pipe and would leave its colours out.
        environment.update(ANSIBLE_FORCE_COLOR="1", PY_COLORS="1", FORCE_COLOR="1")
    started = time.monotonic()
    output = Output(label)
    output.say(title)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    stream = child.stdout.fileno()
    while True:
        readable = select.select([stream], [], [], QUIET)[0]
        if not readable:
            output.say("%s: still at it after %d s" % (title, time.monotonic() - started))
            # A daemon left behind may hold the pipe open: the command itself decides when the step is over.
            if child.poll() is not None:
                break
            continue
        data = os.read(stream, 65536)
        if not data:
            break
        output.write(data)
    code = child.wait()
    output.say("%s: %s in %.1f s" % (title, "done" if code == 0 else "FAILED (exit code %d)" % code, time.monotonic() - started))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
