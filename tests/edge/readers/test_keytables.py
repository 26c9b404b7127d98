"""The key tables against the ones computed from xkeyboard-config, where those lie beside the repository."""

import json
from pathlib import Path

import pytest

from edge.readers.keytables import LAYOUTS, character
from proto import badge

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "keytables.json"
LEVELS = {(False, False): 1, (True, False): 2, (False, True): 5, (True, True): 6}
"""(Shift, Caps Lock) -> column of the vectors: name, plain, Shift, AltGr, both, Caps Lock, Caps Lock and Shift."""
KEYPAD_ENTER = "96"


@pytest.mark.skipif(not VECTORS.exists(), reason=f"{VECTORS.name} is not beside this repository")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_key_types_what_xkeyboard_config_says(layout: str) -> None:
    table = json.loads(VECTORS.read_text(encoding="utf-8"))[layout]
    for code, cells in table.items():
        for (shift, caps), column in LEVELS.items():
            # Longer cells are names: of dead keys, of cursor keys, of a letter's code point.
            expected = cells[column] if len(cells[column]) == 1 and code != KEYPAD_ENTER else None
            assert character(layout, int(code), shift=shift, caps=caps) == expected, (cells[0], shift, caps)


@pytest.mark.parametrize("letter", badge.ALPHABET)
def test_each_letter_of_a_badge_is_on_the_same_key_in_all_layouts(letter: str) -> None:
    keys = {layout: [code for code in range(256) if character(layout, code, shift=True, caps=False) == letter] for layout in LAYOUTS}
    assert keys == dict.fromkeys(LAYOUTS, keys["us"])
    assert len(keys["us"]) == 1


def test_a_key_that_no_scanner_types_with_has_no_character() -> None:
    assert [character("us", code, shift=False, caps=False) for code in (0, 1, 14, 116, 999)] == [None] * 5
