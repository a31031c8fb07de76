# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""image.py CACHE SETTINGS: the disk image that all machines start from, with its kernel and initrd.

SETTINGS is JSON: suite, packages (in the image), offline (packages that apt can install there without a network), size.
The image lies in a folder called after the hash of all that goes into it, and is built where that folder is missing. Prints
JSON: changed, folder. Needs root, mmdebstrap, e2fsprogs and a network that reaches what this machine's apt uses.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import cpio

HERE = pathlib.Path(__file__).resolve().parent
# What the root file system needs, and the network, so that no unit has to wait for it.
MODULES = ('virtio_pci', 'virtio_blk', 'virtio_net', 'ext4')
KEPT = 2  # images: those of two branches are not built anew at each change of branch

# Nothing reads documentation in a machine of minutes, and unpacking it takes long.
EXCLUDED = ('/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*', '/usr/share/lintian/*')

MASKED = (
    'apt-daily.timer', 'apt-daily-upgrade.timer', 'dpkg-db-backup.timer', 'e2scrub_all.timer', 'e2scrub_reap.service',
    'fstrim.timer', 'getty@tty1.service', 'serial-getty@ttyS0.service', 'modprobe@configfs.service', 'modprobe@dm_mod.service',
    'modprobe@drm.service', 'modprobe@efi_pstore.service', 'modprobe@fuse.service', 'modprobe@loop.service', 'systemd-network-generator.service',
    'systemd-networkd-wait-online.service', 'systemd-pstore.service', 'dev-hugepages.mount',
    'dev-mqueue.mount', 'sys-fs-fuse-connections.mount', 'sys-kernel-config.mount', 'sys-kernel-debug.mount',
    'sys-kernel-tracing.mount', 'proc-sys-fs-binfmt_misc.automount', 'systemd-update-utmp.service',
    'systemd-update-utmp-runlevel.service', 'systemd-machine-id-commit.service', 'systemd-boot-system-token.service',
    'systemd-firstboot.service', 'systemd-hwdb-update.service', 'ldconfig.service', 'systemd-journal-catalog-update.service',
    'systemd-update-done.service',
)

FILES = {
    'etc/apt/sources.list': '',
    'etc/apt/sources.list.d/packages.list': 'deb [trusted=yes] file:/var/local/packages ./\n',
    'etc/fstab': '/dev/vda / ext4 defaults 0 0\n',
    'etc/hosts': '127.0.0.1 localhost\n',
    'etc/resolv.conf': '',
    'etc/ssh/sshd_config.d/machine.conf': 'PermitRootLogin no\nPasswordAuthentication no\nUseDNS no\nHostKey /etc/ssh/ssh_host_ed25519_key\n',
    'etc/sudoers.d/debian': 'debian ALL=(ALL) NOPASSWD: ALL\n',
    # The management link leads to this machine alone; every machine has the same address there.
    'etc/systemd/network/10-management.network':
        '[Match]\nPermanentMACAddress=52:54:00:a0:00:00\n\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n',
}


def run(argv, **more):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=1800,
                          universal_newlines=True, **more)
    if done.returncode:
        raise RuntimeError('%s: exit code %d: %s' % (' '.join(argv[:4]), done.returncode, done.stderr.strip()[-2000:]))
    return done.stdout


def sources(suite):
    """Lines for apt: where this machine's own apt finds the suite."""
    form = '$(ORIGIN)|$(CODENAME)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)'
    found = set()
    for line in run(['apt-get', 'indextargets', '--format', form, 'Created-By: Packages']).splitlines():
        origin, codename, entry = line.split('|', 2)
        if origin == 'Debian' and codename.split('-')[0] == suite and codename.split('-')[1:] in ([], ['updates'], ['security']):
            found.add(entry)
    if not found:
        raise RuntimeError('this machine\'s apt knows no Debian %s: add it to its sources, run apt-get update, or choose another suite' % suite)
    return sorted(found)


def apt_options():
    """This machine's ways to its package mirror: proxies, and what it believes of dates."""
    lines = run(['apt-config', 'dump', 'Acquire']).splitlines()
    return [line for line in lines if line.startswith(('Acquire::http', 'Acquire::https', 'Acquire::Check-')) and '""' not in line]


def key(settings, entries):
    digest = hashlib.sha256(json.dumps([settings, entries], sort_keys=True).encode())
    for name in ('image.py', 'cpio.py', 'init.sh'):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def bootstrap(root, settings, entries, debs):
    """A Debian root file system below root, and what apt may install there later in debs."""
    listing = root.parent / 'sources.list'
    listing.write_text('\n'.join(entries) + '\n')
    download = ('APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes --no-install-recommends --download-only -o Dir::Cache::archives=%s install %s'
                % (debs, ' '.join(settings['offline'])))
    command = ['mmdebstrap', '--variant=essential', '--mode=root', '--format=directory', '--include=' + ','.join(settings['packages'])]
    command += ['--aptopt=' + option for option in apt_options()]
    command += ['--dpkgopt=path-exclude=' + pattern for pattern in EXCLUDED]
    if settings['offline']:
        (debs / 'partial').mkdir(parents=True)
        command.append('--customize-hook=' + download)
    # The kernel package would make an initrd of its own, 30 MB that nobody starts.
    run(command + [settings['suite'], str(root), str(listing)], env=dict(os.environ, INITRD='No'))


