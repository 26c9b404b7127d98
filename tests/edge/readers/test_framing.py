"""Bytes and keys to reads, without a port, a thread or a clock."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events import Found, Layout, Spoilt, Tag, Text
from edge.readers.framing import (
    ABSENT_MS,
    DOWN,
    ENTER,
    EV_KEY,
    EV_SYN,
    IDLE_MS,
    KEYPAD_ENTER,
    MAX_IDLE_MS,
    REPEAT,
    SYN_DROPPED,
    TAB,
    UP,
    Key,
    KeyFraming,
    LineFraming,
    TagFraming,
    calibrate,
    line_idle_ms,
)
from edge.readers.keytables import LAYOUTS
from proto import badge
from tests.edge.readers.scanner import ALT_GR, BADGE, CAPS_LOCK, CTRL, REPORT, SHIFT, frame, press, types, types_alt

LINUX_LAST_KEY = 0x2FF


def lines(*cuts: bytes) -> list[Found]:
    """What comes of a line in these pieces, and then a pause."""
    framing = LineFraming()
    found = [one for cut in cuts for one in framing.feed(cut, 0)]
    return found + framing.idle(IDLE_MS)


def scans(*cuts: Sequence[Key], layout: str = "us") -> list[Found]:
    framing = KeyFraming(layout)
    found = [one for cut in cuts for one in framing.feed(cut, 0)]
    return found + framing.idle(IDLE_MS)


def due_ms(framing: LineFraming | KeyFraming | TagFraming) -> int | None:
    return framing.due_ms


def tags(*cuts: bytes) -> list[Found]:
    framing = TagFraming()
    return [one for cut in cuts for one in framing.feed(cut, 0)]


# --- lines ----------------------------------------------------------------------------------------

LINES: list[tuple[str, bytes, list[Found]]] = [
    ("CR ends a line", b"one\rtwo\r", [Text("one"), Text("two")]),
    ("LF ends a line", b"one\ntwo\n", [Text("one"), Text("two")]),
    ("CR LF is one end", b"one\r\ntwo\r\n", [Text("one"), Text("two")]),
    ("Tab ends a line", b"one\ttwo\t", [Text("one"), Text("two")]),
    ("empty lines are nothing", b"\r\n\r\n\n\t", []),
    ("nothing is nothing", b"", []),
    ("a pause ends a badge", BADGE.encode(), [Text(BADGE)]),
    ("a pause ends a badge in small letters", BADGE.lower().encode(), [Text(BADGE.lower())]),
    ("a pause in the middle of a badge", BADGE[:-1].encode(), [Spoilt.PARTIAL]),
    ("a pause after a wrong check letter", (BADGE[:-1] + "B").encode(), [Spoilt.PARTIAL]),
    ("a letter with an accent", "é\r".encode(), [Spoilt.MALFORMED]),
    ("a control byte", b"on\x00e\r", [Spoilt.MALFORMED]),
    ("a delete byte", b"one\x7f\r", [Spoilt.MALFORMED]),
    ("after a malformed line the next is good", b"\xff\rone\r", [Spoilt.MALFORMED, Text("one")]),
    ("the longest line", b"x" * badge.MAX_READ + b"\r", [Text("x" * badge.MAX_READ)]),
    ("one more is too long", b"x" * (badge.MAX_READ + 1) + b"\rone\r", [Spoilt.OVERLONG, Text("one")]),
    ("much more is too long once", b"x" * 100_000 + b"\rone\r", [Spoilt.OVERLONG, Text("one")]),
    ("too long without an end", b"x" * 100_000, [Spoilt.OVERLONG]),
]


@pytest.mark.parametrize(("sent", "expected"), [case[1:] for case in LINES], ids=[case[0] for case in LINES])
def test_what_a_line_scanner_sends_is_read(sent: bytes, expected: list[Found]) -> None:
    assert lines(sent) == expected
    assert lines(*(bytes([byte]) for byte in sent)) == expected


def test_a_pause_ends_dropping_an_overlong_line() -> None:
    framing = LineFraming()
    assert framing.feed(b"x" * 600, 0) == [Spoilt.OVERLONG]
    assert framing.idle(IDLE_MS) == []
    assert framing.feed(b"one\r", 200) == [Text("one")]


def test_a_pause_counts_from_the_last_byte_and_not_earlier() -> None:
    framing = LineFraming()
    assert due_ms(framing) is None
    framing.feed(BADGE[:5].encode(), 1_000)
    framing.feed(BADGE[5:].encode(), 1_060)
    assert due_ms(framing) == 1_060 + IDLE_MS
    assert framing.idle(1_060 + IDLE_MS - 1) == []
    assert framing.idle(1_060 + IDLE_MS) == [Text(BADGE)]
    assert due_ms(framing) is None


def test_bytes_that_a_held_up_thread_fetches_late_still_make_one_line() -> None:
    framing = LineFraming()
    framing.feed(BADGE[:5].encode(), 0)
    assert framing.feed(BADGE[5:].encode() + b"\r", 5_000) == [Text(BADGE)]


def test_a_line_that_ends_by_unplugging_is_void_and_forgotten() -> None:
    framing = LineFraming()
    framing.feed(b"half", 0)
    assert framing.void() == [Spoilt.VOID]
    assert framing.void() == []
    assert framing.feed(b"one\r", 1) == [Text("one")]


def test_a_slow_line_has_a_longer_pause() -> None:
    assert (line_idle_ms(300), line_idle_ms(9600), line_idle_ms(3_000_000)) == (133, IDLE_MS, IDLE_MS)


# --- keys -----------------------------------------------------------------------------------------

CODE = "K7:QAZWM-0123456789"
PAIRS: dict[str, dict[str, str | None]] = {
    "us": {"us": CODE, "fr": "KèMAQWZ?)à&é\"'(-è_ç", "be": "KèMAQWZ?)à&é\"'(§è!ç", "de": "K7ÖQAYWMß0123456789"},
    "fr": {"us": "K&.AQWZ:6)!@#$%^&*(", "fr": CODE, "be": "K7:QAZWM§0123456789", "de": 'K/.AQWYÖ6=!"§$%&/()'},
    # A Belgian minus is a dead key in German.
    "be": {"us": "K&.AQWZ:=)!@#$%^&*(", "fr": "K7:QAZWM=0123456789", "be": CODE, "de": None},
    "de": {"us": "K7>QAYWM/0123456789", "fr": "Kè/AQYZ?!à&é\"'(-è_ç", "be": "Kè/AQYZ?=à&é\"'(§è!ç", "de": CODE},
}
"""Scanner's layout -> table it is read with -> text (edge.md, 1.2)."""


