# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a machine, taken with stock tools, to prove that it is "as found". Shares no code with the engine.

    snapshot.py [take] [--kernel] [--netns NAME ...]   canonical JSON on standard output
    snapshot.py diff BEFORE.json AFTER.json            what differs, in words; exit code 1 where anything does

In a lab node:   scripts/lab-shell node1 -- python3 - < tests/support/snapshot.py

Taken, in the namespace it runs in and in every named one (or those of --netns; `--netns` alone: in none of them):
links with all their settings, addresses, routes of every table, next hops, rules, permanent and proxy neighbours,
static FDB and MDB entries, bridge VLANs, tables of iptables, ip6tables, arptables and ebtables (nft) and of the legacy
iptables where they are loaded, native nft rules where `nft` is installed, sets, XFRM states and policies, /proc/sys/net.
Without --kernel also: systemd's units, and the files under /etc, /var/lib and /run with type, mode, owner and content.

Not counted, and why:

- Numbers that the kernel hands out: ifindex, namespace ids, handles, a set's hash seed.
- What moves by itself: counters, timers, operational state and carrier, STP state, promiscuity, lifetimes, remaining
  timeouts, a set's hash size, conntrack, SA lifetimes and sequence numbers.
- What is learned: FDB and MDB entries, neighbours that are not permanent, cached routes and socket policies.
- The key of TCP Fast Open, which the kernel makes for the first program that listens with it, such as dnsmasq (net/ipv4/tcp_fastopen.c), and keeps.
- What nobody can set and follows from history: what a device can do with large packets is that of the ports it once had, or of
  the device below when it was made (netif_inherit_tso_max, br_set_gso_limits).
- What follows from something that is taken: the routes the kernel puts in table local (from addresses; for IPv6 they
  come when DAD has ended), a bridge's ids (from its MAC), multicast MACs in the FDB of a device (from joined groups).
- A base chain that is empty with policy ACCEPT, and a table that holds nothing else: what a tool makes by looking.
- Packages stay after a teardown. They are listed, not compared; nor are the files and units that came with a package.
- State of the package manager, of systemd and of the login machinery (VOLATILE, below), the iptables lock, and which
  services systemd started on demand or by a timer. A PID file's content.
- An empty /run/netns, with its mount: `ip netns add` makes it and nothing takes it away.
- Files of more than 4 MiB count with their size instead of their content.

Keys of SAs are hashed: a snapshot holds no secret of theirs, and shows that one changed.
"""
import argparse
import ctypes
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

NETNS_FOLDER = "/run/netns"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
LARGE = 4 * 1024 * 1024
TREES = ("/etc", "/var/lib", "/run")
VOLATILE = re.compile(
    r"""^(
      /etc/(ld\.so\.cache|mtab|\.pwd\.lock|adjtime)
    | /var/lib/(apt|dpkg|ucf|systemd|logrotate|private|man-db|PackageKit|update-notifier|command-not-found)
    | /var/lib/(dhcp|dhcpcd|chrony|NetworkManager/timestamps|NetworkManager/.*\.lease)
    # What /run/systemd/system and /run/systemd/network say is configuration; the rest is systemd's own book-keeping.
    | /run/systemd/(?!(system|network)(/|$)).*
    | /run/(log|udev|user|dbus|mount|utmp|credentials|host|initctl|shm|sudo|screen|motd\.d|motd\.dynamic|blkid)
    | /run/(xtables\.lock|ebtables\.lock|netns|agetty\.reload|cron\.reboot|lock/subsys)
    )(/|$)""",
    re.VERBOSE,
)
# Started on demand or by a timer, and stopping by themselves; sessions and devices come and go.
FLEETING_UNITS = re.compile(
    r"""\.(scope|slice|device)$ | ^(session-|user[@-]|run-user-|run-credentials|run-netns|getty@|dev-|sys-)
    | ^(apt-daily|dpkg-db-backup|logrotate|man-db|e2scrub|fstrim|phpsessionclean|motd-news|update-notifier)
    | ^systemd-(tmpfiles-clean|hostnamed|timedated|localed|ask-password|update-utmp|journal|random-seed|networkd-wait)
    | ^(systemd-exit|initrd|emergency|rescue|shutdown|reboot|poweroff|halt|umount|final|sleep|suspend|hibernate)""",
    re.VERBOSE,
)

notes = []


class Failure(Exception):
    """The snapshot cannot be taken; the text says why."""


def run(*command, **options):
    """The command's output, or None where the tool is missing or the kernel lacks what it asks for."""
    if shutil.which(command[0]) is None:
        note = "%s is not installed: not looked at" % command[0]
        if note not in notes:
            notes.append(note)
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, check=False, **options)
    return done.stdout if done.returncode == 0 else None


