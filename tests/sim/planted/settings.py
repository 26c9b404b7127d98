"""Bugs of what is set up: pilots, planned attendance, absences, payers, files, prices, mornings. `hub/core/`."""

from tests.sim.planting import Bug, Edit

_PILOT = "stage = wallet_account(wallet), Stage.PILOT if sale.site.live_from and in_pilot(sale.site, _day(sale)) else sale.stage"
_TURN = "is_even = day.isocalendar().week % 2 == 0\n"
_IN_TURN = "payer = payer_on(school, pupil, sale.item, _day(sale))"
_COUNTED = "        again = session is not None and part.programme in paid\n"
_PLANNED_TOO = "    visits = [*found.visits, *(_as_planned(day, programme, span) for span in begun if span not in seen)]\n"
_CUT = "        yield from cut(part, sorted(cuts)) if cuts else (part,)\n"
_ABSENT = "return day.sheet(inner.id).absence is None and _is_meant(day, inner)"
_WAS = (
    "        stands = line is not None and line.from_ms == part.from_ms and line.to_ms == part.to_ms and not _reason_changes(day, part)\n"
)
_REPLACED = "why, replaced=part.programme in replaced, earlier"
_LIVE = "    if in_pilot(site, day_of(wish.at_ms, site.zone)) and not in_pilot(site, wish.day):\n"
_NOTE = "facts += (*reverse(ask, taken, at_ms, reason, who, made.charge), *new, *ordered, made)"
_NOTE_LESS = "facts += (*new, *ordered, made)"
_TURNS = "    rows += [replace(turn, household=kept) for turns in school.custody.values() for turn in turns if turn.household == gone]\n"
_FREED = "        facts += (HoldReleased(ask, hold, wallet, at_ms, why, who) for hold in books.holds.get(wallet, ()))\n"
_SPLIT_SUM = "    if sum(given.values()) != cents or any(share * cents < 0 for share in given.values()):\n"
_FIRST = "    return min(known, default=0)\n"
_BAND = "    parts = tuple([_part(band, max(start, start_ms), min(end, end_ms), file) for band, (start_ms, end_ms) in spans])\n"
_EARNED = "max(half_up(qf_cents * unit.rate_ppm, 1_000_000), unit.least_cents)"
_NEWS = "    is_news = bool(here) and any("
_RANK = "        if (not siblings.present or other in present) and _counts("
_SPENT = "    return min(cents, max(terms.group_cents - terms.before_cents, 0)) if terms.group else cents"

