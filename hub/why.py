"""One charge, found in the journal by its id, with its derivation in sentences. Read only; the rules are in hub/core/why.py."""

from collections.abc import AsyncIterator

from hub.core.calendar import at, day_coded
from hub.core.facts import Charged, ChargesPosted, Fact, Reversed, StayClosed, StayVoided
from hub.core.money import write_cents
from hub.core.school import School
from hub.core.why import Sentence, around, sentences, standing
from hub.errors import ImportRefusedError
from hub.journal import Journal


async def explain(journal: Journal, school: School, charge: int) -> tuple[Sentence, ...]:
    """Who and what, why so much, and what became of it. Raises ImportRefusedError when the journal has no such charge."""
    found: Charged | None = None
    posted: ChargesPosted | None = None
    taken_back: list[Reversed] = []
    async for fact in _facts(journal):
        if isinstance(fact, Charged) and fact.charge == charge:
            found = fact
        elif isinstance(fact, Reversed) and fact.charge == charge:
            taken_back.append(fact)
        elif isinstance(fact, ChargesPosted) and charge in fact.charges:
            posted = fact
    if found is None:
        raise ImportRefusedError(f"no charge {charge}: its number is in the list of the wallet's entries")
    zone = school.sites[found.site].zone
    backs = (
        Sentence("Taken back on %(day)s: %(amount)s.", {"day": f"{at(back.at_ms, zone):%d/%m/%Y}", "amount": write_cents(back.cents)})
        for back in taken_back
    )
    stays = await _stays(journal, found) if found.day else []
    became = () if taken_back and posted is None else standing(found, posted, zone)
    return (_heading(school, found), *around(found, stays, school), *sentences(found.why, zone), *became, *backs)


async def _stays(journal: Journal, charged: Charged) -> list[StayClosed]:
    """The pupil's stays of that day, as they are recorded in the end."""
    stays: dict[int, StayClosed] = {}
    async for fact in _facts(journal):
        if isinstance(fact, StayClosed) and (fact.pupil, fact.day) == (charged.pupil, charged.day):
            stays[fact.stay] = fact
        elif isinstance(fact, StayVoided):
            stays.pop(fact.stay, None)
    return list(stays.values())


async def _facts(journal: Journal) -> AsyncIterator[Fact]:
    async for commit in journal.read():
        for fact in commit.facts:
            yield fact


def _heading(school: School, charged: Charged) -> Sentence:
    pupil, item = school.pupils.get(charged.pupil), school.programmes.get(charged.item) or school.products.get(charged.item)
    day = day_coded(charged.day) if charged.day else at(charged.at_ms, school.sites[charged.site].zone)
    return Sentence(
        "%(amount)s for %(pupil)s: %(item)s, %(site)s, %(day)s.",
        {
            "amount": write_cents(charged.cents),
            "pupil": f"{pupil.first_name} {pupil.last_name}" if pupil else str(charged.pupil),
            "item": item.name if item else str(charged.item),
            "site": school.sites[charged.site].name,
            "day": f"{day:%d/%m/%Y}",
        },
    )