def run_json(*command):
    text = run(*command)
    return json.loads(text) if text and text.strip() else []


def canonical(items):
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def without(item, *keys):
    return {key: value for key, value in item.items() if key not in keys}


# ---- one namespace ---------------------------------------------------------------------------------------------------

LINK_VOLATILE = (
    "ifindex", "operstate", "promiscuity", "allmulti", "stats64", "stats", "addr_info", "link_netnsid", "linkmode",
    "ifname", "carrier_changes", "carrier_up_count", "carrier_down_count", "tso_max_size", "tso_max_segs",
)  # fmt: skip
INFO_VOLATILE = (
    "hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "topology_change", "topology_change_detected",
    "bridge_id", "root_id", "root_port", "root_path_cost", "state", "id", "no", "designated_port", "designated_cost",
    "designated_bridge", "designated_root", "hold_timer", "message_age_timer", "forward_delay_timer",
    "topology_change_ack", "config_pending", "mcast_n_groups", "fdb_n_learned", "backup_nhid",
)  # fmt: skip
FLAGS_VOLATILE = ("LOWER_UP", "NO-CARRIER", "DORMANT", "RUNNING")


def take_links():
    found = {}
    for link in run_json("ip", "-N", "-j", "-d", "link", "show"):
        record = without(link, *LINK_VOLATILE)
        record["flags"] = sorted(flag for flag in link.get("flags", []) if flag not in FLAGS_VOLATILE)
        if "link_index" in record:
            # The other end lies in another namespace, where the number counts.
            del record["link_index"]
            record["link"] = "in another namespace"
        info = record.get("linkinfo")
        if info:
            info = record["linkinfo"] = dict(info)
            if "info_slave_data" in info:
                info["info_slave_data"] = without(info["info_slave_data"], *INFO_VOLATILE)
            if info.get("info_kind") == "bridge":
                info["info_data"] = without(info.get("info_data", {}), *INFO_VOLATILE)
        found[link["ifname"]] = record
    return found


def take_addresses():
    found = {}
    for link in run_json("ip", "-N", "-j", "-d", "addr", "show"):
        records = []
        for address in link.get("addr_info", []):
            # Of the IPv4 addresses the first of a prefix is the primary one: their order is state. IPv6's is not.
            record = without(address, "valid_life_time", "preferred_life_time", "tentative", "deprecated", "optimistic")
            if address.get("valid_life_time", 2**32 - 1) != 2**32 - 1:
                record["limited"] = True
            records.append(record)
        if records:
            found[link["ifname"]] = [record for record in records if record["family"] == "inet"] + canonical(
                record for record in records if record["family"] != "inet"
            )
    return found


def take_routes():
    found = []
    for family in ("-4", "-6"):
        for route in run_json("ip", "-N", family, "-j", "-d", "route", "show", "table", "all"):
            # The tool names the tables it has names for even when asked for numbers.
            if str(route.get("table")) in ("255", "local") and str(route.get("protocol")) in ("2", "kernel"):
                continue
            record = without(route, "expires", "used", "cache", "error", "age", "pref")
            record["family"] = "inet" if family == "-4" else "inet6"
            record["flags"] = [flag for flag in route.get("flags", []) if flag not in ("linkdown", "dead", "offload")]
            for hop in record.get("nexthops", []):
                hop["flags"] = [flag for flag in hop.get("flags", []) if flag not in ("linkdown", "dead", "offload")]
            found.append(record)
    return canonical(found)


