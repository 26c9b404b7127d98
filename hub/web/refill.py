"""A page with what was typed put back into its form. Pure: text in, text out.

It reads pages of our own templates alone: tags are whole, and what stands in quotes is escaped.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape

Fields = Mapping[str, Sequence[str]]

FOLLOWS = frozenset({"ask_id", "was"})
"""Hidden fields that go with what was typed: the form's id, and what its writer had seen. Any other names the thing, and has to agree."""
OWN = frozenset({"csrf", "next"})
"""Fields that stay as the page has them."""
BOXES = frozenset({"checkbox", "radio"})
PRESSED = frozenset({"submit", "button", "reset", "image"})
EMPTY = frozenset({"password", "file"})
_TAG = re.compile(r"""<(/?)(form|details|input|select|option|textarea|button)\b((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
_ATTRIBUTE = re.compile(r"""([\w:.-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?""")


@dataclass(frozen=True, slots=True)
class _Tag:
    """`begin`, `end`: where it stands in the page."""

    begin: int
    end: int
    name: str
    closes: bool
    has: Mapping[str, str]

    @property
    def kind(self) -> str:
        return self.has.get("type", "submit" if self.name == "button" else "text") if self.name in {"input", "button"} else self.name


@dataclass(slots=True)
class _Filling:
    """A form that is being filled: what is still without a place, and what changes in the page, as (begin, end, new text)."""

    begin: int
    left: dict[str, list[str]]
    edits: list[tuple[int, int, str]] = field(default_factory=list)

    def take(self, name: str, text: str) -> bool:
        """Whether this very value was sent; it has its place then."""
        if text not in self.left.get(name, []):
            return False
        self.left[name].remove(text)
        return True

    def next(self, name: str) -> str | None:
        """The next value of a field that may be there many times."""
        return self.left[name].pop(0) if self.left.get(name) else None


def refilled(page: str, action: str, fields: Fields) -> tuple[str, int] | None:
    """The page with the form of this action filled in, and where that form begins; None when no form has a place for all that was typed."""
    tags = list(_tags(page))
    for form in range(len(tags)):
        if tags[form].name == "form" and not tags[form].closes and tags[form].has.get("method") == "post":
            filling = _filled(page, tags, form, action, fields)
            if filling is not None:
                for begin, end, text in sorted(filling.edits, reverse=True):
                    page = page[:begin] + text + page[end:]
                return page, filling.begin + sum(len(text) - (end - begin) for begin, end, text in filling.edits if end <= filling.begin)
    return None


def _filled(page: str, tags: Sequence[_Tag], form: int, action: str, fields: Fields) -> _Filling | None:
    inside = tags[form + 1 : next(place for place in range(form, len(tags)) if tags[place].name == "form" and tags[place].closes)]
    leads = {tags[form].has.get("action", ""), *(tag.has.get("formaction", "") for tag in inside)}
    if action not in {one.partition("#")[0] for one in leads}:
        return None
    filling = _Filling(tags[form].end, {name: list(texts) for name, texts in fields.items() if name not in OWN})
    named = [place for place, tag in enumerate(inside) if tag.has.get("name", "") not in {"", *OWN} and "disabled" not in tag.has]
    if not all(_put(page, inside, place, filling) for place in named) or any(any(texts) for texts in filling.left.values()):
        return None
    folds = [tag for tag in _around(tags, form, len(inside)) if "open" not in tag.has]
    filling.edits += [(tag.begin, tag.end, _with(page, tag, "open", "")) for tag in folds]
    return filling


def _put(page: str, inside: Sequence[_Tag], place: int, filling: _Filling) -> bool:
    """Put back one field. False when the form is about another thing."""
    tag = inside[place]
    name, kind = tag.has["name"], tag.kind
    if kind == "hidden" and name not in FOLLOWS:
        return filling.take(name, tag.has.get("value", ""))
    if kind in PRESSED:
        filling.take(name, tag.has.get("value", ""))
    elif kind in BOXES:
        chosen = filling.take(name, tag.has.get("value", "on"))
        filling.edits.append((tag.begin, tag.end, _with(page, tag, "checked", "" if chosen else None)))
    elif kind == "select":
        _choose(page, inside, place, filling)
    elif kind not in EMPTY and (text := filling.next(name)) is not None:
        if kind == "textarea":
            filling.edits.append((tag.end, inside[place + 1].begin, escape(text)))
        else:
            filling.edits.append((tag.begin, tag.end, _with(page, tag, "value", text)))
    return True


def _choose(page: str, inside: Sequence[_Tag], place: int, filling: _Filling) -> None:
    """Of a list that offers what was chosen; else it stays without a place."""
    name, options = inside[place].has["name"], []
    for tag in inside[place + 1 :]:
        if tag.name == "select":
            break
        if not tag.closes:
            options.append((tag, tag.has.get("value", unescape(page[tag.end :].partition("<")[0]).strip())))
    wanted = next(iter(filling.left.get(name, [])), None)
    if wanted in {value for _, value in options} and wanted is not None:
        filling.take(name, wanted)
        filling.edits += [(tag.begin, tag.end, _with(page, tag, "selected", "" if value == wanted else None)) for tag, value in options]


def _around(tags: Sequence[_Tag], form: int, inside: int) -> list[_Tag]:
    """The folds that a form stands in, and those within it: nothing that was put back is out of sight."""
    folds: list[_Tag] = []
    for tag in tags[:form]:
        if tag.name == "details":
            folds = folds[:-1] if tag.closes else [*folds, tag]
    return folds + [tag for tag in tags[form : form + inside] if tag.name == "details" and not tag.closes]


def _with(page: str, tag: _Tag, name: str, value: str | None) -> str:
    """The tag with this attribute instead of the one that it has; None: without it."""
    text = re.sub(rf"""\s{name}(?:\s*=\s*(?:"[^"]*"|'[^']*'))?(?=[\s/>])""", "", page[tag.begin : tag.end])
    said = "" if value is None else f" {name}" if not value and name != "value" else f' {name}="{escape(value)}"'
    return f"{text[:-1]}{said}>"


def _tags(page: str) -> Iterator[_Tag]:
    for found in _TAG.finditer(page):
        has = {name: unescape(double or single) for name, double, single in _ATTRIBUTE.findall(found[3])}
        yield _Tag(found.start(), found.end(), found[2], bool(found[1]), has)
