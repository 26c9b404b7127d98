"""A school day for every test that asks for one, and what must hold of it when the test is over."""

from collections.abc import Iterator

import msgspec
import pytest

from tests.journals import check_books
from tests.schools import PEOPLE, Day


@pytest.fixture
def day() -> Iterator[Day]:
    """A Monday at the small school. At its end the facts make the same books again, name nobody, and pass the audit."""
    day = Day()
    yield day
    facts = [fact for each in day.facts for fact in each]
    check_books(facts, day.books)
    written = msgspec.json.encode(facts).decode()
    assert not [name for person in PEOPLE for name in person if name in written]
