"""All secrets of a school, derived from one file: the master key. Nothing derived is ever stored by the hub.

Losing the file means new passwords for every device and new hashes for every badge: it belongs into the backup, apart from the data.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from hub.errors import KeyFileError

MASTER_BYTES = 32
PASSWORD_BYTES = 20
"""160 bits: 32 letters of base32 without padding."""


def device_password(master: bytes, device: str, generation: int) -> str:
    """The broker password of a device, 32 characters of a-z and 2-7; the next generation revokes it."""
    return _letters(master, f"preau device password|{device}|{generation}")


def hub_password(master: bytes) -> str:
    """The hub's own broker password, 32 characters of a-z and 2-7."""
    return _letters(master, "preau hub password")


def badge_key(master: bytes) -> bytes:
    """The key of all badge hashes of this school (proto.badge.badge_hash), 32 bytes."""
    return hmac.digest(master, b"preau badge key", hashlib.sha256)


def load_master(path: Path) -> bytes:
    """The master key, 32 bytes, made on first use. Raises KeyFileError when its file is no secret of this size."""
    try:
        if not path.exists():
            write_private(path, secrets.token_bytes(MASTER_BYTES))
        mode = path.stat().st_mode
        master = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{path}: the master key cannot be read or made: {error.strerror}") from error
    if mode & 0o077:
        raise KeyFileError(f"{path}: others on this machine can read the master key: chmod 600 it, and renew it if they may have read it")
    if len(master) != MASTER_BYTES:
        raise KeyFileError(f"{path}: a master key has {MASTER_BYTES} bytes, this has {len(master)}: restore it from the backup")
    return master


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one only we can read (0600): after a power cut it is wholly the old or wholly the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _letters(master: bytes, purpose: str) -> str:
    digest = hmac.digest(master, purpose.encode(), hashlib.sha256)
    return base64.b32encode(digest[:PASSWORD_BYTES]).decode().lower()
