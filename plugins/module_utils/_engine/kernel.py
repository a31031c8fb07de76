# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way into the kernel: namespaces, one routing socket each, device numbers, sysctls and the stock tools.

Nothing here knows what a fabric is; the kinds read and write through it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import socket
import struct
import subprocess

from . import wire
from .errors import FabricError, OperationFailed

NETNS_DIR = "/run/netns"
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED, MNT_DETACH = 4096, 16384, 1 << 20, 2
IFLA_IFNAME = 3
NETNSA_NSID, NETNSA_FD = 1, 3
TOOL_SECONDS = 60
TAKEN_AWAY = "namespace %s was removed by something else on this node while the run was at work"

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (name, os.strerror(number)))


@contextlib.contextmanager
def lock():
    """One run at a time on a node. The lock is on the directory /run itself, so it leaves no file behind."""
    descriptor = os.open("/run", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _in_memory(text=""):
    """An open file of no folder, with a text to be read."""
    file = os.fdopen(os.memfd_create("clusternet"), "w+", encoding="utf-8", errors="surrogateescape")
    file.write(text)
    file.seek(0)
    return file


def _is_mount(path):
    """Whether something is mounted at a file of /run/netns: a namespace, that is."""
    try:
        return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    except OSError:
        return False  # it went while we looked


def _place_for_namespace(netns):
    """The file that a namespace is to be bound to; an empty one that a killed run of whoever left serves as well."""
    path = os.path.join(NETNS_DIR, netns)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
    except FileExistsError:
        if not is_leftover(netns):
            raise FabricError("something else on this node has made one of that name meanwhile") from None
    return path


def is_leftover(netns):
    """Whether the name stands for no namespace but an empty file, which is what a killed `ip netns add` leaves."""
    path = os.path.join(NETNS_DIR, netns)
    try:
        return os.path.isfile(path) and os.path.getsize(path) == 0 and not _is_mount(path)
    except OSError:
        return False  # it went while we looked


def drop_leftover(netns):
    if is_leftover(netns):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(NETNS_DIR, netns))