BUGS = (
    Bug("a pilot's charge takes money", (Edit("hub.core.wallets", _PILOT, _PILOT.replace("Stage.PILOT if", "sale.stage if")),)),
    Bug(
        "a pilot's charge is settled",
        (Edit("hub.core.wallets", _PILOT, _PILOT.replace("Stage.PILOT if", "Stage.GATHERED if")),),
    ),
    Bug(
        "a pilot goes on for a day",
        (Edit("hub.core.wallets", "site.live_from is not None and day < site", "site.live_from is not None and day <= site"),),
    ),
    Bug(
        "what was ordered in a pilot for later is never charged",
        (Edit("hub.core.canteen", _LIVE, _LIVE.replace("and not in_pilot(site, wish.day)", "and wish.day")),),
    ),
    Bug(
        "what a pilot promised passes a limit, and does not say so",
        (Edit("hub.core.wallets", "reason=sale.despite if short else _NO_REASON", "reason=_NO_REASON"),),
    ),
    Bug("the other household pays in its weeks off", (Edit("hub.core.payers", _TURN, _TURN.replace("== 0", "== 1")),)),
    Bug(
        "who pays is who has the turn on the day of booking",
        (Edit("hub.core.wallets", _IN_TURN, _IN_TURN.replace("_day(sale)", "day_of(sale.at_ms, sale.site.zone)")),),
    ),
    Bug(
        "an override for one programme holds for everything",
        (Edit("hub.core.payers", "            if row.item == overrides and _covers", "            if _covers"),),
    ),
    Bug(
        "a planned child counted present is charged twice when it scans",
        (
            Edit("hub.core.dues", _PLANNED_TOO, _PLANNED_TOO.replace(" if span not in seen", "")),
            Edit("hub.core.dues", _COUNTED, "        again = False\n"),
        ),
    ),
    Bug(
        "who is expected counts as present on a day that is left out",
        (
            Edit(
                "hub.core.timetable",
                "return in_time and day.weekday() in self.weekdays and day not in self.excluded",
                "return in_time and day.weekday() in self.weekdays",
            ),
        ),
    ),
    Bug(
        "a session within care is charged beside it",
        (
            Edit(
                "hub.core.dues",
                _CUT,
                "        yield part\n        yield from (piece for piece in cut(part, sorted(cuts)) if piece.programme != root.id)\n",
            ),
        ),
    ),
    Bug(
        "study within care is for everybody",
        (
            Edit(
                "hub.core.dues",
                "    return day.school.is_planned(day.pupil.id, inner.id, day_coded(day.day)) if said is None else said",
                "    return True if said is None else said",
            ),
        ),
    ),
    Bug(
        "who is absent from study is charged for it all the same",
        (Edit("hub.core.dues", _ABSENT, "return _is_meant(day, inner)"),),
    ),
    Bug(
        "another reason of an absence costs what the first one did",
        (Edit("hub.core.dues", _WAS, _WAS.replace(" and not _reason_changes(day, part)", "")),),
    ),
    Bug(
        "care is posted when study is taken back",
        (Edit("hub.core.dues", _REPLACED, _REPLACED.replace("part.programme in replaced", "bool(replaced)")),),
    ),
    Bug(
        "an absence is undone without its price",
        (Edit("hub.core.corrections", "verified=verified, absence=absence, split=was_split)", "verified=verified, split=was_split)"),),
    ),
    Bug(
        "an undo takes back what a colleague has said since",
        (Edit("hub.core.corrections", "verified = (sheet.verified - said.verified.keys()) | again", "verified = frozenset(again)"),),
    ),
    Bug(
        "a charge is made again without its credit note",
        (Edit("hub.core.rerating", _NOTE, _NOTE_LESS),),
    ),
    Bug(
        "a file counts for what was before it",
        (
            Edit(
                "hub.core.families",
                "if file.validated_day is not None and file.from_day <= day and (",
                "if file.validated_day is not None and (",
            ),
        ),
    ),
    Bug("a band of the clock goes on to the end of the stay", (Edit("hub.core.tariffs", _BAND, _BAND.replace("min(end, end_ms)", "end")),)),
    Bug(
        "a rate of what a family earns is rounded down",
        (Edit("hub.core.tariffs", _EARNED, "max(qf_cents * unit.rate_ppm // 1_000_000, unit.least_cents)"),),
    ),
    Bug("who comes does not make it cheaper for a sister", (Edit("hub.core.dues", _NEWS, "    is_news = len(here) > 99 and any("),)),
    Bug("a brother who stayed at home counts", (Edit("hub.core.families", _RANK, "        if _counts("),)),
    Bug(
        "a day's maximum is each stay's own",
        (Edit("hub.core.tariffs", _SPENT, _SPENT.replace("terms.group_cents - terms.before_cents", "terms.group_cents")),),
    ),
    Bug("who was seen first comes last", (Edit("hub.core.mornings", _FIRST, "    return max(known, default=0)\n"),)),
    Bug(
        "who comes after the roll stays missing",
        (
            Edit(
                "hub.core.mornings", "    if morning == known or (", "    if morning == known or (known is not None and known.missed) or ("
            ),
        ),
    ),
    Bug("the roll is never taken", (Edit("hub.core.mornings", "    if not through_ms or ", "    if through_ms or "),)),
    Bug(
        "shares of a wallet need not be all of it",
        (Edit("hub.core.transfers", _SPLIT_SUM, "    if any(share * cents < 0 for share in given.values()):\n"),),
    ),
    Bug(
        "what comes to a second entry's wallet later stays there",
        (Edit("hub.keeping", "desk.school.merged or desk.school.second_homes", "desk.school.merged"),),
    ),
    Bug(
        "what a family entered twice owes stays where it was", (Edit("hub.core.merging", "        if cents:\n", "        if cents > 0:\n"),)
    ),
    Bug("what a second entry has set aside is not freed", (Edit("hub.core.merging", _FREED, ""),)),
    Bug("a turn stays with a family's second entry", (Edit("hub.core.merging", _TURNS, ""),)),
    Bug(
        "an order does not know that somebody else pays it",
        (Edit("hub.core.rerating", "    if order is None or order.late:\n", "    if order is None or order.id:\n"),),
    ),
    Bug(
        "what may still be resold is moved to who pays",
        (Edit("hub.core.rerating", "order.late and each.day >= today", "order.late and each.day > today"),),
    ),
    Bug(
        "what is moved to another household is posted at once",
        (Edit("hub.core.rerating", "        stage=taken.stage,\n", "        stage=Stage.POSTED,\n"),),
    ),
)
