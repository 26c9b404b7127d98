"""Photos, who may fetch a child, notes: kept in the register, erased with the pupil; a photo is never kept as it came."""

import io
import struct
import zlib
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from hub.core.facts import Refusal
from hub.core.papers import MAX_NOTE, Pickup, authorise, written
from hub.folder import Folder
from hub.papers import HEIGHT, WIDTH, Papers, reduced
from hub.register import Register
from tests.hub.core.test_school import rows_of
from tests.schools import number, small_school

LEA = number("Léa")
DAY = date(2025, 1, 6)


def picture(width: int, height: int, kind: str = "JPEG", turned: int = 1) -> bytes:
    """A red picture with a blue upper half, as a camera that was held in some way writes it."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (0, 0, width, height // 2))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    exif[ExifTags.Base.Artist] = "Rue des Tilleuls 4"
    into = io.BytesIO()
    image.save(into, kind, exif=exif)
    return into.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that says it is 60,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


@pytest.fixture
async def papers(tmp_path: Path) -> AsyncIterator[Papers]:
    folder = Folder(tmp_path)
    register = await Register.open(folder, pytest.fail)
    await register.write(1, tuple(rows_of(small_school())))
    yield Papers(register)
    await register.close()
    folder.close()


@pytest.mark.parametrize(("width", "height", "kind"), [(3000, 4000, "JPEG"), (100, 100, "PNG"), (4000, 300, "WEBP")])
def test_a_photo_is_kept_small_and_without_what_the_camera_wrote(width: int, height: int, kind: str) -> None:
    made = reduced(picture(width, height, kind))
    assert made is not None
    with Image.open(io.BytesIO(made)) as kept:
        assert kept.format == "WEBP"
        assert kept.width <= WIDTH
        assert kept.height <= HEIGHT
        assert not kept.getexif()
    assert b"Tilleuls" not in made


def test_a_photo_that_was_taken_sideways_is_kept_upright() -> None:
    made = reduced(picture(400, 300, turned=6))
    assert made is not None
    with Image.open(io.BytesIO(made)) as kept:
        assert kept.height > kept.width


@pytest.mark.parametrize("content", [b"", b"hello", picture(100, 100)[:300], bomb(), b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_photo_or_would_fill_the_memory_is_refused(content: bytes) -> None:
    assert reduced(content) is None


async def test_a_photo_is_put_in_replaced_and_erased(papers: Papers) -> None:
    assert await papers.photo(LEA) is None
    assert await papers.set_photo(LEA, picture(600, 800), 1)
    first = await papers.photo(LEA)
    assert await papers.set_photo(LEA, picture(300, 300), 2)
    assert await papers.photo(LEA) not in {None, first}
    assert not await papers.set_photo(LEA, b"no picture", 3)
    assert await papers.photo(LEA) is not None, "what is refused leaves the one there is"
    assert await papers.set_photo(LEA, b"", 4)
    assert await papers.photo(LEA) is None


async def test_who_may_fetch_a_child_ends_on_a_day(papers: Papers) -> None:
    rosa = Pickup(7, LEA, "Rosa Maes", "0470 00 00 00", "grand-mère", DAY)
    await papers.add_pickup(rosa)
    await papers.add_pickup(rosa)
    assert await papers.pickups(LEA, DAY) == (rosa,)
    assert not await papers.end_pickup(number("Noah"), 7, DAY), "of another child"
    assert await papers.end_pickup(LEA, 7, DAY)
    assert not await papers.end_pickup(LEA, 7, DAY), "already"
    assert await papers.pickups(LEA, DAY) == ()


async def test_a_note_is_written_and_erased(papers: Papers) -> None:
    await papers.set_note(LEA, "A peur des chiens.")
    assert await papers.note(LEA) == "A peur des chiens."
    await papers.set_note(LEA, "")
    assert await papers.note(LEA) == ""


@pytest.mark.parametrize(
    ("pickup", "code"),
    [
        (Pickup(1, LEA, "", "", "", DAY), "no_name"),
        (Pickup(1, LEA, "0470 12", "", "", DAY), "no_name"),
        (Pickup(1, LEA, "R" * 81, "", "", DAY), "too_long"),
        (Pickup(1, LEA, "Rosa", "", "", DAY, DAY), "ends_before_it_begins"),
    ],
)
def test_who_may_fetch_a_child_has_a_name_and_days(pickup: Pickup, code: str) -> None:
    refused = authorise(pickup)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_a_note_keeps_its_lines() -> None:
    assert written(" a \r\nb\n\n") == "a\nb"
    assert isinstance(written("x" * (MAX_NOTE + 1)), Refusal)
