"""The tables of `office.db`: what is set up (register.py), and the facts again to query (history.py). No queries here.

Times are Unix ms. A change here needs a migration (hub/migrations); a test holds both equal.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Date, Index, Integer, LargeBinary, String, Table, Text

from hub import columns, papertables
from hub.columns import NUMBER, amount, owned_by, points_to

metadata = columns.metadata
photo = papertables.photo
pickup = papertables.pickup
pupil_note = papertables.pupil_note
mail_queue = papertables.mail_queue
mail_head = papertables.mail_head

# --- what is set up: one table for each row of hub.core.school ------------------------------------

site = Table(
    "site",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False, comment="IANA name"),
    Column("floor_cents", BigInteger, nullable=False),
    Column("wallet_scope", Text, nullable=False, server_default="household"),
    Column("low_cents", BigInteger, nullable=False, server_default="200"),
    Column("files_due_day", Date),
    Column("pilot_from", Date),
    Column("live_from", Date),
    Column("whole_runs", Boolean, nullable=False, server_default="0"),
    Column("address", Text, nullable=False, server_default=""),
    Column("iban", Text, nullable=False, server_default="", comment="without spaces; empty: none"),
    Column("holder", Text, nullable=False, server_default="", comment="registered name of the account"),
    Column("contacts", JSON, nullable=False, server_default="[]", comment="[topic, name, phone, email], …"),
)
programme = Table(
    "programme",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("site", points_to("site.id"), nullable=False),
    Column("use", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("windows", JSON, nullable=False, comment="[weekdays, start_min, end_min, from_day, until_day (not included), …]"),
    Column("scans", Text, nullable=False, server_default="both", comment="both, entry, exit"),
    Column("attendance", Text, nullable=False, server_default="open", comment="open, registered, auto"),
    Column("within", BigInteger, nullable=False, server_default="0", comment="a programme, 0: none"),
    Column("room", Text, nullable=False, server_default=""),
    Column("legal", Text, nullable=False, server_default="outside_hours"),
    Column("post_days", Integer, nullable=False, server_default="0", comment="0: at once"),
    Column("post_weekday", Integer, nullable=False, server_default="0"),
    Column("days", JSON, nullable=False, server_default="[]", comment="kinds of day, none: all"),
    Column("formerly", JSON, nullable=False, server_default="[]", comment="how it was run on days before one, oldest first"),
)
plan = Table(
    "plan",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pupil", owned_by("pupil.id"), nullable=False, index=True),
    Column("programme", points_to("programme.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date, comment="not included; none: open"),
    Column("weekdays", JSON, nullable=False),
    Column("excluded", JSON, nullable=False, comment="days, YYYY-MM-DD"),
)
absence_reason = Table(
    "absence_reason",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("cents", BigInteger, nullable=False),
)
class_hours = Table(
    "class_hours",
    metadata,
    Column("site", points_to("site.id"), primary_key=True),
    Column("group", Text, primary_key=True, comment="empty: every group"),
    Column("weekday", Integer, primary_key=True),
    Column("start_min", Integer, nullable=False),
    Column("tolerance_min", Integer, nullable=False),
    Column("missed_min", Integer, nullable=False),
    Column("end_min", Integer, nullable=False, server_default="1440"),
    Column("from_day", Date, primary_key=True),
    Column("until_day", Date, comment="not included; none: open"),
)
product = Table(
    "product",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("site", points_to("site.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("price_cents", BigInteger, nullable=False),
    Column("policy", Text, nullable=False),
    Column("allergens", JSON, nullable=False, server_default="[]"),
    Column("diets", JSON, nullable=False, server_default="[]", comment="codes of those it suits"),
    Column("legal", Text, nullable=False, server_default="optional"),
    Column("picture", Text, nullable=False, server_default="", comment="name of a drawing, empty: none"),
    Column("withdrawn", Boolean, nullable=False, server_default="0"),
)
canteen = Table(
    "canteen",
    metadata,
    Column("site", points_to("site.id"), primary_key=True),
    Column("horizon_days", Integer, nullable=False),
    Column("cut_off_min", Integer, nullable=False),
    Column("days_before", Integer, nullable=False, comment="working days"),
    Column("waiting_until_min", Integer, nullable=False),
    Column("walk_up", Text, nullable=False),
    Column("walk_up_cents", BigInteger, nullable=False),
    Column("unordered", Text, nullable=False),
    Column("unordered_cents", BigInteger, nullable=False),
    Column("void_limit_cents", BigInteger, nullable=False),
)
menu = Table(
    "menu",
    metadata,
    Column("site", points_to("site.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("offers", JSON, nullable=False, comment="[product, price_cents, [allergens]], …"),
)
device = Table(
    "device",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("site", points_to("site.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("blocked", Text, nullable=False),
    Column("place", Text, nullable=False, server_default=""),
)
reader = Table(
    "reader",
    metadata,
    Column("device", points_to("device.id"), primary_key=True),
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("use", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("product", BigInteger, nullable=False, comment="0: none"),
    Column("door_ms", Integer, nullable=False),
)
household = Table(
    "household",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, server_default="", comment="elsewhere"),
    Column("address", Text, nullable=False, server_default=""),
    Column("same_as", BigInteger, nullable=False, server_default="0", comment="the household it was entered twice as, 0: itself"),
)
adult = Table(
    "adult",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("household", points_to("household.id"), nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("email", Text, nullable=False, comment="empty: none"),
    Column("language", String(2), nullable=False),
    Column("phone", Text, nullable=False, server_default=""),
)
pupil = Table(
    "pupil",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("household", points_to("household.id"), nullable=False),
    Column("site", points_to("site.id"), nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("daily_limit_cents", BigInteger, nullable=False, server_default="0", comment="0: none"),
    Column("born", Date),
    Column("key", Text, nullable=False, server_default="", comment="elsewhere"),
    Column("birth_order", Integer, nullable=False, server_default="0"),
    Column("child_type", Text, nullable=False, server_default=""),
    Column("same_as", BigInteger, nullable=False, server_default="0", comment="the pupil it was entered twice as, 0: itself"),
    Column("left_day", Date, comment="the first day it is of the school no more, none: it stays"),
)
diet = Table(
    "diet",
    metadata,
    Column("pupil", points_to("pupil.id"), primary_key=True),
    Column("code", Text, nullable=False),
    Column("allergens", JSON, nullable=False),
)
badge = Table(
    "badge",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("hash", String(20), nullable=False),
    Column("pupil", points_to("pupil.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("mark", Text, nullable=False),
)
tariff = Table(
    "tariff",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("item", BigInteger, nullable=False, comment="a programme or a product"),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date),
    Column("lines", JSON, nullable=False, comment="hub.core.formulas.Line, …"),
    Column("group", BigInteger, nullable=False, comment="0: none"),
)
tariff_group = Table(
    "tariff_group",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("name", Text, nullable=False),
    Column("max_cents", BigInteger, nullable=False),
)
family_file = Table(
    "family_file",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("household", points_to("household.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date),
    Column("bracket", Integer, nullable=False, comment="0: by the QF"),
    Column("qf_cents", BigInteger, nullable=False, comment="-1: not stated"),
    Column("received_day", Date),
    Column("validated_day", Date),
)
calendar_day = Table(
    "calendar_day",
    metadata,
    Column("site", BigInteger, primary_key=True, autoincrement=False, comment="0: all sites"),
    Column("day", Date, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
)
custody = Table(
    "custody",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pupil", points_to("pupil.id"), nullable=False),
    Column("household", points_to("household.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date, comment="not included; none: open"),
    Column("weeks", Text, nullable=False),
    Column("weekdays", JSON, nullable=False, comment="0 = Monday"),
)
payer_override = Table(
    "payer_override",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pupil", points_to("pupil.id"), nullable=False),
    Column("household", points_to("household.id"), nullable=False),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date, comment="not included; none: open"),
    Column("item", BigInteger, nullable=False, comment="0: everything"),
)
edit = Table(
    "edit",
    metadata,
    Column("ask", NUMBER, primary_key=True),
)

# --- who may sign in, and words about facts -------------------------------------------------------

staff = Table(
    "staff",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password", Text, nullable=False, comment="argon2id; empty: invited"),
    Column("language", String(2), nullable=False, server_default="", comment="empty: the hub's"),
    Column("pin", Text, nullable=False, server_default="", comment="argon2id; empty: none"),
    Column("totp", Text, nullable=False, server_default="", comment="secret of the second factor, empty: none"),
    Column("totp_step", BigInteger, nullable=False, server_default="0", comment="the last one used"),
    Column("ended_ms", BigInteger, nullable=False, server_default="0", comment="0: works here"),
)
staff_role = Table(
    "staff_role",
    metadata,
    Column("staff", owned_by("staff.id"), primary_key=True),
    Column("site", BigInteger, primary_key=True, autoincrement=False, comment="0: all sites"),
    Column("role", Text, primary_key=True),
)
web_session = Table(
    "web_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("staff", points_to("staff.id"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("second_ms", BigInteger, nullable=False, server_default="0", comment="when the second factor was shown, 0: not"),
    Column("pin_ms", BigInteger, nullable=False, server_default="0", comment="when the PIN was last typed, 0: not"),
    Column("kiosk", Text, nullable=False, server_default="", comment="device/reader whose kiosk it is alone, empty: a person's"),
    Column("shared", Boolean, nullable=False, server_default="0", comment="several people use the device"),
)
recovery = Table(
    "recovery",
    metadata,
    Column("hash", String(32), primary_key=True, comment="keyed, of a code that opens once"),
    Column("staff", owned_by("staff.id"), nullable=False, index=True),
)
trail = Table(
    "trail",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("staff", BigInteger, nullable=False),
    Column("act", Text, nullable=False, comment="method and path of the route"),
    Column("thing", Text, nullable=False, comment="ids in the path, never a name: pupil=1;charge=2;"),
    Index("ix_trail_at", "at_ms"),
    Index("ix_trail_staff", "staff", "at_ms"),
    Index("ix_trail_thing", "thing", "at_ms"),
)
invite = Table(
    "invite",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False, comment="0: not yet"),
    Column("staff", BigInteger, nullable=False, server_default="0", comment="whose account, 0: the first one"),
)
note = Table(
    "note",
    metadata,
    Column("number", NUMBER, primary_key=True, comment="of the fact"),
    Column("text", Text, nullable=False),
    Column("document", Text, nullable=False, server_default="", comment="where the proof is kept, empty: none"),
    Column("pupil", BigInteger, nullable=False, server_default="0", comment="whose day it corrects, 0: it is no matter of a day"),
    Column("day", Integer, nullable=False, server_default="0", comment="YYYYMMDD"),
    Index("ix_note_pupil", "pupil", "day"),
)

# --- the facts again: numbers and what is asked for, the rest is read from the journal --------------

history_scan = Table(
    "history_scan",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("pupil", BigInteger, nullable=False, comment="0: nobody's badge"),
    Column("at_ms", BigInteger, nullable=False),
    Column("device", String(32), nullable=False),
    Column("code", Text, nullable=False),
    Index("ix_history_scan_pupil", "pupil", "at_ms"),
)
history_entry = Table(
    "history_entry",
    metadata,
    Column("id", NUMBER, primary_key=True, comment="16 × number of the fact + place in it"),
    Column("wallet", BigInteger, nullable=False),
    Column("cents", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False, comment="opening, charge, reverse, cash_in, void, transfer, top_up, refund, payout"),
    Column("item", BigInteger, nullable=False),
    Column("pupil", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_history_entry_wallet", "wallet"),
)
history_stay = Table(
    "history_stay",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("pupil", BigInteger, nullable=False),
    Column("site", BigInteger, nullable=False),
    Column("programme", BigInteger, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="0: open"),
    Column("reason", Text, nullable=False),
    Column("closed", BigInteger, nullable=False, comment="number of the closing fact, 0: open"),
    Index("ix_history_stay_pupil", "pupil", "from_ms"),
)
history_charge = Table(
    "history_charge",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="of a fact about the charge"),
    Column("charge", BigInteger, primary_key=True, autoincrement=False),
    Column("pupil", BigInteger, nullable=False, comment="of the fact that made it, 0: posted or taken back"),
    Column("at_ms", BigInteger, nullable=False),
    Column("wallet", BigInteger, nullable=False, comment="that pays it, also where nothing is posted yet"),
    Index("ix_history_charge_charge", "charge"),
    Index("ix_history_charge_pupil", "pupil", "at_ms"),
    Index("ix_history_charge_wallet", "wallet"),
)
history_settlement = Table(
    "history_settlement",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="of the fact that a run was done"),
    Column("site", BigInteger, nullable=False),
)
history_morning = Table(
    "history_morning",
    metadata,
    Column("pupil", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="YYYYMMDD"),
    Column("counts", Boolean, nullable=False, server_default="0", comment="late or missed"),
    Column("noted", BigInteger, nullable=False, server_default="0", comment="number of the last fact, 0: none"),
    Column("justified", BigInteger, nullable=False, server_default="0", comment="number of the last fact, 0: none"),
    Index("ix_history_morning_day", "day"),
)
history_presence = Table(
    "history_presence",
    metadata,
    Column("programme", BigInteger, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False, comment="Unix time in quarters of an hour"),
    *map(amount, ("came", "gone", "ms")),
    sqlite_with_rowid=False,
)
history_revenue = Table(
    "history_revenue",
    metadata,
    Column("site", BigInteger, primary_key=True, autoincrement=False),
    Column("item", BigInteger, primary_key=True, autoincrement=False),
    Column("quarter", Integer, primary_key=True, autoincrement=False, comment="of the booking"),
    *map(amount, ("charges", "charged_cents", "corrections", "corrected_cents")),
    sqlite_with_rowid=False,
)
history_attended = Table(
    "history_attended",
    metadata,
    Column("programme", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", Integer, primary_key=True, autoincrement=False, comment="Unix time in hours"),
    Column("pupils", LargeBinary, nullable=False, comment="a bit for each place of history_place"),
    sqlite_with_rowid=False,
)
history_place = Table(
    "history_place",
    metadata,
    Column("place", NUMBER, primary_key=True),
    Column("pupil", BigInteger, nullable=False, unique=True),
)
history_cash = Table(
    "history_cash",
    metadata,
    Column("session", BigInteger, primary_key=True, autoincrement=False),
    Column("desk", Text, nullable=False),
    *map(amount, ("site", "opened_by", "from_ms", "opening_cents", "sold_cents", "paid_in_cents", "paid_back_cents")),
    *map(amount, ("closed_by", "until_ms", "expected_cents", "counted_cents")),
    Index("ix_history_cash_site", "site", "from_ms"),
)
history_head = Table(
    "history_head",
    metadata,
    Column("id", NUMBER, primary_key=True, comment="always 1"),
    Column("journal", LargeBinary(32), nullable=False, comment="hash of the journal's row 0"),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
