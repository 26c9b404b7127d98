"""What lamps and buzzer play for each pattern, as tables, and which step is due when. It drives nothing: outputs.py does.

The design follows edge.md, section 4: the four lights a person gets are told apart by the lamp's position, by rhythm and by
tone, never by colour alone, and none tells anything about money. Sounds are short and soft: nobody is shamed in front of a queue.
"""

import enum

from msgspec import Struct

from edge.events import Pattern


class Lamp(enum.StrEnum):
    """Windows of the device, each in a place and with a shape of its own."""

    RING = "ring"
    ACCEPTED = "accepted"  # a tick
    LOOK = "look"  # an eye, below the tick
    ADULT = "adult"  # a hand


class Step(Struct, frozen=True):
    """For `ms`: these lamps are lit, all others are dark; the buzzer sounds at `tone_hz` (0: silent)."""

    ms: int
    lamps: frozenset[Lamp] = frozenset()
    tone_hz: int = 0
    level: float = 1.0
    """Brightness, 0 to 1, of the ring; other lamps are on or off."""


class Score(Struct, frozen=True):
    """Steps played once, or for ever until something else is shown."""

    steps: tuple[Step, ...]
    forever: bool = False


DARK = Step(0)
"""Nothing lit, nothing heard."""

_RING, _TICK, _EYE, _HAND = (frozenset({lamp}) for lamp in Lamp)
_ALL = frozenset(Lamp)

_EACH: dict[Pattern, Score] = {
    # A tick that says "I read something": 20 ms, before anybody has decided anything.
    Pattern.READING: Score((Step(20, _RING, 2000),)),
    # Tick steady, two rising tones.
    Pattern.ACCEPTED: Score((Step(80, _TICK, 800), Step(120, _TICK, 1200), Step(1000, _TICK))),
    # The same yes for the child; below it the eye blinks for staff, and a third, lower tone follows.
    Pattern.LOOK: Score(
        (
            Step(80, _TICK, 800),
            Step(120, _TICK | _EYE, 1200),
            Step(100, _TICK),
            Step(100, _TICK | _EYE, 1000),
            *(Step(200, lamps) for lamps in (_TICK, _TICK | _EYE) * 3),
        )
    ),
    # The ring pulses, two equal short tones.
    Pattern.AGAIN: Score((Step(60, _RING, 1000), Step(90), Step(60, _RING, 1000), Step(90), *(Step(150, _RING), Step(150)) * 2)),
    # The hand blinks slowly, one long low tone.
    Pattern.ADULT: Score((Step(400, _HAND, 500), Step(400), *(Step(400, _HAND), Step(400)) * 2)),
    # Dim, slow and silent, until something else is shown.
    Pattern.AWAY: Score((Step(1500, _RING, level=0.2), Step(1500)), forever=True),
    Pattern.READY: Score((Step(600, _RING),)),
    # Everything blinks for 15 s: a person looks for this device.
    Pattern.LOCATE: Score((Step(250, _ALL, 1500), Step(250), Step(250, _ALL), Step(250)) * 15),
}

_REST = Step(400)

SCORES = _EACH | {Pattern.TEST: Score(tuple(step for score in _EACH.values() for step in (*score.steps[:16], _REST)))}
"""What is played for each pattern. TEST plays all the others (of the long ones the beginning), for the person who installs a device."""


def step_at(score: Score, elapsed_ms: int) -> tuple[Step, int] | None:
    """The step that is due `elapsed_ms` after the start, and for how many ms it still is; None when the score is over."""
    length_ms = sum(step.ms for step in score.steps)
    if elapsed_ms >= length_ms and not score.forever:
        return None
    left_ms = elapsed_ms % length_ms
    for step in score.steps:
        if left_ms < step.ms:
            return step, step.ms - left_ms
        left_ms -= step.ms
    raise AssertionError("the steps add up to the length")