@pytest.mark.parametrize("table", LAYOUTS)
@pytest.mark.parametrize("scanner", LAYOUTS)
def test_each_scanner_layout_read_with_each_table(scanner: str, table: str) -> None:
    expected = PAIRS[scanner][table]
    assert scans(types(CODE, scanner), layout=table) == [Text(expected) if expected else Spoilt.MALFORMED]


@pytest.mark.parametrize("table", LAYOUTS)
@pytest.mark.parametrize("scanner", LAYOUTS)
def test_a_badge_needs_no_layout(scanner: str, table: str) -> None:
    assert scans(types(BADGE, scanner), layout=table) == [Text(BADGE)]


@pytest.mark.parametrize("before", LAYOUTS)
@pytest.mark.parametrize("scanner", LAYOUTS)
def test_the_calibration_code_tells_the_layout_and_the_next_scan_uses_it(scanner: str, before: str) -> None:
    sent = types(badge.CALIBRATION, scanner) + types(CODE, scanner)
    assert scans(sent, layout=before) == [Layout(scanner, IDLE_MS), Text(CODE)]


def test_the_calibration_code_by_alt_codes_keeps_the_layout() -> None:
    assert scans(types_alt(badge.CALIBRATION), layout="be") == [Layout("be", IDLE_MS)]


def test_the_calibration_code_is_recognised_without_an_end_key() -> None:
    assert scans(types(badge.CALIBRATION, "fr", end=None)) == [Layout("fr", IDLE_MS)]


def test_calibration_names_no_layout_for_other_keys() -> None:
    assert calibrate([]) is None
    assert calibrate(["x"] * len(badge.CALIBRATION)) is None
    assert calibrate(list(badge.CALIBRATION)) is None, "known characters fit every table"


