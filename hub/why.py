"""One charge, found in the journal by its id, with its derivation in sentences. Read only; the rules are in hub/core/why.py."""

from hub.core.calendar import at
from hub.core.facts import Charged, Reversed
from hub.core.money import write_cents
from hub.core.school import School
from hub.core.why import Sentence, sentences
from hub.errors import ImportRefusedError
from hub.journal import Journal


async def explain(journal: Journal, school: School, charge: int) -> tuple[Sentence, ...]:
    """Who and what, why so much, and what became of it. Raises ImportRefusedError when the journal has no such charge."""
    found: Charged | None = None
    taken_back: list[Reversed] = []
    async for commit in journal.read():
        for fact in commit.facts:
            if isinstance(fact, Charged) and fact.charge == charge:
                found = fact
            elif isinstance(fact, Reversed) and fact.charge == charge:
                taken_back.append(fact)
    if found is None:
        raise ImportRefusedError(f"no charge {charge}: its number is in the list of the wallet's entries")
    zone = school.sites[found.site].zone
    backs = (
        Sentence("Taken back on %(day)s: %(amount)s.", {"day": f"{at(back.at_ms, zone):%d/%m/%Y}", "amount": write_cents(back.cents)})
        for back in taken_back
    )
    return (_heading(school, found), *sentences(found.why, zone), *backs)


def _heading(school: School, charged: Charged) -> Sentence:
    pupil, item = school.pupils.get(charged.pupil), school.programmes.get(charged.item) or school.products.get(charged.item)
    return Sentence(
        "%(amount)s for %(pupil)s: %(item)s, %(site)s, %(day)s.",
        {
            "amount": write_cents(charged.cents),
            "pupil": f"{pupil.first_name} {pupil.last_name}" if pupil else str(charged.pupil),
            "item": item.name if item else str(charged.item),
            "site": school.sites[charged.site].name,
            "day": f"{at(charged.at_ms, school.sites[charged.site].zone):%d/%m/%Y}",
        },
    )
