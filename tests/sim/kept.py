"""The seeds that ever failed, with a word on the cause: they run first, for ever."""

from pathlib import Path

FILE = Path(__file__).with_name("seeds.txt")


def kept_seeds() -> list[int]:
    """In the order in which they were kept."""
    lines = (line.split("#")[0].strip() for line in FILE.read_text(encoding="utf-8").splitlines())
    return [int(line) for line in lines if line]