KEYS: list[tuple[str, list[Key], list[Found]]] = [
    ("Enter ends a scan", types("ONE", end=ENTER) + types("TWO"), [Text("ONE"), Text("TWO")]),
    ("keypad Enter ends a scan", types("ONE", end=KEYPAD_ENTER), [Text("ONE")]),
    ("Tab ends a scan", types("ONE", end=TAB), [Text("ONE")]),
    ("Enter alone is nothing", press(ENTER) * 3, []),
    ("a pause ends a badge", types(BADGE, end=None), [Text(BADGE)]),
    ("a pause in the middle of a badge", types(BADGE[:-2], end=None), [Spoilt.PARTIAL]),
    ("a pause after an unreadable key", [*types(BADGE, end=None), *press(1)], [Spoilt.PARTIAL]),
    ("small letters stay small", types("one"), [Text("one")]),
    ("right Shift is Shift", press(30, 54) + press(ENTER), [Text("A")]),
    ("both Shifts, one let go", [(EV_KEY, 42, DOWN), (EV_KEY, 54, DOWN), (EV_KEY, 42, UP), *press(30), *press(ENTER)], [Text("A")]),
    ("an unreadable key", [*press(1), *types("ONE"), *types("TWO")], [Spoilt.MALFORMED, Text("TWO")]),
    ("Ctrl and a letter", press(46, CTRL) + types("ONE") + types("TWO"), [Spoilt.MALFORMED, Text("TWO")]),
    ("Ctrl-Alt-Delete", press(111, CTRL, 56) + types("ONE") + types("TWO"), [Spoilt.MALFORMED, Text("TWO")]),
    ("AltGr and a key", press(11, ALT_GR) + press(ENTER), [Spoilt.MALFORMED]),
    ("Alt and a letter", press(30, 56) + press(ENTER), [Spoilt.MALFORMED]),
    ("Alt alone is nothing", [(EV_KEY, 56, DOWN), (EV_KEY, 56, UP), *types("ONE")], [Text("ONE")]),
    ("autorepeat is not typed", [(EV_KEY, 30, DOWN), *[(EV_KEY, 30, REPEAT)] * 9, (EV_KEY, 30, UP), *press(ENTER)], [Text("a")]),
    ("a key let go that was never pressed", [(EV_KEY, 30, UP), *types("ONE")], [Text("ONE")]),
    ("Caps Lock turns letters", press(CAPS_LOCK) + types("oNe5"), [Text("OnE5")]),
    ("Caps Lock twice turns them back", press(CAPS_LOCK) + types("on", end=None) + press(CAPS_LOCK) + types("e"), [Text("ONe")]),
    ("Caps Lock ends with its scan", press(CAPS_LOCK) + types("one") + types("two"), [Text("ONE"), Text("two")]),
    ("a badge with Caps Lock on", press(CAPS_LOCK) + types(BADGE), [Text(BADGE.lower())]),
    ("Num Lock changes nothing", press(69) + types("ONE"), [Text("ONE")]),
    ("keypad digits and signs", [event for code in (79, 80, 74, 98) for event in press(code)] + press(ENTER), [Text("12-/")]),
    ("Alt codes", types_alt(CODE), [Text(CODE)]),
    ("an Alt code without its zero", [(EV_KEY, 56, DOWN), *press(77), *press(76), (EV_KEY, 56, UP), *press(ENTER)], [Text("A")]),
    ("Alt code 250", [(EV_KEY, 56, DOWN), *press(80), *press(76), *press(82), (EV_KEY, 56, UP), *press(ENTER)], [Spoilt.MALFORMED]),
    ("an Alt code without end", [(EV_KEY, 56, DOWN), *press(77) * 9_999, (EV_KEY, 56, UP), *press(ENTER)], [Spoilt.MALFORMED]),
    ("Enter inside an Alt code", [(EV_KEY, 56, DOWN), *press(77), *press(ENTER), (EV_KEY, 56, UP)], [Spoilt.MALFORMED]),
    ("the longest scan", types("x" * badge.MAX_READ), [Text("x" * badge.MAX_READ)]),
    ("one more is too long", types("x" * (badge.MAX_READ + 1)) + types("ONE"), [Spoilt.OVERLONG, Text("ONE")]),
    ("too long without end", types("x" * 5_000, end=None), [Spoilt.OVERLONG]),
    ("lamps and scan codes are no keys", [(17, 1, 1), (4, 4, 458_756), *types("ONE")], [Text("ONE")]),
]


