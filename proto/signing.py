"""Signatures over what the hub retains on the broker: the broker's other users cannot forge a config or a roster.

One password per device until certificates come: the signing key is derived from it, so neither end stores a second secret.
"""

import hashlib
import hmac


def signing_key(password: str) -> bytes:
    """The key a device and its hub share, from the device's broker password."""
    return hmac.digest(password.encode(), b"preau signing 1", hashlib.sha256)


def sign(key: bytes, purpose: str, *parts: str | int) -> str:
    """HMAC-SHA256 in hex over the purpose and the parts, each with its length so that none can run into the next."""
    text = "".join(f"{len(str(part))}:{part}" for part in (purpose, *parts))
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def verified(key: bytes, sig: str, purpose: str, *parts: str | int) -> bool:
    """Whether `sig` was made with this key for exactly these parts; constant time."""
    return hmac.compare_digest(sig.encode(), sign(key, purpose, *parts).encode())