def take_rules():
    found = []
    for family in ("-4", "-6"):
        found += [dict(rule, family=family) for rule in run_json("ip", "-N", family, "-j", "-d", "rule", "show")]
    return canonical(found)


def take_neighbours():
    found = []
    for family in ("-4", "-6"):
        for neighbour in run_json("ip", "-N", family, "-j", "-d", "neigh", "show", "nud", "all"):
            if "PERMANENT" in neighbour.get("state", []) or "extern_learn" in neighbour or "managed" in neighbour:
                found.append(neighbour)
        found += run_json("ip", "-N", family, "-j", "-d", "neigh", "show", "proxy")
    return canonical(found)


def take_fdb():
    found = []
    for entry in run_json("bridge", "-j", "-d", "fdb", "show"):
        multicast = entry.get("mac", "").startswith(("33:33:", "01:00:5e:"))
        # Learned entries have none, and "stale" once their time is over.
        if entry.get("state") in (None, "", "stale") or (multicast and "self" in entry.get("flags", []) and "dst" not in entry):
            continue
        found.append(without(entry, "ifindex", "used", "updated", "link_netnsid", "linkNetNsId"))
    return canonical(found)


def take_vlans():
    return {block["ifname"]: block["vlans"] for block in run_json("bridge", "-j", "vlan", "show")}


def take_mdb():
    found = []
    for block in run_json("bridge", "-j", "-d", "mdb", "show"):
        found += [without(entry, "index", "timer") for entry in block.get("mdb", []) if entry.get("state") == "permanent"]
    return canonical(found)


def parse_save(text):
    """`*tables-save` text as {table: {chain: {"policy": ..., "rules": [...]}}}, without what is empty and accepts."""
    tables, table = {}, None
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#") or line == "COMMIT":
            continue
        if line.startswith("*"):
            table = tables.setdefault(line[1:], {})
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            table.setdefault(name, {"policy": policy, "rules": []})
        else:
            rule = re.sub(r"^\[\d+:\d+\] ", "", line)
            rule = re.sub(r" -c \d+ \d+", "", rule)
            chain = rule.split()[1]
            table.setdefault(chain, {"policy": "-", "rules": []})["rules"].append(rule)
    found = {}
    for name, chains in tables.items():
        kept = {chain: what for chain, what in chains.items() if what["rules"] or what["policy"] not in ("ACCEPT",)}
        if kept:
            found[name] = kept
    return found


def take_tables():
    found = {}
    for tool in ("iptables-nft-save", "ip6tables-nft-save", "arptables-nft-save", "ebtables-nft-save"):
        text = run(tool)
        if text:
            found[tool[: -len("-save")]] = parse_save(text)
    for tool, loaded in (("iptables", "/proc/net/ip_tables_names"), ("ip6tables", "/proc/net/ip6_tables_names")):
        try:
            with open(loaded, encoding="ascii") as stream:
                names = stream.read().split()
        except OSError:
            continue
        tables = {}
        for name in names:
            tables.update(parse_save(run(tool + "-legacy-save", "-t", name) or ""))
        found[tool + "-legacy"] = tables
    return {tool: tables for tool, tables in found.items() if tables}


def parse_nft(objects):
    """`nft -j list ruleset` as {table: [...]}, without handles, counters, and what is empty and accepts."""
    found = {}
    for item in objects:
        for kind, what in item.items():
            if kind in ("metainfo", "table"):
                continue
            if kind == "chain" and what.get("policy", "accept") == "accept" and "hook" in what:
                continue
            record = without(what, "handle", "family", "table")
            for expression in record.get("expr", []):
                if isinstance(expression, dict) and isinstance(expression.get("counter"), dict):
                    expression["counter"] = None
            if kind in ("counter", "quota"):
                record = without(record, "packets", "bytes", "used")
            found.setdefault("%s %s" % (what.get("family"), what.get("table")), []).append({kind: record})
    return found