@pytest.mark.parametrize(("sent", "expected"), [case[1:] for case in KEYS], ids=[case[0] for case in KEYS])
def test_what_a_keyboard_scanner_types_is_read(sent: list[Key], expected: list[Found]) -> None:
    assert scans(sent) == expected
    assert scans(*([key] for key in sent)) == expected


DROPPED: Key = (EV_SYN, SYN_DROPPED, 0)
LEFTOVER = types("left")


def test_dropped_keys_void_the_scan_once_and_the_next_is_good() -> None:
    sent = [*types(BADGE[:9], end=None), DROPPED, *LEFTOVER[:3], DROPPED, REPORT, *types(BADGE[12:]), *types("ONE")]
    assert scans(sent) == [Spoilt.VOID, Text("ONE")]


def test_an_enter_before_the_next_report_is_a_leftover_and_ends_nothing() -> None:
    assert scans([*types("ONE", end=None), DROPPED, (EV_KEY, ENTER, DOWN), REPORT, *types("TWO"), *types("THREE")]) == [
        Spoilt.VOID,
        Text("THREE"),
    ]


def test_a_pause_after_dropped_keys_makes_room_for_the_next_scan() -> None:
    framing = KeyFraming()
    assert framing.feed([*types("ONE", end=None), DROPPED, REPORT], 0) == [Spoilt.VOID]
    assert framing.idle(IDLE_MS) == []
    assert framing.feed(types("TWO"), 200) == [Text("TWO")]


def test_dropped_keys_forget_a_held_shift_until_the_kernel_is_asked() -> None:
    framing = KeyFraming()
    framing.feed([(EV_KEY, SHIFT, DOWN), DROPPED, REPORT], 0)
    lost = framing.lost
    framing.hold([SHIFT, 30])
    assert (lost, framing.lost) == (True, False)
    framing.idle(IDLE_MS)
    assert framing.feed([*press(30), *press(ENTER)], 200) == [Text("A")]


def test_a_shift_lost_among_dropped_keys_does_not_turn_the_next_scan() -> None:
    assert scans([(EV_KEY, SHIFT, DOWN), DROPPED, REPORT, *press(ENTER), *types("one")]) == [Spoilt.VOID, Text("one")]


def test_dropped_keys_after_an_overlong_scan_are_not_told_twice() -> None:
    assert scans([*types("x" * 600, end=None), DROPPED, REPORT]) == [Spoilt.OVERLONG]


def test_a_scan_that_ends_by_unplugging_is_void_and_its_shift_is_up_again() -> None:
    framing = KeyFraming()
    framing.feed([*types("HALF", end=None), (EV_KEY, SHIFT, DOWN)], 0)
    assert framing.void() == [Spoilt.VOID]
    assert framing.void() == []
    assert framing.feed(types("one"), 1) == [Text("one")]


@pytest.mark.parametrize(("gap_ms", "idle_ms"), [(1, IDLE_MS), (20, IDLE_MS), (50, 200), (400, MAX_IDLE_MS)])
def test_calibration_learns_how_slowly_a_scanner_types(gap_ms: int, idle_ms: int) -> None:
    framing = KeyFraming()
    found = [one for number, key in enumerate(types(badge.CALIBRATION)[::2]) for one in framing.feed([key, REPORT], number * gap_ms)]
    assert found == [Layout("us", idle_ms)]
    assert framing.idle_ms == idle_ms


def test_nothing_is_due_after_a_finished_scan_nor_before_one() -> None:
    framing = KeyFraming()
    assert due_ms(framing) is None
    framing.feed(types("ONE"), 1_000)
    assert due_ms(framing) is None
    framing.feed(types("O", end=None), 2_000)
    assert due_ms(framing) == 2_000 + IDLE_MS
    assert framing.idle(2_000 + IDLE_MS - 1) == []


