"""File systems of our own that can be cut off, filled or failed: a tmpfs, and ext4 on a loop device whose image lies in one.

Whatever is mounted here is let go in the reverse order, also when something fails. It needs root; `lacking` says so in a sentence.
"""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

FLAT = ("-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0")
"""ext4 complete from its first moment: nothing of it is written later, behind the writer's back."""

WEAR_FILES = 1500
"""Each takes several of the 1,024 blocks of the smallest journal."""


def lacking(*programs: str) -> str:
    """Why this machine cannot mount, in a sentence for people; empty when it can. `programs` are looked for too."""
    if os.geteuid():
        return "mounting needs root: run it as root"
    missing = [program for program in ("mkfs.ext4", "mount", *programs) if shutil.which(program, path=_path()) is None]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install --no-install-recommends e2fsprogs mount qemu-system-common gcc libc6-dev"
    if not Path("/dev/loop-control").exists():
        return "this kernel has no loop devices (/dev/loop-control): run it on one that has"
    return ""


@contextlib.contextmanager
def tmpfs(at: Path, size_bytes: int) -> Iterator[Path]:
    """A file system in memory of at most this size."""
    at.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "none", str(at))
    try:
        yield at
    finally:
        unmount(at)


def blank(image: Path, size_bytes: int, block_bytes: int = 4096) -> Path:
    """A new ext4 in a file; holes take no room. With blocks of 1024 bytes it has, as a large one has, a copy of its superblock."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run("mkfs.ext4", *FLAT, "-b", str(block_bytes), str(image))
    return image


@contextlib.contextmanager
def mounted(image: Path, at: Path, size_bytes: int = 0) -> Iterator[Path]:
    """The file system in an image (its first `size_bytes`), on a loop device that goes with it. Mounting replays its own journal."""
    at.mkdir(exist_ok=True)
    _run("mount", "-t", "ext4", "-o", "loop" + (f",sizelimit={size_bytes}" if size_bytes else ""), str(image), str(at))
    try:
        yield at
    finally:
        unmount(at)


def unmount(at: Path) -> None:
    """Let go now; where somebody still has a file open, as soon as he is done."""
    if subprocess.run(["umount", str(at)], capture_output=True, check=False, env=_environ()).returncode:
        _run("umount", "--lazy", str(at))


def left(image: Path, held: bytes | bytearray) -> Path:
    """An image that holds this, always as a new file: mount would take a loop device that is just going, with what it still remembers."""
    image.unlink(missing_ok=True)
    image.write_bytes(held)
    return image


def wear(there: Path) -> None:
    """Let the file system's own journal go round once: its blocks then have their room, and only those of our files can lack it."""
    for nth in range(WEAR_FILES):
        path = there / f"worn-{nth % 2}"
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.write(b"worn")
            os.fsync(file.fileno())
    path.unlink()


def checked(image: Path) -> Path:
    """What a boot does first (Raspberry Pi OS: `fsck.repair=yes`): a torn superblock is put right from its copy."""
    done = subprocess.run(["e2fsck", "-y", str(image)], capture_output=True, text=True, check=False, env=_environ())
    assert done.returncode < 4, f"e2fsck: {done.stdout}"
    return image


def pulled(image: Path) -> bytes:
    """What the medium held when the plug was pulled: the writer is stopped, and what the kernel had under way has come to rest."""
    held = image.read_bytes()
    while (later := image.read_bytes()) != held:
        held = later
    return held


def free_bytes(folder: Path) -> int:
    """What is left for everybody."""
    return shutil.disk_usage(folder).free


def fill(ballast: Path, leave_bytes: int) -> None:
    """Let this file take all room but so much; somebody else may be writing meanwhile."""
    with ballast.open("ab") as file:
        while (room := free_bytes(ballast.parent) - leave_bytes) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, room)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_environ())
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"


def _environ() -> dict[str, str]:
    return {**os.environ, "PATH": _path(), "LC_ALL": "C"}


def _path() -> str:
    """Debian's own folders of an administrator's programs, which a plain shell leaves out."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