def take_nft():
    # What iptables put there is in take_tables already, in its own words: only tables of other names are native.
    found = run_json("nft", "-j", "list", "ruleset") if shutil.which("nft") else {}
    tables = parse_nft(found.get("nftables", []) if found else [])
    compatible = re.compile(r"^(ip|ip6|arp|bridge) (filter|nat|mangle|raw|security|broute)$")
    return {
        name: what
        for name, what in tables.items()
        if not (compatible.match(name) and any("xt" in str(item) for item in what))
    }


def take_sets():
    found = {}
    for line in (run("ipset", "save") or "").splitlines():
        words = line.split()
        if words[:1] == ["create"]:
            head = re.sub(r" (hashsize|initval) \S+", "", " ".join(words[2:]))
            found[words[1]] = {"create": head, "members": []}
        elif words[:1] == ["add"]:
            member = re.sub(r" (timeout|packets|bytes) \d+", "", " ".join(words[2:]))
            found[words[1]]["members"].append(member)
    for content in found.values():
        if not content["create"].startswith("list:set"):
            content["members"].sort()
    return found


def hidden_key(match):
    return "%s key-%s" % (match.group(1), hashlib.sha256(match.group(2).encode()).hexdigest()[:16])


def parse_xfrm(text):
    """`ip xfrm state` or `policy` as one string for each record."""
    records = []
    for line in text.splitlines():
        if not line[:1].isspace():
            records.append([])
        elif re.match(r"\s*(anti-replay|seq |oseq|lifetime|lastused|add |use |current|stats|replay-window \d+ replay )", line):
            continue
        line = re.sub(r"((?:auth-trunc|auth|enc|aead|comp) \S+) (0x[0-9a-fA-F]+)", hidden_key, line)
        records[-1].append(" ".join(line.split()))
    return sorted("; ".join(lines) for lines in records if not any(line.startswith("socket ") for line in lines))


def take_xfrm():
    return {what: parse_xfrm(run("ip", "xfrm", what) or "") for what in ("state", "policy")}


def take_wireguard():
    """Each device and peer without what comes and goes by itself, and with its secret keys hashed."""
    found = []
    for line in (run("wg", "show", "all", "dump") or "").splitlines() if shutil.which("wg") else ():
        words = line.split("\t")
        secret = 1 if len(words) == 5 else 2
        words[secret] = hashlib.sha256(words[secret].encode()).hexdigest()[:16]
        found.append(" ".join(words if len(words) == 5 else words[:5] + words[8:]))
    return sorted(found)


SYSCTL_VOLATILE = re.compile(r"(nf_conntrack_count|/route/flush|nf_log/.*|tcp_available_.*|tcp_allowed_.*|tcp_fastopen_key|rss_key)$")


def take_sysctls():
    found = {}
    for folder, _folders, names in os.walk("/proc/sys/net"):
        for name in names:
            path = os.path.join(folder, name)
            key = path[len("/proc/sys/") :]
            if SYSCTL_VOLATILE.search(key):
                continue
            try:
                with open(path, encoding="utf-8", errors="replace") as stream:
                    value = stream.read().strip()
            except OSError:
                # Write-only, or not set yet.
                continue
            if name == "stable_secret":
                value = "hashed " + hashlib.sha256(value.encode()).hexdigest()[:16]
            found[key] = " ".join(value.split())
    return found


def take_namespace():
    return {
        "links": take_links(),
        "addresses": take_addresses(),
        "routes": take_routes(),
        "nexthops": canonical(run_json("ip", "-N", "-j", "-d", "nexthop", "show")),
        "rules": take_rules(),
        "neighbours": take_neighbours(),
        "fdb": take_fdb(),
        "mdb": take_mdb(),
        "vlans": take_vlans(),
        "tables": take_tables(),
        "nft": take_nft(),
        "sets": take_sets(),
        "xfrm": take_xfrm(),
        "wireguard": take_wireguard(),
        "sysctls": take_sysctls(),
    }