# --- tags -----------------------------------------------------------------------------------------

FRAMES: list[tuple[str, str, list[Found]]] = [
    ("RDM6300", "0236463030374233393732354603", [Tag("EM:6F007B3972")]),
    ("RDM6300, second", "0230313030363345394145323503", [Tag("EM:010063E9AE")]),
    ("RDM6300, third", "0231303030383646343434323603", [Tag("EM:100086F444")]),
    ("ID-12", "023043303030363231413538450D0A03", [Tag("EM:0C000621A5")]),
    ("a line feed alone before the end", "023043303030363231413538450A03", []),
    ("a wrong checksum", "0236463030374233393732354503", [Spoilt.CHECKSUM]),
    ("no hexadecimal", "0236463030374233393732354703", []),
    ("too short", "02364630303742333937323503", []),
    ("too long", "023646303037423339373235463003", []),
    ("much too long", "02" + "30" * 600 + "03", []),
    ("cut, then whole", "02364630300236463030374233393732354603", [Tag("EM:6F007B3972")]),
    ("rubbish before", "FF0D0A410336023646303037423339373235460303", [Tag("EM:6F007B3972")]),
    ("spaces are no digits", b"\x026F 07B39 25F\x03".hex(), []),
]


@pytest.mark.parametrize(("sent", "expected"), [case[1:] for case in FRAMES], ids=[case[0] for case in FRAMES])
def test_what_a_tag_reader_sends_is_read(sent: str, expected: list[Found]) -> None:
    came = bytes.fromhex(sent)
    assert tags(came) == expected
    assert tags(*(bytes([byte]) for byte in came)) == expected


def test_a_tag_that_is_held_there_is_found_once_and_again_after_it_was_away() -> None:
    framing, tag = TagFraming(), frame("6F007B3972")
    found = [framing.idle(at_ms) + framing.feed(tag, at_ms) for at_ms in range(0, 2_000, 50)]
    assert found == [[Tag("EM:6F007B3972")], *[[]] * 39]
    assert due_ms(framing) == 1_950 + ABSENT_MS
    assert framing.idle(1_950 + ABSENT_MS - 1) == []
    assert framing.feed(tag, 1_950 + ABSENT_MS - 1) == []
    framing.idle(1_950 + 2 * ABSENT_MS)
    assert due_ms(framing) is None
    assert framing.feed(tag, 3_000) == [Tag("EM:6F007B3972")]


def test_the_sister_right_behind_is_found() -> None:
    assert tags(frame("6F007B3972") * 2 + frame("010063E9AE", newline=True)) == [Tag("EM:6F007B3972"), Tag("EM:010063E9AE")]


def test_wrong_checksums_are_told_once_and_not_beside_a_good_frame() -> None:
    bad, good = bytes.fromhex("0236463030374233393732354503"), frame("6F007B3972")
    assert tags(bad * 3 + good + bad * 3 + good) == [Spoilt.CHECKSUM, Tag("EM:6F007B3972")]


def test_a_replugged_tag_reader_starts_afresh() -> None:
    framing = TagFraming()
    framing.feed(frame("6F007B3972") + b"\x026F", 0)
    assert framing.void() == []
    assert framing.feed(b"007B39725F\x03", 1) == []
    assert framing.feed(frame("6F007B3972"), 2) == [Tag("EM:6F007B3972")]


# --- however cut ----------------------------------------------------------------------------------

byte_pieces = st.lists(
    st.one_of(
        st.sampled_from([BADGE.encode() + b"\r", b"\r\n", b"\t", b"x" * 511, frame("6F007B3972"), frame("010063E9AE", newline=True)]),
        st.binary(max_size=20),
    ),
    max_size=8,
).map(b"".join)
key_pieces = st.lists(
    st.one_of(
        st.sampled_from(
            [types(BADGE), types(badge.CALIBRATION, "fr"), types_alt("A7"), press(ENTER), [DROPPED], types("x" * 511, end=None)]
        ),
        st.lists(st.tuples(st.sampled_from([EV_SYN, EV_KEY, 4]), st.integers(0, 130), st.integers(0, 3)), max_size=10),
    ),
    max_size=8,
).map(lambda pieces: [key for piece in pieces for key in piece])
cut_places = st.lists(st.integers(0, 3_000), max_size=10)


