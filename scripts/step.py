# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""step.py TITLE COMMAND...: run a command, say what it is, how long it took, and that it still lives when it is silent.

The exit code is the command's own. Output passes through as it comes; after QUIET seconds without any, a line says so.
"""
import os
import select
import subprocess
import sys
import time

QUIET = 5.0


def say(text):
    sys.stdout.write("==> %s\n" % text)
    sys.stdout.flush()


def main():
    if len(sys.argv) < 3:
        sys.stderr.write(__doc__ + "\n")
        return 2
    title, command = sys.argv[1], sys.argv[2:]
    environment = dict(os.environ, PYTHONUNBUFFERED="1")
    if sys.stdout.isatty():
        # The command writes to a pipe and would leave its colours out.
        environment.update(ANSIBLE_FORCE_COLOR="1", PY_COLORS="1", FORCE_COLOR="1")
    started = time.monotonic()
    say(title)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    stream = child.stdout.fileno()
    at_line_start = True
    while True:
        readable = select.select([stream], [], [], QUIET)[0]
        if not readable:
            if not at_line_start:
                sys.stdout.write("\n")
                at_line_start = True
            say("%s: still at it after %d s" % (title, time.monotonic() - started))
            # A daemon left behind may hold the pipe open: the command itself decides when the step is over.
            if child.poll() is not None:
                break
            continue
        data = os.read(stream, 65536)
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        at_line_start = data.endswith(b"\n")
    code = child.wait()
    say("%s: %s in %.1f s" % (title, "done" if code == 0 else "FAILED (exit code %d)" % code, time.monotonic() - started))
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