def enter(namespace):
    if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace.name)


def take_other_namespace(name):
    with open("/proc/thread-self/ns/net", "rb") as own:
        try:
            with open(os.path.join(NETNS_FOLDER, name), "rb") as other:
                enter(other)
        except OSError as error:
            # A file that `ip netns add` left when it was killed, or a mount that is gone.
            return {"unreadable": error.strerror}
        try:
            return take_namespace()
        finally:
            enter(own)


def named_namespaces():
    try:
        return sorted(os.listdir(NETNS_FOLDER))
    except OSError:
        return []


# ---- units and files -------------------------------------------------------------------------------------------------


def package_files():
    """{path: package} of the files under TREES and of unit files, from dpkg's own lists."""
    found = {}
    folder = "/var/lib/dpkg/info"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        if not name.endswith(".list"):
            continue
        package = name[: -len(".list")].split(":")[0]
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
            for line in stream:
                path = line.rstrip("\n")
                if path.startswith(TREES) or "/systemd/system/" in path:
                    found[path] = package
    return found


def take_packages():
    text = run("dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\n") or ""
    return {words[0]: words[1] for words in map(str.split, text.splitlines()) if words[2:] == ["installed"]}


def take_units(owners):
    if not os.path.isdir("/run/systemd/system"):
        return {}
    packaged = {os.path.basename(path): package for path, package in owners.items() if "/systemd/system/" in path}
    found = {}
    for unit in json.loads(run("systemctl", "list-unit-files", "--output=json", "--no-pager") or "[]"):
        if not FLEETING_UNITS.search(unit["unit_file"]) and unit["state"] != "transient":
            found[unit["unit_file"]] = {"file": unit["state"]}
    for unit in json.loads(run("systemctl", "list-units", "--all", "--output=json", "--no-pager") or "[]"):
        if FLEETING_UNITS.search(unit["unit"]) or unit["active"] == "inactive":
            continue
        # "activating" and the like pass; what stays is that it is wanted running, or that it failed.
        found.setdefault(unit["unit"], {})["active"] = "failed" if unit["active"] == "failed" else "active"
    for name, record in found.items():
        if name in packaged:
            record["package"] = packaged[name]
    return found


def take_file(path, status):
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"), (stat.S_ISSOCK, "socket"))
    kind = next((word for test, word in kinds if test(status.st_mode)), "special")
    record = {"type": kind, "owner": "%d:%d" % (status.st_uid, status.st_gid)}
    if kind != "link":
        record["mode"] = "%04o" % stat.S_IMODE(status.st_mode)
    if kind == "link":
        record["content"] = os.readlink(path)
    elif kind == "file" and status.st_size > LARGE:
        record["content"] = "%d bytes" % status.st_size
    elif kind == "file" and not path.endswith(".pid"):
        with open(path, "rb") as stream:
            record["content"] = hashlib.sha256(stream.read()).hexdigest()
    return record


def take_files(owners):
    found = {}
    for tree in TREES:
        for folder, folders, names in os.walk(tree):
            folders[:] = [name for name in folders if not VOLATILE.match(os.path.join(folder, name))]
            for name in names + folders:
                path = os.path.join(folder, name)
                if VOLATILE.match(path):
                    continue
                try:
                    found[path] = take_file(path, os.lstat(path))
                except OSError:
                    # Gone between the listing and the look.
                    continue
                if path in owners:
                    found[path]["package"] = owners[path]
    return found


def take(kernel, names):
    if shutil.which("ip") is None:
        raise Failure("ip is not installed: install iproute2")
    snapshot = {"namespaces": {"": take_namespace()}}
    for name in named_namespaces() if names is None else names:
        snapshot["namespaces"][name] = take_other_namespace(name)
    if not kernel:
        owners = package_files()
        snapshot["packages"] = take_packages()
        snapshot["units"] = take_units(owners)
        snapshot["files"] = take_files(owners)
    return snapshot


# ---- diff ------------------------------------------------------------------------------------------------------------


