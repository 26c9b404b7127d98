"""Debian's kernel for the guest: downloaded, never installed, with two modules built beside it: gpio-sim and halt_on_panic.

Debian's kernels have no gpio-sim (hardware.md, 3.3). Its source is under the GPL: it is fetched when the image is built, and stays out of
the repository.
"""

import lzma
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c")
KBUILD = "obj-m := gpio-sim.o halt_on_panic.o\ngpio-sim-y := gpio-sim-main.o irq_sim.o\n"
ROOT_MODULES = ("virtio_pci", "virtio_blk", "ext4")
"""What the initramfs needs to find the disk."""
GUEST_MODULES = (
    *("virtio_net", "virtio_console", "virtio_rng", "dummy_hcd", "libcomposite", "usb_f_hid", "usb_f_acm"),
    *("usbhid", "hid_generic", "evdev", "cdc_acm", "i6300esb"),
)
BUILT_MODULES = ("gpio-sim", "halt_on_panic")
HALT_ON_PANIC = Path(__file__).parent / "guest/halt_on_panic.c"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel package of this machine's Debian: its release (6.1.0-56-amd64) and the version of package and source."""

    release: str
    version: str

    @property
    def source(self) -> str:
        """The package with the source: named by the first two numbers."""
        return "linux-source-" + ".".join(self.release.split(".")[:2])


def newest() -> Kernel:
    """The kernel that Debian would install now."""
    release = re.search(r"Depends: linux-image-(\S+)", said("apt-cache depends linux-image-amd64"))
    assert release, "apt knows no linux-image-amd64"
    version = re.search(r"(?m)^Version: (\S+)", said(f"apt-cache show --no-all-versions linux-image-{release[1]}"))
    assert version
    return Kernel(release[1], version[1])


class BuildError(Exception):
    """A step of the build failed; the text is the command and what it said."""


def said(command: str, folder: Path | None = None) -> str:
    """What a shell command prints. Raises BuildError."""
    ended = subprocess.run(["sh", "-ec", command], check=False, capture_output=True, text=True, cwd=folder)
    if ended.returncode:
        raise BuildError(f"{command}\n{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    return ended.stdout


def fetch(kernel: Kernel, folder: Path) -> None:
    """Download and unpack kernel and busybox into `folder`, and put our two modules among its own."""
    packages = (f"linux-image-{kernel.release}={kernel.version}", f"{kernel.source}={kernel.version}", "busybox-static")
    said(f"apt-get -qq download {shlex.join(packages)}", folder)
    said("for package in linux-image-*.deb busybox-static_*.deb; do dpkg-deb -x $package .; done", folder)
    build_modules(kernel, folder)
    said(f"depmod -b . {kernel.release}", folder)


def build_modules(kernel: Kernel, folder: Path) -> None:
    """Compile them against Debian's headers, which must be of the same release."""
    members = " ".join(f"{kernel.source}/{path}" for path in SOURCES)
    archive = f"./usr/src/{kernel.source}.tar.xz"
    build = folder / "gpio-sim"
    build.mkdir()
    # dpkg-deb complains when the reader has seen enough: the package is ten times as long as what we want of it.
    unpack = f"tar -xO --occurrence=1 {archive} | tar -xJ --occurrence=1 --transform 's,.*/,gpio-sim/,' {members}"
    said(f"dpkg-deb --fsys-tarfile {kernel.source}_*.deb 2>/dev/null | {unpack}", folder)
    (build / "gpio-sim.c").rename(build / "gpio-sim-main.c")
    irq_sim = build / "irq_sim.c"
    # irq_to_desc is not exported to modules; this is the same, the long way round.
    irq_sim.write_text(irq_sim.read_text().replace("irq_to_desc(irqnum)", "irq_data_to_desc(irq_get_irq_data(irqnum))"))
    shutil.copy(HALT_ON_PANIC, build)
    (build / "Kbuild").write_text(KBUILD)
    said(f"make -s -C /usr/src/linux-headers-{kernel.release} M=$PWD modules", build)
    for name in BUILT_MODULES:
        shutil.copy(build / f"{name}.ko", folder / "lib/modules" / kernel.release / "kernel/drivers/gpio")


def modules(kernel: Kernel, folder: Path, names: tuple[str, ...]) -> list[Path]:
    """The module files for these names and all they need, in the order to load them; paths from `folder`."""
    shown = said(f"for module in {' '.join(names)}; do modprobe -d . -S {kernel.release} --show-depends $module; done", folder)
    paths = [Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod ")]
    return [Path("lib") / str(path).split("/lib/", 1)[1] for path in dict.fromkeys(paths)]


def unpacked(bzimage: bytes) -> bytes:
    """The ELF kernel inside a bzImage, which QEMU starts directly: saves the guest the decompression at each boot.

    The header tells where the payload is (Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length); after it come four
    bytes with its unpacked length. Raises ValueError when it is not compressed with xz.
    """
    start = (bzimage[0x1F1] + 1) * 512 + int.from_bytes(bzimage[0x248:0x24C], "little")
    length = int.from_bytes(bzimage[0x24C:0x250], "little")
    payload = bzimage[start : start + length - 4]
    if not payload.startswith(b"\xfd7zXZ\0"):
        raise ValueError("the kernel is not packed with xz")
    return lzma.decompress(payload)
