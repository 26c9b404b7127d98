"""Bugs of what staff correct and of what runs settle: `hub/core/{attendance,corrections,dues,settlement,stays}.py` and their folds."""

from tests.sim.planting import Bug, Edit

_NO_LONGER = "stage=Stage.POSTED)\n        _no_longer_gathered(books, fact.wallet, charge)\n"
_PRESUMED = "    return visit.until_ms or (max(visit.span[1], visit.from_ms) if verified else None)"
_BEFORE = "    return was or _voided(sheet.marks[mark])"

BUGS = (
    Bug("a gathered charge is posted by every run", (Edit("hub.core.folds", _NO_LONGER, "stage=Stage.POSTED)\n"),)),
    Bug(
        "a run posts days that are not over",
        (Edit("hub.core.settlement", "charge.item == run.programme and charge.day <= run.through_day)", "charge.item == run.programme)"),),
    ),
    Bug(
        "a run leaves the last charge of a wallet",
        (Edit("hub.core.settlement", "for charge in due.charges)", "for charge in due.charges[:-1])"),),
    ),
    Bug(
        "a scan that comes after its day was closed changes nothing",
        (Edit("hub.core.attendance", "    if day.day <= books.forgotten:", "    if day.day <= books.closed.get(tap.site.id, 0):"),),
    ),
    Bug(
        "what corrects a posted charge waits for a run",
        (Edit("hub.core.dues", "programme.post_days and not replaced else", "programme.post_days else"),),
    ),
    Bug(
        "a gathered charge that is taken back gives money",
        (Edit("hub.core.wallets", "    posted = taken.stage is _POSTED\n", "    posted = taken.id > 0\n"),),
    ),
    Bug("an exit nobody saw is billed silently", (Edit("hub.core.dues", _PRESUMED, _PRESUMED.replace(" if verified else None", "")),)),
    Bug("a stay that was not lit is billed", (Edit("hub.core.dues", "    if not (visit.lit or verified):", "    if visit.id < 0:"),)),
    Bug(
        "a stay that became longer is charged beside what it was",
        (Edit("hub.core.dues", "    facts = _taken_back(day, known, wanted, readings) if known else ()", "    facts: Facts = ()"),),
    ),
    Bug("a verified stay is not charged", (Edit("hub.core.dues", "verified=stay in sheet.verified)", "verified=False)"),)),
    Bug(
        "a mark that staff have voided still counts",
        (Edit("hub.core.stays", "sorted([mark for mark in marks if not mark.void])", "sorted(marks)"),),
    ),
    Bug(
        "a correction is undone after five minutes",
        (Edit("hub.core.corrections", "    if staff.now_ms - act.at_ms > UNDO_MS:", "    if staff.now_ms - act.at_ms > 3 * UNDO_MS:"),),
    ),
    Bug("an undone mark stays", (Edit("hub.core.corrections", _BEFORE, "    return was or sheet.marks[mark]"),)),
    Bug(
        "staff undo what a colleague did",
        (
            Edit(
                "hub.core.corrections",
                "    act = books.acts.get(staff.who)\n",
                "    act = books.acts.get(staff.who) or next(iter(books.acts.values()), None)\n",
            ),
        ),
    ),
)