def words(value):
    """A value as a person writes it down, short."""
    if isinstance(value, dict):
        return " ".join("%s=%s" % (key, words(value[key])) for key in sorted(value) if value[key] not in ([], {}, ""))
    if isinstance(value, list):
        return "[" + ", ".join(words(item) for item in value) + "]"
    return str(value)


def compare(path, before, after):
    """Lines that say how `after` differs from `before`."""
    if before == after:
        return []
    where = " / ".join(path)
    if isinstance(before, dict) and isinstance(after, dict):
        lines = []
        for key in sorted(set(before) | set(after)):
            inner = path + [key or "(own namespace)"]
            if key not in before:
                lines.append("%s: added: %s" % (" / ".join(inner), words(after[key])[:400]))
            elif key not in after:
                lines.append("%s: gone: %s" % (" / ".join(inner), words(before[key])[:400]))
            else:
                lines += compare(inner, before[key], after[key])
        return lines
    if isinstance(before, list) and isinstance(after, list):
        rest = list(after)
        gone = []
        for item in before:
            if item in rest:
                rest.remove(item)
            else:
                gone.append(item)
        lines = ["%s: gone: %s" % (where, words(item)) for item in gone]
        lines += ["%s: added: %s" % (where, words(item)) for item in rest]
        return lines or ["%s: the order changed" % where]
    return ["%s: %s -> %s" % (where, words(before), words(after))]


def prune(before, after):
    """Take out what is said elsewhere already, or belongs to a package that came in between."""
    for name in set(before.get("namespaces", {})) & set(after.get("namespaces", {})):
        pair = [side["namespaces"][name] for side in (before, after)]
        devices = set(pair[0].get("links", {})) ^ set(pair[1].get("links", {}))
        for side in pair:
            sysctls = side.get("sysctls", {})
            for key in [key for key in sysctls if device_of(key) in devices]:
                del sysctls[key]
    fresh = set(after.get("packages", {})) - set(before.get("packages", {}))
    for section in ("units", "files"):
        had, has = before.get(section, {}), after.get(section, {})
        for key in [key for key in has if key not in had and has[key].get("package") in fresh]:
            del has[key]
        for record in list(had.values()) + list(has.values()):
            record.pop("package", None)
    return sorted(fresh)


def device_of(key):
    parts = key.split("/")
    return parts[3] if len(parts) > 4 and parts[2] in ("conf", "neigh") else None


def diff(before, after):
    """(lines that say what differs, packages that came in between); the arguments are used up."""
    fresh = prune(before, after)
    if "files" not in before or "files" not in after:
        for side in (before, after):
            for section in ("units", "files"):
                side.pop(section, None)
    before.pop("packages", None)
    after.pop("packages", None)
    return compare([], before, after), fresh


def load(path):
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError) as error:
        raise Failure("%s is no snapshot: %s" % (path, error))


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what")
    taking = kinds.add_parser("take", help="print a snapshot (what it does when nothing is said)")
    taking.add_argument("--kernel", action="store_true", help="leave out files, units and packages")
    taking.add_argument("--netns", nargs="*", metavar="NAME", help="only these named namespaces, instead of all")
    comparing = kinds.add_parser("diff", help="say what differs between two")
    comparing.add_argument("before")
    comparing.add_argument("after")
    if not argv or argv[0] in ("--kernel", "--netns"):
        argv = ["take"] + argv
    return parser.parse_args(argv)


def main(argv):
    arguments = parse_arguments(argv)
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
    os.environ["LC_ALL"] = "C"
    if arguments.what == "diff":
        lines, fresh = diff(load(arguments.before), load(arguments.after))
        for line in lines:
            print(line)
        if fresh:
            print("packages that came in between, not counted: %s" % " ".join(fresh), file=sys.stderr)
        return 1 if lines else 0
    json.dump(take(arguments.kernel, arguments.netns), sys.stdout, sort_keys=True, indent=1)
    print()
    for note in notes:
        print("snapshot: " + note, file=sys.stderr)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        print("snapshot: %s" % failure, file=sys.stderr)
        sys.exit(2)
