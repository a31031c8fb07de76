# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""machines.py FOLDER IMAGE SETTINGS: what each virtual machine has of its own, and the command that runs it.

FOLDER keeps the keys and, below machines/NAME-OF-THE-SET, a folder for each machine; IMAGE is a folder that image.py made.
SETTINGS is JSON: name (of the set), namespace (path), machines (name: {address, gateway, segment, mac, port}), memory, processors,
accelerator. A machine that has its disk keeps it, with the image that it was made from. Prints JSON: changed, processes (as module
lab takes them).
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import uuid

import cpio

HERE = pathlib.Path(__file__).resolve().parent
PROBE_LIMIT = 20  # seconds; a processor emulation that works starts a kernel in two
CONSOLE = 'console=ttyS0 panic=-1'
# Nobody attacks them, and under emulation mitigations only cost time.
BOOT = CONSOLE + ' quiet mitigations=off fsck.mode=skip systemd.show_status=0'
USER = 1000


def run(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60,
                          universal_newlines=True)
    if done.returncode:
        raise RuntimeError('%s: exit code %d: %s' % (' '.join(argv[:3]), done.returncode, done.stderr.strip()[-2000:]))


def make_keys(folder):
    """A key for the user and one for the machines, once for each checkout. Returns whether any was made."""
    made = False
    for name in ('key', 'host_key'):
        path = folder / name
        if not path.exists():
            run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'clusternet-vms', '-f', str(path)])
            made = True
    host = (folder / 'host_key.pub').read_text().split()
    (folder / 'known_hosts').write_text('clusternet-vm %s %s\n' % (host[0], host[1]))
    return made


def seconds_to_boot(image, options):
    """How long a kernel takes to its first program; None when it does not get there in time."""
    argv = ['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-m', '256', '-serial', 'stdio',
            '-kernel', str(image / 'kernel'), '-initrd', str(image / 'initrd'), '-append', CONSOLE + ' quiet clusternet.probe'] + options
    started = time.monotonic()
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=PROBE_LIMIT)
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - started if b'clusternet.probe: up' in done.stdout else None


def emulation(choice):
    return ['-accel', 'kvm', '-cpu', 'host'] if choice == 'kvm' else ['-accel', 'tcg,thread=multi', '-cpu', 'max']


def accelerator(folder, image, choice):
    """kvm or tcg. With `auto` both are tried, once for each boot of this machine: kvm may open and be slower, or never get anywhere."""
    if choice != 'auto':
        return choice
    if not os.access('/dev/kvm', os.R_OK | os.W_OK):
        return 'tcg'
    boot = pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    known = folder / 'accelerator.json'
    try:
        tried = json.loads(known.read_text())
        if tried['boot_id'] == boot:
            return tried['accelerator']
    except (OSError, ValueError, KeyError):
        pass
    seconds = dict((name, seconds_to_boot(image, emulation(name))) for name in ('tcg', 'kvm'))
    best = 'kvm' if seconds['kvm'] is not None and (seconds['tcg'] is None or seconds['kvm'] < seconds['tcg']) else 'tcg'
    known.write_text(json.dumps({'boot_id': boot, 'accelerator': best, 'seconds': seconds}) + '\n')
    return best


def seed(folder, name, link, group):
    """The files that make a machine itself: the initrd copies them at its first start."""
    archive = cpio.Archive()
    # A machine id that is there makes it no first boot, which would enable every unit that has a preset.
    archive.file('seed/etc/machine-id', (uuid.uuid5(uuid.NAMESPACE_DNS, '%s.%s.clusternet-vm' % (name, group)).hex + '\n').encode(), 0o444)
    archive.file('seed/etc/hostname', (name + '\n').encode())
    archive.file('seed/etc/hosts', ('127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n' % name).encode())
    archive.file('seed/etc/ssh/ssh_host_ed25519_key', (folder / 'host_key').read_bytes(), 0o600)
    archive.file('seed/etc/ssh/ssh_host_ed25519_key.pub', (folder / 'host_key.pub').read_bytes())
    archive.file('seed/etc/systemd/network/20-underlay.network', (
        '[Match]\nPermanentMACAddress=%(mac)s\n\n[Network]\nAddress=%(address)s\nGateway=%(gateway)s\nIPv6AcceptRA=no\n' % link).encode())
    archive.folder('seed/home')
    archive.folder('seed/home/debian', owner=USER)
    archive.folder('seed/home/debian/.ssh', 0o700, owner=USER)
    archive.file('seed/home/debian/.ssh/authorized_keys', (folder / 'key.pub').read_bytes(), 0o600, owner=USER)
    return archive.data()


