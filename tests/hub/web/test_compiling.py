"""Templates that a process of its own has compiled are compiled no more."""

import pytest
from jinja2 import Environment

from hub.web.compiling import compile_all
from hub.web.render import Pages


async def test_what_was_compiled_apart_is_not_compiled_again_in_any_language(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages()
    await compile_all(pages, "fr", rest_s=0)

    def compiled_here(_room: Environment, _source: str, name: str, _path: str) -> None:
        pytest.fail(f"{name} is compiled by the hub")

    monkeypatch.setattr(Environment, "compile", compiled_here)
    for language in ("fr", "nl"):
        room = pages.room(language)
        assert [room.get_template(name).name for name in room.list_templates()] == room.list_templates()
