"""What was typed is put back into its form as a browser would show it, or the page says that there is no place for it."""

import pytest

from hub.web.refill import Fields, refilled

PAGE = """<main><form method="post" action="/other"><input name="name" value="elsewhere"></form>
<details class="fold"><summary>More</summary>
<form method="post" action="/pupils/7" class="x">
<input type="hidden" name="csrf" value="fresh"><input type="hidden" name="ask_id" value="1"><input type="hidden" name="was" value="now">
<input type="hidden" name="pupil" value="7"><input type="hidden" name="next" value="/here">
<input name="name" value="L&eacute;a" data-value="kept" required><input name="row"><input name="row" value="b">
<input type="checkbox" name="day" value="0" checked><input type="checkbox" name="day" value="1"><input type="checkbox" name="yes">
<input type="password" name="password"><input type="file" name="photo">
<select name="site"><option value="1" selected>One</option><option value="2">Two</option></select>
<select name="word"><option>a<option>b &amp; c</select>
<textarea name="note">old</textarea><button name="act" value="save">Save</button>
<button name="act" value="drop" formaction="/pupils/7/drop#end">Drop</button>
</form></details></main>"""
SENT: dict[str, list[str]] = {
    "csrf": ["old"], "ask_id": ["99"], "was": ["then"], "pupil": ["7"], "next": ["/there"], "name": ['Zoé "<b>"'], "row": ["", "c"],
    "day": ["1"], "site": ["2"], "word": ["b & c"], "note": ["1 < 2\r\nnew"], "act": ["save"],
}  # fmt: skip


def test_a_form_shows_what_was_typed_and_nothing_else_changes() -> None:
    found = refilled(PAGE, "/pupils/7", SENT)
    assert found
    html, place = found
    assert html[:place].endswith('<form method="post" action="/pupils/7" class="x">')
    for piece in (
        '<input name="name" value="elsewhere">',
        '<details class="fold" open>',
        '<input type="hidden" name="csrf" value="fresh"><input type="hidden" name="ask_id" value="99">',
        '<input type="hidden" name="was" value="then">',
        '<input type="hidden" name="pupil" value="7"><input type="hidden" name="next" value="/here">',
        '<input name="name" data-value="kept" required value="Zoé &quot;&lt;b&gt;&quot;">',
        '<input name="row" value=""><input name="row" value="c">',
        '<input type="checkbox" name="day" value="0"><input type="checkbox" name="day" value="1" checked>',
        '<input type="checkbox" name="yes">',
        '<input type="password" name="password"><input type="file" name="photo">',
        '<option value="1">One</option><option value="2" selected>Two</option>',
        "<option>a<option selected>b &amp; c</select>",
        '<textarea name="note">1 &lt; 2\r\nnew</textarea>',
    ):
        assert piece in html, piece


@pytest.mark.parametrize(
    ("action", "changed"),
    [
        ("/pupils/8", {}),
        ("/pupils/7", {"pupil": ["8"]}),
        ("/pupils/7", {"pupil": []}),
        ("/pupils/7", {"row": ["a", "b", "c"]}),
        ("/pupils/7", {"unknown": ["x"]}),
        ("/pupils/7", {"site": ["3"]}),
        ("/pupils/7", {"day": ["5"]}),
        ("/pupils/7", {"act": ["more"]}),
    ],
)
def test_a_form_of_another_thing_or_without_a_place_for_all_of_it_is_not_filled_in(action: str, changed: Fields) -> None:
    assert refilled(PAGE, action, {**SENT, **changed}) is None


def test_a_field_that_was_left_empty_needs_no_place() -> None:
    assert refilled(PAGE, "/pupils/7", {**SENT, "unknown": [""]})


def test_a_button_may_send_its_form_elsewhere() -> None:
    assert refilled(PAGE, "/pupils/7/drop", {**SENT, "act": ["drop"]})