def _identity(path):
    """(of a file's path or descriptor) What tells a namespace from another of the same name, as long as a socket keeps the first one alive."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Kernel:
    """Handles on the namespaces of this machine. Use as a context manager: it closes what it opened."""

    def __init__(self):
        self._own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._sockets, self._indices, self._removed, self._identities = {}, {}, [], {}
        self._tools, self._shared = [], False
        self.gone = set()  # names of namespaces that somebody else took away while this handle worked in them
        self.made_files = []  # files with keys that were made through this handle
        self.new_sysctls = {}  # {(netns, key): value} that came with what was made through this handle
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:  # a socket for each namespace: a thousand pods pass the usual soft limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __enter__(self):
        return self

    def __exit__(self, *dummy):
        for tool in self._tools:
            if tool.poll() is None:  # nobody wants to know any more, or it did not end
                tool.kill()
                tool.wait()
        for netns in {netns for netns, dummy in self._sockets}:
            self.close(netns)
        for dummy, descriptor in self._removed:
            os.close(descriptor)
        os.close(self._own)

    # --- namespaces ---

    @staticmethod
    def namespaces():
        """Names under /run/netns that are namespaces (a killed `ip netns add` can leave a plain file)."""
        try:
            names = sorted(os.listdir(NETNS_DIR))
        except FileNotFoundError:
            return []
        return [name for name in names if _is_mount(os.path.join(NETNS_DIR, name))]

    def descriptor(self, netns):
        """A new descriptor of a namespace; the caller closes it. Raises FabricError where it is not there, or no more the one that it was."""
        known = self._identities.get(netns)
        try:
            path = os.path.join(NETNS_DIR, netns) if netns else "/proc/self/fd/%d" % self._own
            found = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise FabricError(
                TAKEN_AWAY % netns if known else
                "namespace %s does not exist under %s; create it first (netns section or module)" % (netns, NETNS_DIR)
            ) from None
        if known and _identity(found) != known:
            os.close(found)
            raise FabricError(TAKEN_AWAY % netns)
        return found

    @contextlib.contextmanager
    def inside(self, netns):
        """Run the block in the namespace. What is opened or started there stays in it."""
        if not netns:
            yield
            return
        descriptor = self.descriptor(netns)
        try:
            try:
                _call("setns", descriptor, CLONE_NEWNET)
            except OSError as error:
                raise FabricError("namespace %s: cannot be entered: %s" % (netns, error)) from None
            try:
                yield
            finally:
                _call("setns", self._own, CLONE_NEWNET)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def throwaway(self):
        """Run the block in a new namespace without a name, which goes when the block ends."""
        _call("unshare", CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", self._own, CLONE_NEWNET)

    def create_namespace(self, netns, request):
        """What `ip netns add` does (iproute2 ipnetns.c): a shared mount at /run/netns, and the namespace bound below it.

        `request` is a netlink message for the new namespace, sent before it gets its name: nobody sees it unmarked.
        """
        if not self._shared:
            self._share_folder()
        path = _place_for_namespace(netns)
        try:
            with self.throwaway():
                identity = _identity("/proc/thread-self/ns/net")
                new = wire.Socket()
                try:
                    new.send([request])
                    _call("mount", b"/proc/thread-self/ns/net", path.encode(), b"none", MS_BIND, None)
                except (FabricError, OSError):
                    new.close()
                    raise
        except (FabricError, OSError):
            os.unlink(path)
            raise
        self._sockets[netns, wire.NETLINK_ROUTE], self._identities[netns] = new, identity

    def _share_folder(self):
        """Once: it costs the more the more namespaces there are."""
        os.makedirs(NETNS_DIR, 0o755, exist_ok=True)
        try:
            _call("mount", b"", NETNS_DIR.encode(), b"none", MS_SHARED | MS_REC, None)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            _call("mount", NETNS_DIR.encode(), NETNS_DIR.encode(), b"none", MS_BIND | MS_REC, None)
            _call("mount", b"", NETNS_DIR.encode(), b"none", MS_SHARED | MS_REC, None)
        self._shared = True

    def remove_namespace(self, netns):
        """Take its name; it lives on until this handle is closed, so that `revive` can give the name back."""
        self._removed.append((netns, self.descriptor(netns)))
        self.close(netns)
        path = os.path.join(NETNS_DIR, netns)
        _call("umount2", path.encode(), MNT_DETACH)
        os.unlink(path)

    def revive(self):
        """Undo what remove_namespace did, with all that is in the namespaces, unless there is a new one of the name."""
        while self._removed:
            netns, descriptor = self._removed.pop()
            try:
                if netns not in self.namespaces():
                    _call("mount", b"/proc/self/fd/%d" % descriptor, _place_for_namespace(netns).encode(), b"none", MS_BIND, None)
            finally:
                os.close(descriptor)
            self.close(netns)

    def forget_gone(self):
        """Let go of namespaces whose name is gone or is another's now: a socket keeps one alive, and shows what nobody else can see."""
        for netns, identity in list(self._identities.items()):
            if _identity(os.path.join(NETNS_DIR, netns)) != identity:
                self.close(netns)
                self.gone.add(netns)

    # --- netlink ---

    def socket(self, netns, protocol=wire.NETLINK_ROUTE):
        if (netns, protocol) not in self._sockets:
            with self.inside(netns):
                if netns:
                    self._identities.setdefault(netns, _identity("/proc/thread-self/ns/net"))
                self._sockets[netns, protocol] = wire.Socket(protocol=protocol)
        return self._sockets[netns, protocol]

    @contextlib.contextmanager
    def listening(self, netns, groups):
        """A socket that hears what changes in a namespace while the block runs."""
        with self.inside(netns):
            events = wire.Socket(groups)
        try:
            yield events
        finally:
            events.close()

    def close(self, netns):
        for key in [key for key in self._sockets if key[0] == netns]:
            self._sockets.pop(key).close()
        self._indices.pop(netns, None)
        self._identities.pop(netns, None)

    def learn_indices(self, netns, indices):
        self._indices[netns] = indices

    def indices(self, netns):
        return self._indices.get(netns, {})

    def forget_indices(self):
        self._indices.clear()

    def index(self, netns, device):
        """The device's number, asked for anew after links were removed."""
        known = self._indices.setdefault(netns, {})
        if device not in known:
            body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + wire.text(IFLA_IFNAME, device) + wire.WITHOUT_COUNTERS
            answer = self.socket(netns).get(wire.RTM_GETLINK, body)
            if answer is None:
                raise OperationFailed("there is no device %s%s" % (device, " in namespace " + netns if netns else ""))
            known[device] = struct.unpack_from("=i", answer, 4)[0]
        return known[device]

    def nsid(self, netns, other):
        """The number by which namespace `netns` knows namespace `other`, or -1."""
        descriptor = self.descriptor(other)
        try:
            body = struct.pack("=Bxxx", socket.AF_UNSPEC) + wire.u32(NETNSA_FD, descriptor)
            answer = self.socket(netns).get(wire.RTM_GETNSID, body)
        finally:
            os.close(descriptor)
        if answer is None:
            return -1
        return struct.unpack("=i", wire.attributes(answer, 4)[NETNSA_NSID])[0]

    # --- files and tools ---

    def list_sysctls(self, netns, folder):
        """Names in a folder of sysctls."""
        try:
            with self.inside(netns):
                return sorted(os.listdir("/proc/sys/" + folder))
        except (FabricError, OSError):
            return []

    def read_sysctl(self, netns, key):
        """The value, fields parted by one blank, or None where this kernel has no such key."""
        try:
            with self.inside(netns), open("/proc/sys/" + key, encoding="ascii") as handle:
                return " ".join(handle.read().split())
        except OSError:
            return None  # missing, or there to be written only

    def write_sysctl(self, netns, key, value):
        try:
            with self.inside(netns), open("/proc/sys/" + key, "w", encoding="ascii") as handle:
                handle.write(value + "\n")
        except FileNotFoundError:
            raise OperationFailed("this kernel has no such key (is a module or a device of it missing?)") from None
        except OSError as error:
            raise OperationFailed(error.strerror or str(error)) from None

    def run(self, netns, command, stdin=None):
        """Output of a stock tool run in the namespace; its own words on failure."""
        return self.start(netns, command, stdin)()

    def start(self, netns, command, stdin=None):
        """The same, to be waited for: a function that does, and gives the output.

        What it reads and writes can be megabytes, and lies in memory: through pipes both sides would wait for one another.
        """
        given, said = _in_memory(stdin or ""), _in_memory()
        try:
            with self.inside(netns):
                tool = subprocess.Popen(command, stdin=given, stdout=said, stderr=subprocess.PIPE, text=True, env=dict(
                    os.environ, LC_ALL="C", PATH="/usr/sbin:/usr/bin:/sbin:/bin"))
        except FileNotFoundError:
            raise FabricError("%s is not installed on this node; install its package first" % command[0]) from None
        self._tools.append(tool)

        def wait():
            try:
                dummy, errors = tool.communicate(timeout=TOOL_SECONDS)
            except subprocess.TimeoutExpired:
                raise OperationFailed("%s did not end in %d s" % (command[0], TOOL_SECONDS)) from None
            with said:
                said.seek(0)
                output = said.read()
            if tool.returncode:
                words = [line for line in (errors or output).splitlines() if line and not line.startswith("Try `")]
                raise OperationFailed("%s: %s" % (command[0], "; ".join(words)))
            return output
        return wait
