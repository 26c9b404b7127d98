"""What the hub tells devices to be: configs and rosters, made from the school, signed for each device.

Versions are made from the content, so that a hub restarted or restored names the same content the same way.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from hub.core.school import Badge, BadgeState, Device, Pupil, School
from proto import codec, roster
from proto.messages import Config, DeviceConfig, ReaderConfig, RosterPart, RosterRow, Use
from proto.signing import sign, signing_key
from proto.topics import Kind

REFRESH_MS = 6 * 3_600_000
"""A roster is issued anew after this time, so that a device knows how old its own is."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The roster of a school in parts, with the very badges and pupils it was made from."""

    badges: Mapping[str, tuple[Badge, ...]]
    pupils: Mapping[int, Pupil]
    parts: tuple[str, ...]
    version: int
    issued_ms: int


class Orders:
    """Makes and remembers what was published; `passwords` gives a device's broker password, `block` marks one in the register."""

    def __init__(self, badge_key: bytes, password: Callable[[Device], str], block: Callable[[str], None]) -> None:
        self._badge_key = badge_key
        self._password = password
        self.block = block
        self._published: dict[tuple[str, Kind], tuple[int, ...]] = {}
        self._packed: Packed | None = None

    def forget(self, device: str = "") -> None:
        """The broker may have lost its memory: everything, or what is for one device, is to be published again."""
        self._published = {key: version for key, version in self._published.items() if device and key[0] != device}

    def retained(self, school: School, device: Device, now_ms: int) -> Iterator[tuple[Kind, bytes]]:
        """What has changed for this device since it was last published."""
        key = signing_key(self._password(device))
        config = self._config(school, device, key)
        if self._fresh(device, Kind.CONFIG, config.version):
            yield Kind.CONFIG, codec.encode(config)
        self.pack(school, now_ms)
        packed = self._packed
        assert packed is not None, "it was packed just now, or before"
        if self._fresh(device, Kind.ROSTER, packed.version, packed.issued_ms):
            yield Kind.ROSTER, codec.encode(roster.manifest(key, device.id, packed.version, list(packed.parts), packed.issued_ms))

    def pack(self, school: School, now_ms: int) -> bool:
        """Have the roster of this school at hand, fresh enough; whether it had to be made, which takes some ms."""
        packed = self._packed
        unchanged = packed is not None and packed.badges is school.badges and packed.pupils is school.pupils
        if packed is not None and unchanged and now_ms - packed.issued_ms <= REFRESH_MS:
            return False
        parts = tuple(roster.pack(list(rows(school, now_ms))))
        self._packed = Packed(school.badges, school.pupils, parts, _version("".join(parts)), now_ms)
        return True

    def part(self, version: int, number: int) -> RosterPart | None:
        """One part of the roster of this version; None when it is not the current one."""
        packed = self._packed
        if packed is None or packed.version != version or number >= len(packed.parts):
            return None
        return RosterPart(version=version, part=number, body=packed.parts[number])

    def _fresh(self, device: Device, kind: Kind, *content: int) -> bool:
        """Whether this was not published yet, or was signed for an earlier password of the device."""
        known = self._published.get((device.id, kind))
        self._published[device.id, kind] = (*content, device.generation)
        return known != (*content, device.generation)

    def _config(self, school: School, device: Device, key: bytes) -> Config:
        readers = [
            ReaderConfig(reader.id, reader.use, reader.direction, reader.door_ms)
            for (owner, _), reader in sorted(school.readers.items())
            if owner == device.id
        ]
        body = msgspec.json.encode(DeviceConfig(device=device.id, badge_key=self._badge_key.hex(), readers=readers)).decode()
        version = _version(body)
        return Config(version=version, body=body, sig=sign(key, "config", device.id, version, body))


def rows(school: School, now_ms: int) -> Iterator[RosterRow]:
    """Every badge of a pupil that is active or will be, with the rights of a pupil: any reader of this hub.

    What is over is left out: a device whose clock nobody trusts does not look at the days a row is valid.
    """
    rights = roster.rights(list(Use))
    for states in school.badges.values():
        for badge in states:
            over = badge.until_ms and badge.until_ms <= now_ms
            if badge.state is BadgeState.ACTIVE and not over and badge.pupil in school.pupils:
                yield _row(badge, rights)


def _row(badge: Badge, rights: str) -> RosterRow:
    return RosterRow(badge=badge.hash, rights=rights, from_ms=badge.from_ms, until_ms=badge.until_ms)


def _version(text: str) -> int:
    """48 bits of the content's hash: the wire's numbers stay exact in every reader."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") or 1