def make_machine(folder, image, place, name, link, group):
    """The machine's folder: disk, initrd, kernel and the image it lies on. Returns whether it was made."""
    if (place / 'disk').exists():
        return False
    shutil.rmtree(str(place), ignore_errors=True)
    work = place.with_name(place.name + '.new')
    shutil.rmtree(str(work), ignore_errors=True)
    work.mkdir(mode=0o700, parents=True)
    descriptor = os.open(str(work / 'initrd'), os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, 'wb') as handle:
        handle.write((image / 'initrd').read_bytes() + seed(folder, name, link, group))
    (work / 'image').write_text(image.name + '\n')
    run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', str(image / 'disk'), '-F', 'raw', str(work / 'disk')])
    work.rename(place)
    return True


def command(place, images, name, link, settings, options):
    image = images / (place / 'image').read_text().strip()
    return [
        'env', 'BRIDGE=' + link['segment'],
        'qemu-system-x86_64', '-name', '%s-%s' % (settings['name'], name), '-nodefaults', '-no-user-config', '-display', 'none',
        '-machine', 'q35', '-smp', str(settings['processors']), '-m', str(settings['memory'])] + options + [
        '-kernel', str(image / 'kernel'), '-initrd', str(place / 'initrd'), '-append', BOOT + ' root=/dev/vda',
        '-serial', 'file:' + str(place / 'console.log'),
        '-qmp', 'unix:%s,server=on,wait=off' % (place / 'qmp'),
        # What QEMU has been given outlives it in this machine's memory, so a power cut takes no more without waiting for a real disk.
        '-drive', 'file=%s,format=qcow2,if=none,id=disk,cache=unsafe' % (place / 'disk'), '-device', 'virtio-blk-pci,drive=disk',
        # restrict: the machine cannot reach anything by this link, it is only reached.
        '-netdev', 'user,id=management,restrict=on,hostfwd=tcp:127.0.0.1:%d-10.0.2.15:22' % link['port'],
        '-device', 'virtio-net-pci,netdev=management,mac=52:54:00:a0:00:00,romfile=',
        '-netdev', 'tap,id=underlay,ifname=%s,script=%s,downscript=no' % (name, HERE / 'plug.sh'),
        '-device', 'virtio-net-pci,netdev=underlay,mac=%s,romfile=' % link['mac'],
    ]


def write_ssh_config(folder, settings):
    """What ssh needs to know to reach them: ssh -F FOLDER/NAME.ssh_config NAME-node1."""
    lines = []
    for name, link in settings['machines'].items():
        lines += ['Host %s-%s' % (settings['name'], name), '  Port %d' % link['port']]
    lines += [
        'Host *', '  HostName 127.0.0.1', '  HostKeyAlias clusternet-vm', '  User debian',
        '  IdentityFile "%s"' % (folder / 'key'), '  IdentitiesOnly yes', '  IdentityAgent none',
        '  UserKnownHostsFile "%s"' % (folder / 'known_hosts'), '  StrictHostKeyChecking yes',
        '  ProxyCommand "%s" "%s" "%s" %%p' % (sys.executable, HERE / 'connect.py', settings['namespace']), '  ProxyUseFdpass yes',
    ]
    (folder / (settings['name'] + '.ssh_config')).write_text('\n'.join(lines) + '\n')


def main():
    folder, image, settings = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), json.loads(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    changed = make_keys(folder)
    write_ssh_config(folder, settings)
    options = emulation(accelerator(folder, image, settings['accelerator']))
    processes = []
    for name, link in settings['machines'].items():
        place = folder / 'machines' / settings['name'] / name
        changed = make_machine(folder, image, place, name, link, settings['name']) or changed
        processes.append({'name': name, 'netns': 'switch', 'command': command(place, image.parent, name, link, settings, options)})
    print(json.dumps({'changed': changed, 'processes': processes}))


if __name__ == '__main__':
    try:
        main()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as exc:
        sys.exit('machines: %s' % exc)
