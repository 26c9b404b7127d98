"""The words of the facts: what a scan led to, why something was done, by whom, of which kind. Only ever added to."""

import enum


class Code(enum.StrEnum):
    """What a scan led to. For logs, staff pages and tests; what the pupil sees is the light."""

    IN = "in"
    OUT = "out"
    ALREADY_IN = "already_in"
    ALREADY_OUT = "already_out"
    NO_ENTRY = "no_entry"  # an exit without an entry
    SEEN = "seen"  # identified; nothing opened, nothing sold
    MEAL = "meal"  # a reserved meal is handed out
    MEAL_AGAIN = "meal_again"  # it was already handed out today
    WALK_UP = "walk_up"  # a meal without reservation: served all the same
    SOLD = "sold"  # in older journals, as are the next two: a tap sold its reader's article
    SHORTAGE = "shortage"
    NOT_ORDERED = "not_ordered"
    AGAIN = "again"  # the device died between commit and light: nothing done twice
    CLOSED = "closed"  # no programme at this hour
    LATE_ORDER = "late_order"  # of a day that is not kept any more (in older journals: older than what was known): left to staff
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    UNCERTAIN = "uncertain"  # the clock's error spans a change of the badge
    NO_READER = "no_reader"


class Reason(enum.StrEnum):
    """Why something was done beside the ordinary rule, or needs a person."""

    NONE = ""
    OFFLINE = "offline"  # the device had shown a yes
    NOT_LIT = "not_lit"  # a yes that nobody saw
    NO_EXIT = "no_exit"
    NO_ENTRY = "no_entry"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"  # an order, in time
    CHANGED = "changed"  # an order, for another product
    RESOLD = "resold"  # an order cancelled late, to somebody who waited
    UNDONE = "undone"  # the cashier's last act, at once
    WRONG_PUPIL = "wrong_pupil"
    WRONG_PRODUCT = "wrong_product"
    WRONG_AMOUNT = "wrong_amount"
    TWICE = "twice"
    POLICY = "policy"  # the site's wallets are somebody else's from now on
    SETTLED = "settled"  # a hold, by the charge it was for
    REQUESTED = "requested"  # by the payer
    OVERPAID = "overpaid"
    LEAVER = "leaver"  # the pupil goes to another school
    SAME_CHILD = "same_child"  # a pupil was entered twice: what the second entry had is the first one's
    SAME_FAMILY = "same_family"  # a household was entered twice: likewise
    NOT_PLANNED = "not_planned"  # served, though others are expected there
    TWO_SITES = "two_sites"  # in at two places at once
    FORGOTTEN = "forgotten"  # the badge, or to hold it there
    WRONG_TIME = "wrong_time"
    WRONG_WAY = "wrong_way"  # in and out the other way round
    CONFIRMED = "confirmed"  # as it was recorded
    OTHER_PAYER = "other_payer"  # the charge is another household's, by a custody that was entered later
    PROMISED = "promised"  # ordered in a pilot, when nothing was looked at: a limit is passed


class By(enum.StrEnum):
    """In which role somebody asked; `who` beside it is the person's own number, 0 for a pupil with the badge."""

    PARENT = "parent"
    PUPIL = "pupil"
    STAFF = "staff"


class Compartment(enum.StrEnum):
    """Which of the owner's wallets at a site."""

    WHOLE = ""  # a household's only one (requirement S26)
    GENERAL = "general"  # a pupil's, for everything that is bought (S28)
    RESERVE = "reserve"  # a pupil's, put in safety: never drawn by itself


class Stage(enum.StrEnum):
    """What a charge has done to the wallet so far."""

    POSTED = ""
    GATHERED = "gathered"  # provisional, until a settlement run posts it (requirement Q3)
    PILOT = "pilot"  # what it would have cost; never posted (Q4)


class Act(enum.StrEnum):
    """What staff correct in a pupil's day."""

    ADD = "add"
    VOID = "void"
    MOVE = "move"
    INVERT = "invert"
    ABSENT = "absent"
    VERIFY = "verify"
    SPLIT = "split"
    UNDO = "undo"


class Clearing(enum.StrEnum):
    TOP_UP = "top_up"
    REFUND = "refund"
    PAYOUT = "payout"  # a leaver's rest (requirement P17)


class Level(enum.StrEnum):
    """How low a wallet has fallen; the worst that was passed (requirement S36; section 5, Low balance)."""

    LOW = "low"  # below the site's threshold
    DEBT = "debt"  # below zero
    MINIMUM = "minimum"  # below the site's floor


class Justification(enum.StrEnum):
    """What staff say of a late or missed class morning (requirement S47)."""

    OPEN = "open"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class Excuse(enum.StrEnum):
    """What a family gives as the reason of a late or missed class morning."""

    NONE = ""
    ILL = "ill"
    DOCTOR = "doctor"  # an appointment
    FAMILY = "family"  # a death, a wedding, a move
    TRANSPORT = "transport"  # the bus, the snow
    SUMMONED = "summoned"  # by a court or an office
    NO_BADGE = "no_badge"  # was there, and nobody scanned it
    OTHER = "other"  # the note says which
