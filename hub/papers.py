"""What the school keeps of a pupil beside the school's rows: a photo, who may fetch the child, a note. Erased together with the pupil.

In the register's database. A photo comes in as anybody's file and is kept as our own small WebP, without what cameras write into theirs.
"""

import asyncio
import io
import warnings
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from hub import tables as t
from hub.core.papers import Pickup
from hub.register import Register

WIDTH, HEIGHT = 240, 320
"""Pixels of a kept photo at most: what a till shows of a face."""
MAX_PIXELS = 50_000_000
"""Of what is taken in; phones take 12 to 50 million. A small file may claim more than memory holds (a decompression bomb)."""
FORMATS = ("JPEG", "PNG", "WEBP")
QUALITY = 80


class Papers:
    """Implements `hub.web.office.Papers`."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def photo(self, pupil: int) -> bytes | None:
        """A pupil's photo as WebP; None when there is none."""
        row = await self._register.one(select(t.photo.c.content).where(t.photo.c.pupil == pupil))
        return row["content"] if row else None

    async def set_photo(self, pupil: int, content: bytes, at_ms: int) -> bool:
        """Keep a photo (JPEG, PNG or WebP), or with nothing erase the one there is. False when it is no picture of a sensible size."""
        if not content:
            await self._register.changed(delete(t.photo).where(t.photo.c.pupil == pupil))
            return True
        small = await asyncio.to_thread(reduced, content)
        if small is None:
            return False
        values = {"content": small, "at_ms": at_ms}
        new = insert(t.photo).values(pupil=pupil, **values)
        await self._register.changed(new.on_conflict_do_update(index_elements=["pupil"], set_=values))
        return True

    async def pickups(self, pupil: int, day: date) -> tuple[Pickup, ...]:
        """Who may fetch a pupil on a day or later, by name."""
        p = t.pickup.c
        query = select(t.pickup).where(p.pupil == pupil, or_(p.until_day.is_(None), p.until_day > day)).order_by(p.name, p.id)
        async with self._register.reading() as connection:
            return tuple(_pickup(row) for row in (await connection.execute(query)).mappings())

    async def pickups_on(self, day: date) -> dict[int, list[Pickup]]:
        """Who may fetch whom on a day: by pupil, each by name."""
        p, found = t.pickup.c, dict[int, list[Pickup]]()
        query = select(t.pickup).where(p.from_day <= day, or_(p.until_day.is_(None), p.until_day > day)).order_by(p.name, p.id)
        async with self._register.reading() as connection:
            for row in (await connection.execute(query)).mappings():
                found.setdefault(row["pupil"], []).append(_pickup(row))
        return found

    async def add_pickup(self, pickup: Pickup) -> None:
        """Somebody more; the same once more changes nothing."""
        await self._register.changed(insert(t.pickup).values(asdict(pickup)).on_conflict_do_nothing())

    async def end_pickup(self, pupil: int, pickup: int, day: date) -> bool:
        """From this day on they may not any more; False when the pupil has no such person, or none who still may."""
        p = t.pickup.c
        still = (p.id == pickup, p.pupil == pupil, or_(p.until_day.is_(None), p.until_day > day))
        return await self._register.changed(update(t.pickup).where(*still).values(until_day=day))

    async def note(self, pupil: int) -> str:
        """What staff wrote about a pupil; empty when nothing was."""
        row = await self._register.one(select(t.pupil_note.c.text).where(t.pupil_note.c.pupil == pupil))
        return row["text"] if row else ""

    async def set_note(self, pupil: int, text: str) -> None:
        """What is known from now on; empty erases it."""
        if not text:
            await self._register.changed(delete(t.pupil_note).where(t.pupil_note.c.pupil == pupil))
            return
        new = insert(t.pupil_note).values(pupil=pupil, text=text)
        await self._register.changed(new.on_conflict_do_update(index_elements=["pupil"], set_={"text": text}))


def reduced(content: bytes) -> bytes | None:
    """A picture as our own WebP of at most `WIDTH` × `HEIGHT`, upright and without metadata; None for what is none, or too large."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=FORMATS) as found:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            if found.width * found.height > MAX_PIXELS:
                return None
            found.draft("RGB", (WIDTH * 2, HEIGHT * 2))  # a JPEG is then decoded small
            picture = ImageOps.exif_transpose(found).convert("RGB")
            picture.thumbnail((WIDTH, HEIGHT))
            kept = io.BytesIO()
            picture.save(kept, "WEBP", quality=QUALITY, exif=b"", icc_profile=b"", xmp=b"")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    return kept.getvalue()


def _pickup(row: Any) -> Pickup:
    return Pickup(**row)
