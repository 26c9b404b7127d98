"""Each page of the office has its picture, made in an errand in a browser: a page that is new needs one."""

from pathlib import Path

from tests.hub.web.conftest import Hub
from tests.hub.web.pictures import NO_PAGE, PICTURES
from tests.hub.web.test_pages import routes


def test_each_page_is_looked_at_in_an_errand_in_a_browser(hub: Hub) -> None:
    pages = {route.path for route in routes(hub.app.routes) if "GET" in (route.methods or ()) and not NO_PAGE.search(route.path)}
    assert set(PICTURES) == pages
    errands = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*browser.py"))
    missing = {path: name for path, name in PICTURES.items() if f'"{name}"' not in errands}
    assert not missing, "no errand keeps a picture of this name"


def test_no_two_pages_have_the_same_picture() -> None:
    assert len(set(PICTURES.values())) == len(PICTURES)
