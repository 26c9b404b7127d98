"""The patterns as data: what a pupil sees and hears can be told apart by place, by rhythm and by tone, never by colour."""

from itertools import combinations

import pytest

from edge.events import Pattern
from edge.patterns import SCORES, Lamp, Score, Step, step_at
from proto.messages import Light

LIGHTS = [Pattern(light.value) for light in Light]


def lamps(pattern: Pattern) -> set[Lamp]:
    return {lamp for step in SCORES[pattern].steps for lamp in step.lamps}


def rhythm(pattern: Pattern) -> list[tuple[int, int]]:
    """For how long how many lamps are lit, without saying which: what is left for somebody who sees one blur."""
    beats: list[tuple[int, int]] = []
    for step in SCORES[pattern].steps:
        if beats and beats[-1][1] == len(step.lamps):
            beats[-1] = (beats[-1][0] + step.ms, len(step.lamps))
        else:
            beats.append((step.ms, len(step.lamps)))
    return beats


def melody(pattern: Pattern) -> list[tuple[int, int]]:
    return [(step.tone_hz, step.ms) for step in SCORES[pattern].steps if step.tone_hz]


def test_every_pattern_can_be_played() -> None:
    assert set(SCORES) == set(Pattern)
    assert all(step.ms > 0 for score in SCORES.values() for step in score.steps)


@pytest.mark.parametrize(("one", "other"), list(combinations(LIGHTS, 2)))
def test_two_lights_differ_in_lamps_and_in_rhythm_and_in_melody(one: Pattern, other: Pattern) -> None:
    assert lamps(one) != lamps(other)
    assert rhythm(one) != rhythm(other)
    assert melody(one) != melody(other)


@pytest.mark.parametrize(("one", "other"), list(combinations(Pattern, 2)))
def test_any_two_patterns_differ_in_rhythm_and_in_lamps_or_melody(one: Pattern, other: Pattern) -> None:
    assert rhythm(one) != rhythm(other)
    assert (lamps(one), melody(one)) != (lamps(other), melody(other)) or SCORES[one].forever != SCORES[other].forever


@pytest.mark.parametrize("pattern", [Pattern.READING, Pattern.AWAY, Pattern.READY])
def test_what_is_no_answer_lights_no_window_of_an_answer(pattern: Pattern) -> None:
    assert lamps(pattern) == {Lamp.RING}


def test_a_tap_is_acknowledged_within_20_ms_of_light_and_sound() -> None:
    assert SCORES[Pattern.READING].steps == (Step(20, frozenset({Lamp.RING}), 2000),)


def test_away_is_dim_silent_and_stays() -> None:
    score = SCORES[Pattern.AWAY]
    assert score.forever
    assert melody(Pattern.AWAY) == []
    assert all(step.level < 0.5 for step in score.steps if step.lamps)


def test_yes_rises_and_ask_an_adult_is_one_long_low_tone() -> None:
    yes = [tone for tone, _ in melody(Pattern.ACCEPTED)]
    assert yes == sorted(yes)
    assert melody(Pattern.LOOK)[:2] == melody(Pattern.ACCEPTED), "the child hears the same yes"
    assert melody(Pattern.ADULT) == [(500, 400)]


def test_every_tone_can_be_heard_by_most_people() -> None:
    """500 to 3000 Hz, and not only above 2 kHz (edge.md, section 4)."""
    tones = {tone for pattern in Pattern for tone, _ in melody(pattern)}
    assert all(500 <= tone <= 3000 for tone in tones)
    assert all(min(tone for tone, _ in melody(light)) < 2000 for light in LIGHTS)


def test_the_test_at_installation_plays_every_lamp_and_every_tone_in_less_than_half_a_minute() -> None:
    assert lamps(Pattern.TEST) == set(Lamp)
    assert {tone for pattern in Pattern for tone, _ in melody(pattern)} == {tone for tone, _ in melody(Pattern.TEST)}
    assert sum(step.ms for step in SCORES[Pattern.TEST].steps) < 30_000


@pytest.mark.parametrize(
    ("elapsed_ms", "due"),
    [(0, ("a", 10)), (9, ("a", 1)), (10, ("b", 20)), (29, ("b", 1)), (30, None), (10_000, None)],
)
def test_a_score_is_played_step_by_step(elapsed_ms: int, due: tuple[str, int] | None) -> None:
    steps = {"a": Step(10), "b": Step(20, frozenset({Lamp.RING}))}
    found = step_at(Score(tuple(steps.values())), elapsed_ms)
    assert found == (due and (steps[due[0]], due[1]))


def test_a_score_for_ever_begins_again() -> None:
    steps = (Step(10), Step(20, frozenset({Lamp.RING})))
    assert step_at(Score(steps, forever=True), 30 * 1000 + 5) == (steps[0], 5)