def cut(whole: Any, places: list[int]) -> list[Any]:
    ends = [0, *sorted(min(place, len(whole)) for place in places), len(whole)]
    return [whole[start:end] for start, end in pairwise(ends)]


@pytest.mark.parametrize("read", [lines, tags])
@given(sent=byte_pieces, places=cut_places)
def test_however_bytes_are_cut_the_same_reads_come_out(read: Callable[..., list[Found]], sent: bytes, places: list[int]) -> None:
    assert read(*cut(sent, places)) == read(sent)


@given(sent=key_pieces, places=cut_places)
def test_however_keys_are_cut_the_same_reads_come_out(sent: list[Key], places: list[int]) -> None:
    assert scans(*cut(sent, places)) == scans(sent)


@given(first=key_pieces, second=key_pieces, turns=st.lists(st.booleans(), max_size=40))
def test_two_readers_in_turns_read_what_each_reads_alone(first: list[Key], second: list[Key], turns: list[bool]) -> None:
    left, right = KeyFraming(), KeyFraming()
    found: dict[bool, list[Found]] = {False: [], True: []}
    waiting = {False: list(first), True: list(second)}
    for turn in turns:
        part, waiting[turn] = waiting[turn][:7], waiting[turn][7:]
        found[turn] += (right if turn else left).feed(part, 0)
    found[False] += left.feed(waiting[False], 0) + left.idle(IDLE_MS)
    found[True] += right.feed(waiting[True], 0) + right.idle(IDLE_MS)
    assert found == {False: scans(first), True: scans(second)}


@given(sent=st.lists(st.tuples(st.just(EV_KEY), st.integers(0, LINUX_LAST_KEY), st.integers(-1, 3)), max_size=200))
def test_whatever_is_typed_one_enter_and_a_pause_later_the_next_badge_is_read(sent: list[Key]) -> None:
    framing = KeyFraming()
    framing.feed(sent, 0)
    framing.feed([(EV_KEY, modifier, UP) for modifier in (42, 54, 56, 100, 29, 97, 125, 126)], 0)
    framing.idle(IDLE_MS)
    assert framing.feed(types(BADGE), 200) == [Text(BADGE)]


# --- rubbish --------------------------------------------------------------------------------------

RUBBISH = bytes(number * number * 7 // 3 % 256 for number in range(100_000))


def test_after_100_kb_of_rubbish_the_next_line_and_the_next_tag_are_read() -> None:
    assert lines(RUBBISH + b"\r" + BADGE.encode() + b"\r")[-1] == Text(BADGE)
    assert tags(RUBBISH + frame("6F007B3972"))[-1] == Tag("EM:6F007B3972")


WORST: list[tuple[str, Callable[[int], object]]] = [
    ("one endless line", lambda size: lines(b"x" * size)),
    ("many lines", lambda size: lines(b"x\r" * (size // 2))),
    ("many overlong lines", lambda size: lines((b"x" * 513 + b"\r") * (size // 500))),
    ("many frame starts", lambda size: tags(b"\x02" * size)),
    ("many bad frames", lambda size: tags(b"\x02" + b"6" * 12 + b"\x03" * (size - 13))),
    ("one endless scan", lambda size: scans([(EV_KEY, 30, DOWN)] * size)),
    ("many almost-calibrations", lambda size: scans([*([(EV_KEY, 30, DOWN)] * 23), (EV_KEY, ENTER, DOWN)] * (size // 24))),
    ("an endless Alt code", lambda size: scans([(EV_KEY, 56, DOWN), *[(EV_KEY, 77, DOWN)] * size])),
]


def steps(work: Callable[[int], object], size: int) -> int:
    """Lines of Python that the work takes: the same on every machine, unlike time."""
    count = 0

    def trace(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(size)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("work", [case[1] for case in WORST], ids=[case[0] for case in WORST])
def test_ten_times_the_rubbish_is_ten_times_the_work(work: Callable[[int], object]) -> None:
    assert steps(work, 20_000) < 11 * steps(work, 2_000)
