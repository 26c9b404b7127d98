"""What boots: Debian with the device set up by the very commands of provisioning/README.md. Built once, kept by its ingredients.

The programs under test are not in it: they come on a second disk of their own at each run (`programs`), so that a change of our code builds
no image.
"""

import compileall
import fcntl
import hashlib
import py_compile
import re
import shlex
import shutil
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.hil import kernel
from tests.hil.kernel import said

REPOSITORY = Path(__file__).parent.parent.parent
GUEST = Path(__file__).parent / "guest"
PACKAGES = ("systemd-sysv", "udev", "dbus", "kmod", "iproute2", "adduser", "python3", "procps")
"""Debian packages in the guest, besides the essential ones."""
DISK = "800M"
SITE_PACKAGES = f"opt/preau/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
"""The guest has the Python of this machine: both are Debian's own."""
START = "#!/opt/preau/bin/python\nimport sys\n\nfrom edge.__main__ import main\n\nsys.exit(main())\n"
ABSENT = ("apt-get", "raspi-config", "udevadm", "sysctl", "editor", "runuser")
"""Commands of the guide that need a running Pi: in the image they do nothing."""

HARDWARE_UNIT = """\
[Unit]
Wants=hil-programs.service
Requires=sys-kernel-config.mount
After=hil-programs.service sys-kernel-config.mount systemd-modules-load.service
Before=preau-edge.service

[Service]
Type=oneshot
RemainAfterExit=yes
WorkingDirectory=/opt/hil
ExecStart=/usr/bin/python3 -m tests.hil.guest.hardware

[Install]
WantedBy=multi-user.target
"""
AGENT_UNIT = """\
[Unit]
After=hil-hardware.service

[Service]
WorkingDirectory=/opt/hil
ExecStart=/usr/bin/python3 -m tests.hil.guest.agent
Restart=always
RestartSec=1
"""
PROGRAMS_UNIT = """\
[Unit]
ConditionPathExists=!/opt/hil/tests

[Service]
Type=oneshot
ExecStart=tar -xf /dev/vdb -C /
"""
NETWORK = """\
[Match]
Name=en* eth*

[Network]
Address=10.0.2.15/24
DHCP=no
LinkLocalAddressing=no
"""
FILES = {
    "etc/hostname": "porte\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/systemd/network/hil.network": NETWORK,
    "etc/modprobe.d/hil.conf": "options dummy_hcd num=3\n",
    "etc/modules-load.d/hil.conf": "virtio_console\ndummy_hcd\nlibcomposite\nusb_f_hid\nusb_f_acm\nevdev\ngpio-sim\ni6300esb\n",
    # gpiozero drives a Pi only: this is what a Pi 4 says of itself, shown to the program alone.
    "opt/hil/cpuinfo": "processor\t: 0\nHardware\t: BCM2835\nRevision\t: c03114\n",
    "etc/systemd/system/preau-edge.service.d/hil.conf": "[Service]\nBindReadOnlyPaths=/opt/hil/cpuinfo:/proc/cpuinfo\n",
    "etc/udev/rules.d/50-hil.rules": (
        'SUBSYSTEM=="virtio-ports", ATTR{name}=="hil", SYMLINK+="virtio-ports/hil", TAG+="systemd", '
        'ENV{SYSTEMD_WANTS}+="hil-agent.service"\n'
    ),
    "etc/systemd/system/hil-programs.service": PROGRAMS_UNIT,
    "etc/systemd/system/hil-hardware.service": HARDWARE_UNIT,
    "etc/systemd/system/hil-agent.service": AGENT_UNIT,
}
IDLE_UNITS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "dpkg-db-backup.timer"),
    *("systemd-timesyncd.service", "systemd-logind.service", "serial-getty@ttyS0.service", "getty.target", "systemd-pstore.service"),
    *("modprobe@dm_mod.service", "modprobe@drm.service", "modprobe@efi_pstore.service", "modprobe@fuse.service", "modprobe@loop.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount"),
    *("systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-random-seed.service"),
)
"""They would take the guest's only processor in the middle of a test."""


@dataclass(frozen=True, slots=True)
class Image:
    """Files to boot from; the disk is never written to."""

    folder: Path

    @property
    def linux(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.ext4"


def cached(cache: Path) -> Image:
    """The image for these scripts, this guide and the packages apt knows now: from `cache`, or built there in about a minute."""
    linux = kernel.newest()
    name = ingredients(linux)
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / name).is_dir():
            for older in cache.iterdir():
                if older.is_dir():
                    shutil.rmtree(older)
            making = cache / f"{name}.new"
            making.mkdir()
            build(linux, making)
            making.rename(cache / name)
    return Image(cache / name)


