"""Which character a key of a keyboard scanner stands for, in the four layouts such scanners are set to.

The kernel names key positions (linux/input-event-codes.h); the layout is ours. The tables are those of xkeyboard-config 2.35.1
(edge.md, 1.2), which agree with Windows' in these two levels. AltGr is left out on purpose: no cell of it is the same in all
four layouts, and scanners type Windows' AltGr cells, which are not xkb's. A dead key has no character.
"""

NONE = "□"
"""A key that types nothing by itself."""

CODES = (41, *range(2, 14), *range(16, 28), *range(30, 41), 43, 86, *range(44, 54), 57)
"""Key codes in the order of the rows below: grave and digits, the three letter rows, backslash, the key left of Z, space."""

ROWS = {
    "us": ("`1234567890-=qwertyuiop[]asdfghjkl;'\\<zxcvbnm,./ ", '~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"|>ZXCVBNM<>? '),
    "fr": ("²&é\"'(-è_çà)=azertyuiop□$qsdfghjklmù*<wxcvbn,;:! ", "~1234567890°+AZERTYUIOP□£QSDFGHJKLM%µ>WXCVBN?./§ "),
    "be": ("²&é\"'(§è!çà)-azertyuiop□$qsdfghjklmùµ<wxcvbn,;:= ", "³1234567890°_AZERTYUIOP□*QSDFGHJKLM%£>WXCVBN?./+ "),
    "de": ("□1234567890ß□qwertzuiopü+asdfghjklöä#<yxcvbnm,.- ", "°!\"§$%&/()=?□QWERTZUIOPÜ*ASDFGHJKLÖÄ'>YXCVBNM;:_ "),
}
"""For each layout what the keys type alone, and with Shift."""

LAYOUTS = tuple(ROWS)

KEYPAD_DIGITS = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}
"""Digits whatever Num Lock says: scanners in their Alt mode do not care about it."""

KEYPAD_SIGNS = {55: "*", 74: "-", 78: "+", 98: "/"}
"""The same in every layout. The keypad's point is left out: a point or a comma, by layout."""

_PLACE = {code: place for place, code in enumerate(CODES)}


def character(layout: str, code: int, *, shift: bool, caps: bool) -> str | None:
    """What a key types in a layout, or None: a dead key, or none that a scanner types characters with."""
    if code in KEYPAD_SIGNS:
        return KEYPAD_SIGNS[code]
    if code not in _PLACE:
        return None
    typed = ROWS[layout][shift][_PLACE[code]]
    if typed == NONE:
        return None
    return _capital(typed) if caps else typed


def _capital(typed: str) -> str | None:
    """Caps Lock turns a letter into the other case and leaves the rest alone; a mu becomes no character anybody prints."""
    if typed == "ß":
        return "ẞ"
    return None if typed == "µ" else typed.swapcase()
