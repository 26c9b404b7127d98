"""Some nonsense of `make faults` for the pages, what ever failed there, and planted defects that are found."""

from pathlib import Path
from typing import Any

import pytest

from hub.web import trail
from tests.faults import pages
from tests.faults.result import Order, complaints


def order(folder: Path, count: int) -> Order:
    return Order(1, folder, lambda _line: None, count)


def test_some_nonsense_for_the_pages_is_answered_in_words(tmp_path: Path) -> None:
    result = pages.inject(order(tmp_path, 300))
    assert complaints(result) == []
    assert result.injected["requests"] >= 300 + len(pages.kept())
    assert result.injected["routes"] >= 90


def test_a_planted_defect_is_found_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(_scope: Any) -> str:
        raise KeyError("planted")

    monkeypatch.setattr(pages, "CASES", tmp_path / "pages.jsonl")
    monkeypatch.setattr(trail, "_thing", raising)
    (wrong,) = pages.inject(order(tmp_path / "first", 4)).violations
    assert wrong.startswith("KeyError('planted') at trail.py:")
    assert len(pages.kept()) == 1
    monkeypatch.setattr(trail, "_thing", lambda _scope: "")
    assert not pages.inject(order(tmp_path / "again", 2)).violations, (
        "what failed once is sent first from then on, and holds once it is mended"
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (pages.Answer(502, {}, b""), "answered with 502"),
        (pages.Answer(200, {"content-type": "text/html"}, b"<pre>Traceback (most recent call last):"), "shows a stack trace"),
        (pages.Answer(422, {"content-type": "application/json"}, b"{}"), "answered with 422 and no words: b'{}'"),
        (pages.Answer(404, {"content-type": "text/html"}, b"<h1>"), ""),
        (pages.Answer(401, {"hx-refresh": "true"}, b""), ""),
    ],
)
def test_an_answer_is_an_error_of_ours_or_words(answer: pages.Answer, said: str) -> None:
    assert pages._complaint(answer) == said
