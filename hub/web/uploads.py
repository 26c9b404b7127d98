"""Forms: plain ones, and `multipart/form-data` (RFC 7578) with files, read as they come, in memory, within limits.

Whose form it is, is not known here.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from fastapi import HTTPException, Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_FORM_BYTES = 64 * 1024
"""Our largest form without files (a class of pupils to print badges for) is a tenth of this."""
MAX_FIELDS = 500
MAX_PARTS = 60
MAX_FIELD_BYTES = 4096
"""Of a part that is no file."""
MAX_NAME = 100
"""Characters kept of a file's name."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent; empty where none was chosen."""

    name: str
    content: bytes


@dataclass(slots=True)
class _Parts:
    """The parts so far: text by name, files by name, and the one that is coming in."""

    fields: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: dict[str, Upload] = field(default_factory=dict)
    count: int = 0
    header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    disposition: bytes = b""
    content: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def begin(self) -> None:
        self.count += 1
        if self.count > MAX_PARTS:
            raise HTTPException(413)
        self.disposition, self.content = b"", bytearray()

    def header_end(self) -> None:
        name, value = self.header
        if name.lower() == b"content-disposition":
            self.disposition = bytes(value)
        self.header = (bytearray(), bytearray())

    def end(self) -> None:
        _, options = parse_options_header(self.disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self.files.setdefault(name, Upload(_plain(options[b"filename"]), bytes(self.content)))
        elif len(self.content) > MAX_FIELD_BYTES:
            raise HTTPException(413)
        else:
            self.fields[name].append(self.content.decode("utf-8", "replace"))

    def finish(self) -> None:
        self.whole = True


def is_multipart(request: Request) -> bool:
    """Whether files may come with it."""
    return _media_type(request) == "multipart/form-data"


async def read_fields(request: Request) -> dict[str, list[str]]:
    """The fields of a plain form. 415 for another kind of body, 413 for a larger one, 422 for one that is none."""
    if _media_type(request) != "application/x-www-form-urlencoded":
        raise HTTPException(415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413)
    try:
        return parse_qs(body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise HTTPException(422) from error


async def read_multipart(request: Request, most_bytes: int) -> tuple[dict[str, list[str]], dict[str, Upload]]:
    """Text fields and files of a body. 413 for a larger one, 422 for one that is cut off or is no multipart."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    parts, read_bytes = _Parts(), 0
    try:
        parser = _parser(parts, options[b"boundary"])
        async for piece in request.stream():
            read_bytes += len(piece)
            if read_bytes > most_bytes:
                raise HTTPException(413)
            parser.write(piece)
        parser.finalize()
    except (KeyError, MultipartParseError) as error:
        raise HTTPException(422) from error
    if not parts.whole:
        raise HTTPException(422)
    return parts.fields, parts.files


def _parser(parts: _Parts, boundary: bytes) -> MultipartParser:
    return MultipartParser(
        boundary,
        {
            "on_part_begin": parts.begin,
            "on_header_field": lambda piece, start, end: parts.header[0].extend(piece[start:end]),
            "on_header_value": lambda piece, start, end: parts.header[1].extend(piece[start:end]),
            "on_header_end": parts.header_end,
            "on_part_data": lambda piece, start, end: parts.content.extend(piece[start:end]),
            "on_part_end": parts.end,
            "on_end": parts.finish,
        },
    )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _plain(name: bytes) -> str:
    """A file's name to show: without folders and what no eye sees."""
    last = name.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable())[:MAX_NAME]
