"""Forms with files: taken within limits, held to the same rules as every other form."""

from typing import Annotated

import pytest
from fastapi import Depends, FastAPI

from hub.accounts import Role
from hub.web.rights import Right
from hub.web.session import Does, Form
from tests.hub.web.conftest import URL, Browser, Hub

MOST = 2_000
BOUNDARY = "b0undary"


def body(*parts: tuple[str, str, bytes], end: str = "--") -> bytes:
    """Parts as (name, file name or empty, content)."""
    made = b""
    for name, file, content in parts:
        named = f'; filename="{file}"' if file else ""
        made += f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return made + f"--{BOUNDARY}{end}\r\n".encode()


@pytest.fixture
def taken(hub: Hub) -> list[Form]:
    """What a route of ours that takes a file was sent."""
    taken: list[Form] = []

    async def take(form: Annotated[Form, Depends(Does(Right.PUPILS, MOST))]) -> str:
        taken.append(form)
        return "taken"

    app: FastAPI = hub.app
    app.add_api_route("/takes-a-file", take, methods=["POST"])
    return taken


async def send(browser: Browser, content: bytes, **headers: str) -> int:
    known = {"origin": URL, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await browser.http.post("/takes-a-file", content=content, headers=known | headers)
    return answer.status_code


async def secret_of(browser: Browser) -> bytes:
    await browser.sign_in_as("marc", frozenset({(Role.BURSAR, 0)}))
    return b"csrf of marc"


async def test_a_file_comes_with_its_fields(taken: list[Form], visitor: Browser) -> None:
    secret = await secret_of(visitor)
    sent = body(("csrf", "", secret), ("ask_id", "", b"7"), ("file", "C:\\listes\\élèves.csv", b"a;b\r\n1;2"), ("none", "x", b""))
    assert await send(visitor, sent) == 200
    (form,) = taken
    assert form.ask == 7
    assert (form.files["file"].name, form.files["file"].content) == ("élèves.csv", b"a;b\r\n1;2")
    assert form.files["none"].content == b""


async def test_a_file_is_held_to_its_limit_and_to_the_rules_of_forms(taken: list[Form], visitor: Browser) -> None:
    secret = await secret_of(visitor)
    known = (("csrf", "", secret), ("ask_id", "", b"7"))
    assert await send(visitor, body(*known, ("file", "x", b"x" * MOST))) == 413
    assert await send(visitor, body(*known, ("text", "", b"x" * 1_500))) == 200
    assert await send(visitor, body(*known, *[("n", "", b"1")] * 60)) == 413
    assert await send(visitor, body(*known, ("file", "x", b"x"), end="")) == 422, "cut off"
    assert await send(visitor, b"hello") == 422
    assert await send(visitor, body(("csrf", "", b"guess"), ("file", "x", b"x"))) == 403
    assert await send(visitor, body(*known), origin="https://elsewhere.test") == 403
    assert await send(visitor, body(*known), **{"sec-fetch-site": "cross-site"}) == 403
    assert await send(visitor, body(*known), **{"content-type": "text/plain"}) == 415
    assert await send(visitor, body(*known), **{"content-type": "multipart/form-data"}) == 422, "without a boundary"
    assert len(taken) == 1


async def test_a_form_that_takes_no_file_gets_none(visitor: Browser) -> None:
    await secret_of(visitor)
    known = {"origin": URL, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await visitor.http.post("/badges/give", content=body(("csrf", "", b"csrf of marc")), headers=known)
    assert answer.status_code == 415
