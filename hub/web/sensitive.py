"""What is sensitive: the one place that says so. A device that several people use shows it for two minutes after its person's PIN.

| what | before the PIN |
|---|---|
| money: balances, debts, charges, statements, family files (income) | nobody has the `RIGHTS` below: their pages ask, others leave it out |
| who may fetch a child, and its note; diets and allergies | asked for |
| notes that staff wrote of a correction or of a class morning: health and family matters may stand in them | asked for |
| addresses, telephone numbers and e-mail of families; who pays on which days (custody) | asked for |
| an allergy, or a diet that today's meal does not suit, of who stands at the till | shown at once |
| names, classes, photos, who is in and where, orders; why a child stays away, in a word of a list | shown: what the device is there for |

The till's alert is never held back: it is of the child who is being served at that moment, of today's meal only, and comes too late
behind a PIN that a queue of children teaches everybody to skip. What the kitchen cooks is counted by diet and class, without names.

A page of nothing else names it in its policy (`Sees(…, sensitive=True)`, `Does`); one that has other things too asks
`visit.sees_sensitive`. tests/hub/web/test_sensitive.py walks through all of them.
"""

from hub.accounts import WebSession
from hub.web.rights import Right

PIN_MS = 2 * 60_000
"""How long a shared device shows sensitive things after its person's PIN."""
FORM_MS = 15 * 60_000
"""How long after it a form may still be answered with them: what somebody typed for five minutes is shown again when it is refused."""
RIGHTS = frozenset({Right.MONEY, Right.BILLING})
"""Rights of sensitive things alone."""


def is_open(held: WebSession | None, now_ms: int, *, sends: bool) -> bool:
    """Whether this web session may be shown sensitive things now. `sends`: it sends a form."""
    return held is not None and (not held.shared or now_ms - held.pin_ms <= (FORM_MS if sends else PIN_MS))
