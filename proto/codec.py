"""Messages to bytes and back. Bytes from outside never raise here: they come back as `Rubbish`, to be counted and dropped."""

import enum
import functools
import types
from typing import Any, Protocol, TypeVar, overload

import msgspec

from proto.errors import TooLongError
from proto.messages import WIRE_VERSION

MAX_BYTES = 32 * 1024
"""Largest message in bytes (design.md, Wire); the brokers are set to refuse more."""


class Versioned(Protocol):
    """Any message of the wire: it says which version it was written for."""

    @property
    def v(self) -> int: ...


M = TypeVar("M", bound=Versioned)


class Rubbish(enum.StrEnum):
    """Why a payload was dropped."""

    TOO_LONG = "too_long"
    NOT_JSON = "not_json"
    WRONG_VERSION = "wrong_version"
    WRONG_SHAPE = "wrong_shape"
    WRONG_TOPIC = "wrong_topic"


class _Version(msgspec.Struct):
    v: int


_ENCODER = msgspec.json.Encoder()
_VERSION = msgspec.json.Decoder(_Version)


def encode(message: Versioned) -> bytes:
    """One message as JSON. Raises TooLongError above MAX_BYTES."""
    payload = _ENCODER.encode(message)
    if len(payload) > MAX_BYTES:
        raise TooLongError(f"{type(message).__name__} of {len(payload)} bytes; the limit is {MAX_BYTES}")
    return payload


@overload
def decode(payload: bytes, kind: type[M]) -> M | Rubbish: ...
@overload
def decode(payload: bytes, kind: types.UnionType) -> Any: ...
def decode(payload: bytes, kind: Any) -> Any:
    """The message of type `kind` (or of one of a union: say which, where you keep it) in `payload`, or why there is none."""
    if len(payload) > MAX_BYTES:
        return Rubbish.TOO_LONG
    try:
        message = _decoder(kind).decode(payload)
    except msgspec.ValidationError:
        return _version_or_shape(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rubbish.NOT_JSON
    return message if message.v == WIRE_VERSION else Rubbish.WRONG_VERSION


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Made once per type: making one costs more than decoding a message."""
    return msgspec.json.Decoder(kind)


def _version_or_shape(payload: bytes) -> Rubbish:
    """A later version may have another shape: name the version first."""
    try:
        version = _VERSION.decode(payload).v
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rubbish.WRONG_SHAPE
    return Rubbish.WRONG_SHAPE if version == WIRE_VERSION else Rubbish.WRONG_VERSION