def ingredients(linux: kernel.Kernel) -> str:
    """A hash of everything the image is made of."""
    scripts = [Path(__file__), Path(kernel.__file__), GUEST / "initrd.sh", kernel.HALT_ON_PANIC, *provisioned()]
    packages = said(f"apt-cache policy {shlex.join(PACKAGES)} busybox-static | grep -E '^[^ ]|Candidate'")
    parts = [repr(linux), packages, *device_commands(), *(path.read_text() for path in scripts)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def provisioned() -> list[Path]:
    """The files of ours that these commands install."""
    named = sorted(set(re.findall(r"(?<!\S)(?:provisioning|systemd)/[\w.-]+", " ".join(device_commands()))))
    return [REPOSITORY / name for name in named]


def build(linux: kernel.Kernel, folder: Path) -> None:
    """Everything, in `folder`; what is not needed afterwards goes again."""
    scratch, root = folder / "scratch", folder / "scratch/root"
    scratch.mkdir()
    kernel.fetch(linux, scratch)
    sources = said(
        "apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian'"
    ).splitlines()
    wanted = ("--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", said(". /etc/os-release; echo $VERSION_CODENAME").strip())
    said(shlex.join(("mmdebstrap", *wanted, str(root), *sources)))
    _furnish(root)
    for path in kernel.modules(linux, scratch, kernel.ROOT_MODULES + kernel.GUEST_MODULES + kernel.BUILT_MODULES):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(scratch / path, root / path)
    for index in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(scratch / "lib/modules" / linux.release / index, root / "lib/modules" / linux.release)
    said(f"depmod -b root {linux.release}", scratch)
    _initrd(linux, scratch, folder / "initrd")
    (folder / "vmlinux").write_bytes(kernel.unpacked((scratch / f"boot/vmlinuz-{linux.release}").read_bytes()))
    said(f"mke2fs -q -t ext4 -E root_owner=0:0 -d scratch/root disk.ext4 {DISK}", folder)
    shutil.rmtree(scratch)


def _furnish(root: Path) -> None:
    """Our own files, then the device as its guide sets it up."""
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for file in provisioned():
        place = root / "opt/preau/source" / file.relative_to(REPOSITORY)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    absent = root / "opt/hil/absent"
    absent.mkdir()
    for name in ABSENT:
        (absent / name).write_text("#!/bin/sh\n")
        (absent / name).chmod(0o755)
    units = "systemd-networkd.service hil-hardware.service"
    _inside(root, f"groupadd --system gpio; python3 -m venv --without-pip /opt/preau; systemctl enable {units}")
    _inside(root, f"systemctl mask {' '.join(IDLE_UNITS)}")
    for command in device_commands():
        _inside(root, command)
    # Each test starts the device itself.
    _inside(root, "systemctl disable preau-edge; systemctl set-default multi-user.target")


def _inside(root: Path, command: str) -> None:
    """Run a command of the guide in the image."""
    path = "/opt/hil/absent:/usr/sbin:/usr/bin:/sbin:/bin"
    words = ("chroot", str(root), "env", "-i", f"PATH={path}", "SYSTEMD_OFFLINE=1", "LC_ALL=C.UTF-8", "sh", "-ec")
    said(shlex.join((*words, f"cd /opt/preau/source && {command}")))


def device_commands() -> list[str]:
    """The commands of the guide's chapter `A device`, in their order, as far as they can be done before it is switched on."""
    guide = (REPOSITORY / "provisioning/README.md").read_text(encoding="utf-8")
    chapter = guide.split("\n## A device\n", 1)[1].split("\n## ", 1)[0]
    commands = [line.strip() for line in chapter.splitlines() if line.startswith("       ") and line.strip()]
    return [command.replace(" --now", "") for command in commands if not command.startswith("/opt/preau/bin/")]


def _initrd(linux: kernel.Kernel, scratch: Path, target: Path) -> None:
    """Busybox, the modules for the disk, and a script of ten lines."""
    tree = scratch / "initrd"
    for folder in ("bin", "modules"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(scratch / "bin/busybox", tree / "bin/busybox")
    shutil.copy(GUEST / "initrd.sh", tree / "init")
    (tree / "init").chmod(0o755)
    found = kernel.modules(linux, scratch, kernel.ROOT_MODULES)
    for path in found:
        shutil.copy(scratch / path, tree / "modules" / path.name)
    (tree / "modules/order").write_text("\n".join(path.name for path in found))
    said(f"find . | cpio --quiet -o -H newc > {shlex.quote(str(target))}", tree)


def programs(target: Path) -> None:
    """A disk with the device's program as it stands here, the libraries of this environment that it uses, and the agent.

    It is a tar archive, from the guest's root.
    """
    root = target.with_suffix(".root")
    libraries = root / SITE_PACKAGES
    for package in ("edge", "proto"):
        shutil.copytree(REPOSITORY / package, libraries / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _libraries("preau", "edge"):
        place = libraries / file
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file.locate(), place)
    # The guest is slow: it shall not compile, nor look whether it should.
    stale = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(libraries, quiet=2, stripdir=root, prependdir="/", invalidation_mode=stale)
    for path in (
        "tests/__init__.py",
        "tests/hil/__init__.py",
        *(f"tests/hil/guest/{name}.py" for name in ("__init__", "agent", "hardware")),
    ):
        (root / "opt/hil" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / path, root / "opt/hil" / path)
    start = root / "opt/preau/bin/preau-edge"
    start.parent.mkdir()
    start.write_text(START)
    start.chmod(0o755)
    with tarfile.open(target, "w") as archive:
        archive.add(root, ".", filter=_owned_by_root)
    shutil.rmtree(root)


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    return member


def _libraries(name: str, extra: str = "") -> Iterator[metadata.PackagePath]:
    """The installed files of a distribution and of all it needs; its own modules may lie elsewhere (an editable install)."""
    distribution = metadata.distribution(name)
    yield from (file for file in distribution.files or () if not {"..", "__pycache__"} & set(file.parts) and file.suffix != ".pth")
    for line in distribution.requires or ():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
            yield from _libraries(wanted.name, next(iter(wanted.extras), ""))
