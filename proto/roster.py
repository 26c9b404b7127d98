"""The roster: which badges a device may accept alone, as text in parts (design.md, Wire).

A row carries a keyed hash, rights and validity; no name, no balance. The hub writes it, the device reads it, both here.
"""

import hashlib
import re
from operator import attrgetter

from proto.messages import PART_BYTES, RosterManifest, RosterRow, Use
from proto.signing import sign, verified

RIGHTS: dict[Use, str] = {Use.CARE: "c", Use.STUDY: "s", Use.TILL: "t", Use.KIOSK: "k", Use.ENTRANCE: "e"}

_ROW = re.compile(r"(?P<badge>[A-Za-z0-9_-]{20}) (?P<rights>[a-z]{1,32}|-) (?P<from_ms>[0-9]{1,16}) (?P<until_ms>[0-9]{1,16})")


def rights(uses: list[Use]) -> str:
    """The letters for a list of uses, in a fixed order."""
    return "".join(letter for use, letter in RIGHTS.items() if use in uses)


def pack(rows: list[RosterRow]) -> list[str]:
    """The bodies of all parts, sorted by badge so that the same roster always has the same hash."""
    parts: list[str] = []
    lines: list[str] = []
    size = 0
    for row in sorted(rows, key=attrgetter("badge", "from_ms", "until_ms", "rights")):
        line = f"{row.badge} {row.rights or '-'} {row.from_ms} {row.until_ms}\n"
        if size + len(line) > PART_BYTES:
            parts.append("".join(lines))
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        parts.append("".join(lines))
    return parts


def manifest(key: bytes, device: str, version: int, parts: list[str], issued_ms: int) -> RosterManifest:
    """The signed description of these parts."""
    digest = hashlib.sha256("".join(parts).encode()).hexdigest()
    rows = sum(part.count("\n") for part in parts)
    sig = sign(key, "roster", device, version, len(parts), rows, digest, issued_ms)
    return RosterManifest(version=version, parts=len(parts), rows=rows, sha256=digest, issued_ms=issued_ms, sig=sig)


def genuine(key: bytes, device: str, message: RosterManifest) -> bool:
    """Whether the hub of this device signed this manifest."""
    return verified(key, message.sig, "roster", device, message.version, message.parts, message.rows, message.sha256, message.issued_ms)


def unpack(message: RosterManifest, parts: list[str]) -> list[RosterRow] | None:
    """The rows, or None when the parts are not exactly the manifest's, or a row is written in a way this version cannot read."""
    text = "".join(parts)
    if len(parts) != message.parts or hashlib.sha256(text.encode()).hexdigest() != message.sha256:
        return None
    *lines, rest = text.split("\n")
    rows = [row for line in lines if (row := _row(line))]
    return rows if not rest and len(rows) == len(lines) == message.rows else None


def _row(line: str) -> RosterRow | None:
    found = _ROW.fullmatch(line)
    if not found:
        return None
    letters = "" if found["rights"] == "-" else found["rights"]
    return RosterRow(badge=found["badge"], rights=letters, from_ms=int(found["from_ms"]), until_ms=int(found["until_ms"]))
