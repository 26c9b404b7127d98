"""One charge, found by its id, with its derivation in sentences. Read only; the sentences are made in hub/core/why.py."""

from hub.core.school import School
from hub.core.why import Sentence, explained
from hub.errors import RefusedError
from hub.history import History


async def explain(history: History, school: School, charge: int) -> tuple[Sentence, ...]:
    """Who and what, why so much, and what became of it. Raises RefusedError when there is no such charge."""
    told = await history.charge(charge)
    if told is None:
        raise RefusedError(f"no charge {charge}: its number is in the list of the wallet's entries")
    charged = told.charged
    stays = await history.stays_between(charged.pupil, charged.why.from_ms, charged.why.to_ms) if charged.day else ()
    return explained(school, told, stays)