def repository(root, debs):
    """A flat apt repository of the downloaded packages inside the image."""
    place = root / 'var/local/packages'
    place.mkdir(parents=True)
    index = []
    for path in sorted(debs.glob('*.deb')):
        content = path.read_bytes()
        index.append('%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n' % (
            run(['dpkg-deb', '--field', str(path)]).strip(), path.name, len(content), hashlib.sha256(content).hexdigest()))
        shutil.move(str(path), str(place / path.name))
    (place / 'Packages').write_text('\n'.join(index))


def configure(root):
    # Those that it was built from: without a network, apt would wait for each of them.
    for path in (root / 'etc/apt/sources.list.d').iterdir():
        path.unlink()
    for name, content in FILES.items():
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / 'etc/sudoers.d/debian').chmod(0o440)
    for path in (root / 'etc/ssh').glob('ssh_host_*'):
        path.unlink()
    for path in (root / 'etc/apt/apt.conf.d').glob('99mmdebstrap'):
        path.unlink()
    run(['chroot', str(root), 'useradd', '--create-home', '--shell', '/bin/bash', '--uid', '1000', 'debian'])
    for unit in MASKED:
        target = root / 'etc/systemd/system' / unit
        target.unlink(missing_ok=True)
        target.symlink_to('/dev/null')
    run(['systemctl', '--root', str(root), 'enable', 'systemd-networkd.service', 'ssh.service'])
    # Or each first start would look through /usr and /var for what to rebuild.
    for name in ('etc/.updated', 'var/.updated'):
        (root / name).touch()
    # Who a machine is, its keys included, comes with the machine.
    (root / 'etc/machine-id').write_text('')


def module_order(modules, wanted):
    """Files of the modules, each after those it needs. What is built in has none."""
    needs, by_name, order = {}, {}, []
    for line in (modules / 'modules.dep').read_text().splitlines():
        path, rest = line.split(':', 1)
        needs[path] = rest.split()
        by_name[path.rsplit('/', 1)[1].split('.ko')[0].replace('-', '_')] = path
    built_in = (modules / 'modules.builtin').read_text()

    def add(path):
        for need in needs[path]:
            add(need)
        if path not in order:
            order.append(path)

    for name in wanted:
        if name in by_name:
            add(by_name[name])
        elif '/%s.ko' % name not in built_in:
            raise RuntimeError('the kernel has no module %s' % name)
    # ext4 asks for this at run time.
    if 'crc32c_generic' in by_name:
        add(by_name['crc32c_generic'])
    return order


def initrd(root, modules):
    archive = cpio.Archive()
    for folder in ('dev', 'proc', 'root'):
        archive.folder(folder)
    archive.device('dev/console', 5, 1)
    archive.file('bin/busybox', (root / 'bin/busybox').read_bytes(), 0o755)
    archive.link('bin/sh', 'busybox')
    archive.file('init', (HERE / 'init.sh').read_bytes(), 0o755)
    names = []
    for path in module_order(modules, MODULES):
        name = 'modules/' + path.rsplit('/', 1)[1]
        archive.file(name, (modules / path).read_bytes())
        names.append('/' + name)
    archive.file('modules/order', ('\n'.join(names) + '\n').encode())
    return archive.data()


def build(folder, settings, entries):
    work = folder.with_name(folder.name + '.new')
    shutil.rmtree(work, ignore_errors=True)
    root, debs = work / 'root', work / 'debs'
    root.mkdir(parents=True)
    debs.mkdir()
    try:
        bootstrap(root, settings, entries, debs)
        repository(root, debs)
        configure(root)
        versions = run(['dpkg-query', '--root=' + str(root), '--show'])
        (work / 'packages').write_text(versions)
        modules = sorted((root / 'lib/modules').iterdir())[-1]
        (work / 'initrd').write_bytes(initrd(root, modules))
        shutil.copyfile(str(root / 'boot' / ('vmlinuz-' + modules.name)), str(work / 'kernel'))
        run(['mke2fs', '-q', '-t', 'ext4', '-L', 'root', '-m', '0', '-E', 'lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0',
             '-d', str(root), str(work / 'disk'), settings['size']])
        shutil.rmtree(root)
        shutil.rmtree(debs)
        work.rename(folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def clear(cache, folder):
    """Remove older images that no machine's disk lies on."""
    used = set()
    for record in cache.parent.glob('machines/*/*/image'):
        used.add(record.read_text().strip())
    others = sorted((path for path in cache.iterdir() if path.is_dir() and path != folder and path.suffix != '.new'),
                    key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT - 1:]:
        if path.name not in used:
            shutil.rmtree(path)


def main():
    cache, settings = pathlib.Path(sys.argv[1]).resolve(), json.loads(sys.argv[2])
    cache.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with open(cache / '.lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = sources(settings['suite'])
        folder = cache / key(settings, entries)
        changed = not folder.exists()
        if changed:
            build(folder, settings, entries)
        os.utime(folder)
        clear(cache, folder)
    print(json.dumps({'changed': changed, 'folder': str(folder), 'seconds': round(time.monotonic() - started, 1)}))


if __name__ == '__main__':
    try:
        main()
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as exc:
        sys.exit('image: %s' % exc)
