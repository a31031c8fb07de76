# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A playbook's run as its processes, on the controller and in nodes, so that any of them can be killed."""

import contextlib
import os
import signal
import subprocess
import time


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


class Process:
    """A process that is not mistaken for another one that gets its number later."""

    def __init__(self, pid):
        self.pid = pid
        self.started = self._stat()[1]

    def _stat(self):
        """(state, start time); the name before them may have blanks."""
        fields = read("/proc/%d/stat" % self.pid).rpartition(")")[2].split()
        return (fields[0], fields[19]) if fields else ("Z", None)

    def lives(self):
        state, started = self._stat()
        return state not in "ZX" and started == self.started

    def kill(self):
        if self.started and self.lives():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def holds_the_engines_lock(self):
        """An exclusive lock on a directory /run, which is the node's as the process sees it."""
        try:
            for name in os.listdir("/proc/%d/fd" % self.pid):
                if os.readlink("/proc/%d/fd/%s" % (self.pid, name)) == "/run" and "FLOCK" in read("/proc/%d/fdinfo/%s" % (self.pid, name)):
                    return True
        except OSError:
            pass
        return False

    def is_in(self, node_pid):
        """Whether it is in the namespaces of a node, whose PID 1 that is."""
        with contextlib.suppress(OSError):
            return os.readlink("/proc/%d/ns/net" % self.pid) == os.readlink("/proc/%d/ns/net" % node_pid)
        return False


def below(pid):
    """The processes that came of one, youngest last."""
    found = []
    for task in _listed("/proc/%d/task" % pid):
        for child in map(int, read("/proc/%d/task/%s/children" % (pid, task)).split()):
            found += [Process(child)] + below(child)
    return found


def _listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


class Run:
    """ansible-playbook at work. It leads a process group; its workers lead sessions of their own."""

    def __init__(self, lab, playbook, *options, log):
        with open(log, "w", encoding="utf-8") as output:
            self.main = subprocess.Popen(**lab.playbook_command(playbook, *options), start_new_session=True, stdout=output, stderr=output)

    def over(self):
        return self.main.poll() is not None

    def kill_controller(self):
        """What it has started on nodes goes on to its end, as it does where a controller loses power."""
        orphans = below(self.main.pid)
        os.killpg(self.main.pid, signal.SIGKILL)
        self.main.wait()
        wait_for(lambda: not any(orphan.lives() for orphan in orphans), "orphans of a run did not end")

    def kill_everything(self):
        """The controller and whatever it runs on nodes."""
        processes = below(self.main.pid)
        os.killpg(self.main.pid, signal.SIGKILL)
        for process in processes:
            process.kill()
        self.main.wait()
        wait_for(lambda: not any(process.lives() for process in processes), "killed processes did not end")

    def module_at_work(self, node_pid, applying=False, seconds=60):
        """The process on a node that holds the engine's lock, as soon as there is one; None where the run ended without one.

        With `applying` the one that has begun to change the node.
        """
        before, until = network(node_pid), time.monotonic() + seconds
        while time.monotonic() < until and not self.over():
            for process in below(self.main.pid):
                while process.is_in(node_pid) and process.holds_the_engines_lock():
                    if not applying or network(node_pid) != before:
                        return process
            time.sleep(0.002)
        return None

    def wait(self, seconds=120):
        try:
            return self.main.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            raise


def network(pid):
    """The links and IPv4 routes that a process sees: enough to know that they change, and read within a millisecond."""
    links = {line.partition(":")[0].strip() for line in read("/proc/%d/net/dev" % pid).splitlines()}
    return links, read("/proc/%d/net/route" % pid)


def wait_for(condition, otherwise, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("%s within %d s" % (otherwise, seconds))
