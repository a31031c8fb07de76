# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node for the engine to work on: this very process in network and mount namespaces of its own.

In the process and not beside it, so that a node costs some milliseconds and a test can look into the engine. Nothing here
works outside of `node()`: every way to the kernel first makes sure that it does not stand in the host's namespace.
"""

import base64
import contextlib
import copy
import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import traceback

import snapshot as snapshots

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 16384, 1 << 18
COLLECTION = "ansible_collections.clusternet.fabric.plugins.module_utils._engine"

_libc = ctypes.CDLL(None, use_errno=True)
_HOME, _HOME_FILES = os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/mnt")

# The underlay: a node's device and its address. Its far end is what the device is a device for, no more.
UNDERLAY = """
ip link add name eth9 address 02:00:00:00:09:01 type veth peer name eth9p
ip link set eth9 up
ip link set eth9p up
ip address add 198.18.0.11/20 dev eth9
"""


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (name, os.strerror(number)))


def must_be_away():
    """Raise where this is not a node of a test."""
    if os.readlink("/proc/self/ns/net") == _HOME:
        raise RuntimeError("not in a node: the host's own network is not to be touched")


@contextlib.contextmanager
def node(setup=UNDERLAY):
    """Be a node with nothing on it but its underlay. Everything vanishes at the end, whatever happens in between."""
    homes = _places()
    folder = os.getcwd()
    try:
        _call("unshare", CLONE_NEWNET | CLONE_NEWNS)
        must_be_away()
        _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        _call("mount", b"tmpfs", b"/run", b"tmpfs", 0, None)
        os.mkdir("/run/netns")
        for place in ("default", "all"):
            # No DAD: what it brings late would show in a test that has nothing to do with it.
            pathlib.Path("/proc/sys/net/ipv6/conf/%s/accept_dad" % place).write_text("0", encoding="ascii")
        write_keys("/run/keys")
        sh("ip link set lo up\n" + setup)
        yield
    finally:
        _end_what_still_runs()
        _go(homes)
        os.chdir(folder)


@contextlib.contextmanager
def twin(setup=UNDERLAY):
    """A second node beside the one that this process is in; yields a function that is called to be there for a block."""
    must_be_away()
    places = []
    try:
        with node(setup):
            places += _places()
        yield lambda: _visit(places)
    finally:
        for descriptor, dummy in places:
            os.close(descriptor)


def _places(pid="self"):
    """The namespaces that a process is in: [(descriptor, flag)]."""
    return [(os.open("/proc/%s/ns/%s" % (pid, name), os.O_RDONLY), flag) for name, flag in (("net", CLONE_NEWNET), ("mnt", CLONE_NEWNS))]


def _go(places):
    """Be there for good; the descriptors are closed."""
    for descriptor, flag in places:
        _call("setns", descriptor, flag)
        os.close(descriptor)


@contextlib.contextmanager
def _visit(places):
    must_be_away()
    homes = _places()
    try:
        for descriptor, flag in places:
            _call("setns", descriptor, flag)
        must_be_away()
        yield
    finally:
        _go(homes)


def _end_what_still_runs():
    """What a test left running goes with its node, as it would with a machine."""
    here = os.readlink("/proc/self/ns/mnt")
    if here == _HOME_FILES:
        return
    for pid in [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
        with contextlib.suppress(OSError):
            if os.readlink("/proc/%d/ns/mnt" % pid) == here:
                os.kill(pid, signal.SIGKILL)


def write_keys(folder):
    """Files with keys, as they lie on a node before a document names them."""
    os.mkdir(folder, 0o700)
    for number in (1, 2, 3):
        path = pathlib.Path(folder, "wireguard%d" % number)
        path.write_text(base64.b64encode(bytes([number]) * 32).decode() + "\n", encoding="ascii")
        path.chmod(0o400)
        path = pathlib.Path(folder, "esp%d" % number)
        path.write_text("0x" + bytes([number] * 36).hex() + "\n", encoding="ascii")
        path.chmod(0o400)


def sh(script, check=True, text=None):
    """Standard output of a shell script that is run in the node."""
    must_be_away()
    done = subprocess.run(["sh", "-ec", script], input=text, capture_output=True, text=True, timeout=60, check=False)
    if check and done.returncode:
        raise AssertionError("%s\nended with %d: %s%s" % (script, done.returncode, done.stdout, done.stderr))
    return done.stdout


@contextlib.contextmanager
def inside(netns):
    """Be in a named namespace of the node."""
    must_be_away()
    back = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + netns, os.O_RDONLY)
    try:
        _call("setns", there, CLONE_NEWNET)
        yield
    finally:
        _call("setns", back, CLONE_NEWNET)
        os.close(there)
        os.close(back)


def names():
    """Namespaces under /run/netns; a file there that is none is part of the trace."""
    return sorted(os.listdir("/run/netns"))


def snapshot(sysctls=True, without=()):
    """What stock tools see in the node and in its named namespaces (tests/support/snapshot.py), and the files under /run.

    sysctls=False leaves /proc/sys/net out: two thousand files a namespace. `without` names other functions of the script to leave out.
    """
    must_be_away()
    kept = {name: getattr(snapshots, name) for name in tuple(without) + (() if sysctls else ("take_sysctls",))}
    for name in kept:
        setattr(snapshots, name, dict)
    try:
        found = snapshots.take(kernel=True, names=None)["namespaces"]
    finally:
        for name, function in kept.items():
            setattr(snapshots, name, function)
    return {"namespaces": found, "run": _files()}


def _files():
    found = {}
    for folder, folders, files in os.walk("/run"):
        folders[:] = [name for name in folders if name != "netns"]
        for name in files + folders:
            path = os.path.join(folder, name)
            if name != "xtables.lock":
                found[path] = pathlib.Path(path).read_text(encoding="utf-8") if os.path.isfile(path) else "folder"
    return found


def differences(before, after):
    """What differs between two snapshots, in words."""
    sides = copy.deepcopy([before, after])
    for side in sides:
        for namespace in side["namespaces"].values():
            if isinstance(namespace, dict):
                _forget_the_past(namespace)
    return snapshots.diff(*sides)[0]


def _forget_the_past(namespace):
    """Leave out what the kernel does of itself, sooner or later, and what says no more than what a device once was."""
    for link in namespace["links"].values():
        link.pop("permaddr", None)  # the MAC that it was born with
        if "UP" not in link["flags"]:
            link.pop("qdisc", None)  # whether it was ever up
    # A device gets its IPv6 link-local address some time after it first has a carrier.
    for name, addresses in list(namespace["addresses"].items()):
        namespace["addresses"][name] = [address for address in addresses if not address["local"].startswith("fe80::") or address["prefixlen"] != 64]
        if not namespace["addresses"][name]:
            del namespace["addresses"][name]
    namespace["routes"] = [route for route in namespace["routes"] if route.get("dst") != "fe80::/64" or route.get("protocol") not in (2, "2", "kernel")]


def same(before, sysctls=True):
    """Assert that the node is as in an earlier snapshot."""
    found = differences(before, snapshot(sysctls))
    assert not found, "\n".join(found)


# --- the engine ---------------------------------------------------------------------------------------------------

def _engine():
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine import engine

    return engine


def owner(name="blue", number=160):
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine.owner import Owner

    return Owner(name, number)


def parse(document, fabric=None):
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine.document import parse as parse_

    return parse_(copy.deepcopy(document), fabric or owner())


def apply(document, name="blue", number=160, **options):
    """A whole run, as the module `network` makes it."""
    must_be_away()
    fabric = owner(name, number)
    return _engine().apply(parse(document, fabric), fabric, **dict({"purge": True}, **options))


def settled(document, name="blue", number=160):
    """Assert that a second run has nothing to do."""
    again = apply(document, name, number)
    assert not again.changed, again.commands()
    return again


def note(document):
    """Write down what a run writes down of objects before it makes them for which there is no mark in the kernel."""
    from ansible_collections.clusternet.fabric.plugins.module_utils._engine.ledger import Ledger

    wanted = parse(document)
    Ledger().claim(owner().name, {}, {part: list(wanted[part]) for part in ("ipset", "xfrm_policy", "xfrm_state")})


def replay(commands):
    """The commands, as a person would run them."""
    sh("\n".join(commands))


# --- other processes ----------------------------------------------------------------------------------------------

def fork(function, where=None):
    """Run a function in a child process that shares the node, or is where a process is (its number): the child's. The caller waits for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if where is not None:
            _go(_places(where))
        must_be_away()
        function()
        code = 0
    except BaseException:  # the child must never come back into the test
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
