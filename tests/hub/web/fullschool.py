"""The small school with something of everything in it: families, custody, diets, pick-ups, notes, orders, debts, a till that is open.

`SENSITIVE` are the words of it that a shared device must not show before its person's PIN.
"""

import io
from dataclasses import replace
from datetime import date

from PIL import Image

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Act, Code, Excuse, Justification, Reason
from hub.core.ledger import opening_account, sales_account, wallet_account
from hub.core.menus import Allergen, Diet, Menu, Offer
from hub.core.papers import Note, Pickup
from hub.core.school import (
    Adult,
    Contact,
    Custody,
    Device,
    FamilyFile,
    PayerOverride,
    Policy,
    Product,
    ProductKind,
    Reader,
    Row,
    Weeks,
)
from hub.core.timetable import ClassHours, Plan
from hub.core.whys import Rule, Why
from proto.messages import Direction, Use
from tests.hub.web.browsing import populate
from tests.hub.web.conftest import Hub

TUESDAY = date(2026, 9, 22)
SINCE = date(2026, 9, 1)
DEBT_CENTS = 47_35
SENSITIVE = {
    "phone of a parent": "0470 11 22 33",
    "e-mail of a parent": "rosa.secrete@example.be",
    "address": "Rue des Secrets 7",
    "pick-up": "Odile Tantine",
    "phone of a pick-up": "0499 88 77 66",
    "note": "pompe à insuline",
    "note of a correction": "crise de panique",
    "note of a morning": "audience au tribunal",
    "diet": "sans-porc-halal",
    "allergy": "fruits à coque",
    "debt": "47,35",
    "income": "1\u202f234,56",
    "custody": "semaines paires",
}
"""What it is, and how a French page would write it."""

ROWS: tuple[Row, ...] = (
    Adult(700, 10, "Rosa", "Dupont", "rosa.secrete@example.be", "fr", "0470 11 22 33"),
    Adult(701, 11, "Karel", "Maes", "", "nl", "0470 44 55 66"),
    Diet(100, "sans-porc-halal", frozenset({Allergen.NUTS, Allergen.MILK})),
    Product(31, 1, ProductKind.MEAL, "Pâtes", 450, Policy.MUST_SERVE, allergens=frozenset({Allergen.NUTS}), picture="pasta"),
    Product(32, 1, ProductKind.ARTICLE, "Sandwich au fromage", 320, Policy.MUST_HAVE_FUNDS, picture="sandwich"),
    Menu(1, date(2026, 9, 21), (Offer(31, 450), Offer(32, 320))),
    Menu(1, TUESDAY, (Offer(31, 450), Offer(32, 320))),
    Custody(80, 100, 11, SINCE, None, Weeks.EVEN),
    PayerOverride(81, 101, 11, SINCE, None, 20),
    FamilyFile(82, 10, SINCE, None, 0, 1_234_56, SINCE, SINCE),
    Plan(83, 101, 20, SINCE),
    Plan(84, 102, 20, SINCE),
    ClassHours(1, "", 0, 510, 5),
    Device("borne-parc", 1, "Borne"),
    Reader("borne-parc", "main", "Borne", Use.KIOSK, Direction.IN),
)


async def furnish(hub: Hub) -> None:
    """Fill the small school; what is of Léa (100) and the Duponts (10) is what `SENSITIVE` names."""
    await populate(hub)
    duponts = replace(hub.desk.school.households[10], address="Rue des Secrets 7")
    contact = Contact("bills", "Économat", "081 00 00 00", "economat@example.be")
    park = replace(hub.desk.school.sites[1], iban="BE68539007547034", holder="École libre du Parc ASBL", contacts=(contact,))
    await hub.desk.edit(7_000, lambda _school: (duponts, park, *ROWS))
    await _papers(hub)
    await _money(hub)
    await _remarks(hub)
    await hub.book(f.MealReserved(7_010, 72, 100, 1, 31, 20260921))
    hub.now_ms += 4_000
    await hub.tap(100, Code.SEEN, device="caisse-parc")
    await hub.accounts.add_staff(77, "marc", "Marc Porte", "no password", frozenset({(Role.DOOR, 1)}))


async def _papers(hub: Hub) -> None:
    papers, photo = hub.office.papers, io.BytesIO()
    Image.new("RGB", (30, 40), "navy").save(photo, "PNG")
    await papers.set_photo(100, photo.getvalue(), hub.now_ms)
    await papers.set_note(100, "Léa a une pompe à insuline.")
    await papers.add_pickup(Pickup(77, 100, "Odile Tantine", "0499 88 77 66", "tante", SINCE))


async def _remarks(hub: Hub) -> None:
    """What staff wrote of Léa's Monday: of a correction, and of the morning that she missed."""
    day, begins, notes = 20260921, hub.at("08:30"), hub.office.notes
    await hub.book(f.Corrected(7_030, Act.ADD, 100, 20, day, 77, Reason.FORGOTTEN, hub.now_ms))
    await notes.write(Note(hub.desk.books.asks[7_030], "Une crise de panique au portail.", "", 100, day))
    await hub.book(f.MorningNoted(7_031, 100, 1, day, begins, begins, hub.at("12:00"), 0, 0))
    await hub.book(f.MorningJustified(7_032, 100, 1, day, Justification.JUSTIFIED, Excuse.FAMILY, 0, 77, hub.now_ms))
    await notes.write(Note(hub.desk.books.asks[7_032], "Une audience au tribunal.", "", 100, day))


async def _money(hub: Hub) -> None:
    """The Duponts have 10,25 € of `populate`, and owe 47,35 € in the end; charges, a gathered one, a sale and a question of today."""
    down = -(hub.desk.books.balance_cents(wallet_account(500)) + DEBT_CENTS)
    entries = (f.Entry(wallet_account(500), down), f.Entry(opening_account(1), -down))
    await hub.book(f.BalanceOpened(7_020, 500, hub.now_ms - 40 * 86_400_000, entries))
    paid = (f.Entry(wallet_account(500), -350), f.Entry(sales_account(1, 30), 350))
    why = Why(Rule.PRICE, unit_tenths=3500)
    await hub.book(f.Charged(7_021, 601, 500, 10, 100, 1, 30, 350, hub.now_ms, why, Reason.NONE, paid, limit_day=20260921))
    back = (f.Entry(wallet_account(500), 350), f.Entry(sales_account(1, 30), -350))
    await hub.book(f.Reversed(7_022, 601, 500, 350, hub.now_ms, Reason.TWICE, back))
    await hub.book(f.Unresolved(7_023, 1_001, 7_023, 100, 1, Code.OUT, Reason.NO_EXIT, hub.now_ms - 80_000_000))
