"""What a trail of who saw and did what is made of: ids and routes, never a name."""

from dataclasses import dataclass

KEPT_MS = 365 * 86_400_000


@dataclass(frozen=True, slots=True)
class Step:
    """`act`: method and path of a route; `thing`: the ids of the path, as `pupil=1;charge=2;`. `id` 0 = not written yet."""

    at_ms: int
    staff: int
    act: str
    thing: str
    id: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which steps are asked for, of [from_ms, until_ms) and with a smaller id than `before`.

    `staff` None = everybody's; `things`: how `thing` begins (`pupil=1`), none = all; `act`: this one only, empty = all.
    """

    staff: frozenset[int] | None = None
    things: tuple[str, ...] = ()
    from_ms: int = 0
    until_ms: int = 2**62
    before: int = 2**62
    act: str = ""
