"""Templates and their contexts agree, static files are what they claim, every route has a policy."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from zoneinfo import ZoneInfo

import pytest
from fastapi.routing import APIRoute
from jinja2 import meta, nodes
from starlette.routing import BaseRoute

from hub.catalogues import languages
from hub.core.calendar import Window
from hub.core.codes import Code, Reason
from hub.core.school import BadgeState, Programme, Site
from hub.web import (
    account,
    badges,
    billing,
    board,
    calendar,
    canteen,
    day,
    devices,
    enrolment,
    evacuation,
    families,
    files,
    handover,
    imports,
    kiosk,
    leaving,
    letter,
    merges,
    mornings,
    oops,
    ordering,
    own,
    papers,
    payers,
    presence,
    products,
    promotion,
    pupils,
    questions,
    repaying,
    reports,
    roster,
    second,
    setup,
    sheet,
    sites,
    staff,
    statements,
    tariffs,
    trail,
    verification,
    why,
)
from hub.web.render import ROOM, stamp
from hub.web.session import POLICIES, Does, Sees, posted, posted_at_kiosk, posted_by_anyone
from hub.web.till import shown as till
from hub.web.wallets import acts, listed, one
from proto.messages import Use
from tests.hub.web.conftest import Hub, all_pages

CONTEXTS = {
    "board.html": board.BoardPage,
    "present.html": board.PresentPage,
    "evacuation.html": evacuation.EvacuationPage,
    "question.html": questions.QuestionPage,
    "presence.html": presence.PresencePage,
    "day.html": day.DayPage,
    "verification.html": verification.VerificationPage,
    "mornings.html": mornings.MorningsPage,
    "sign_in.html": account.SignInPage,
    "first.html": account.FirstPage,
    "invite.html": account.InvitePage,
    "own.html": own.OwnPage,
    "pin.html": own.PinPage,
    "second.html": second.SecondPage,
    "codes.html": second.CodesPage,
    "sites.html": sites.SitesPage,
    "site.html": sites.SitePage,
    "programme.html": sites.ProgrammePage,
    "calendar.html": calendar.CalendarPage,
    "calendar_change.html": calendar.ChangePage,
    "calendar_official.html": calendar.OfficialPage,
    "yearly.html": None,
    "tariffs.html": tariffs.listed.TariffsPage,
    "tariff.html": tariffs.listed.TariffPage,
    "tariff_edit.html": tariffs.editing.EditPage,
    "tariff_try.html": tariffs.trying.TryPage,
    "pricing.html": None,
    "staff.html": staff.StaffPage,
    "member.html": staff.MemberPage,
    "invited.html": staff.InvitedPage,
    "trail.html": trail.TrailPage,
    "oops.html": oops.OopsPage,
    "pupils.html": pupils.PupilsPage,
    "pupil.html": pupils.PupilPage,
    "badges.html": badges.listed.BadgesPage,
    "cards.html": badges.cards.CardsPage,
    "give.html": badges.giving.GivePage,
    "badge.html": badges.listed.BadgePage,
    "devices.html": devices.listed.DevicesPage,
    "device.html": devices.one.DevicePage,
    "new_device.html": devices.one.NewDevicePage,
    "sheet.html": sheet.SheetPage,
    "passes.html": sheet.PassesPage,
    "paper.html": sheet.RosterPaper,
    "roster.html": roster.RosterPage,
    "tills.html": till.TillsPage,
    "till.html": till.TillPage,
    "receipt.html": till.ReceiptPage,
    "find.html": till.FindPage,
    "enrolment.html": enrolment.EnrolmentPage,
    "papers.html": papers.PapersPage,
    "people.html": None,
    "why.html": why.WhyPage,
    "kiosk.html": kiosk.KioskPage,
    "setup.html": setup.SetupPage,
    "hand_over.html": handover.HandOverPage,
    "imports.html": imports.ImportsPage,
    "import.html": imports.PreviewPage,
    "canteen.html": canteen.CanteenPage,
    "menu.html": canteen.MenuPage,
    "kitchen.html": canteen.KitchenPage,
    "orders.html": canteen.OrdersPage,
    "diets.html": canteen.DietsPage,
    "ordering.html": ordering.OrderingPage,
    "products.html": products.ProductsPage,
    "product.html": products.ProductPage,
    "wallets.html": listed.WalletsPage,
    "wallet.html": one.WalletPage,
    "wallet_act.html": acts.ActPage,
    "billing.html": billing.BillingPage,
    "billing_preview.html": billing.PreviewPage,
    "billing_run.html": billing.RunPage,
    "families.html": families.FamiliesPage,
    "family.html": families.FamilyPage,
    "file.html": files.FilePage,
    "household.html": families.HouseholdPage,
    "adult.html": families.AdultPage,
    "payers.html": payers.PayersPage,
    "repaying.html": repaying.RepayingPage,
    "promotion.html": promotion.PromotionPage,
    "statements.html": statements.StatementsPage,
    "statement.html": statements.StatementPage,
    "letter.html": letter.LetterPage,
    "bill.html": None,
    "kept.html": None,
    "merge.html": merges.MergePage,
    "same_child.html": merges.SameChildPage,
    "leaving.html": leaving.LeavingPage,
    "reports.html": reports.overview.ReportsPage,
    "report_attendance.html": reports.attendance.AttendancePage,
    "report_subsidies.html": reports.subsidies.SubsidiesPage,
    "report_revenue.html": reports.revenue.RevenuePage,
    "report_cash.html": reports.cash.CashPage,
    "report_debts.html": reports.debts.DebtsPage,
    "report.html": None,
    "charts.html": None,
    "frame.html": None,
    "marks.html": None,
}
VENDORED = {
    "pico-2.1.1.min.css": "fbc9a63fc9fc9f72d12fd7fc9806e11fa9f77ae4f9cad146b27003a1119ba3db",
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "hx-sse-4.0.1.min.js": "18ef2761356ec1fe0bb6d92612315b37517a7c1e9856b661c5ae81fef239d103",
}
"""As npm packs them: @picocss/pico 2.1.1 (MIT) and htmx.org 4.0.1 (0BSD)."""


def test_every_template_is_known_to_this_test() -> None:
    assert {path.name for path in (ROOM / "templates").iterdir()} == set(CONTEXTS)


@pytest.mark.parametrize("template", CONTEXTS)
def test_a_template_uses_exactly_what_its_context_has(template: str) -> None:
    room = all_pages().room("fr")
    source = (ROOM / "templates" / template).read_text(encoding="utf-8")
    tree = room.parse(source)
    # Jinja also calls undeclared what is set in a branch only.
    own = {found.target for found in tree.find_all(nodes.Import)} | {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    used = meta.find_undeclared_variables(tree) - set(room.globals) - own - {"frame", "_", "caller"}
    context = CONTEXTS[template]
    assert used == ({field.name for field in fields(context)} if context else set())


@pytest.mark.parametrize("language", languages(ROOM / "locales"))
def test_every_code_and_state_has_its_word(language: str) -> None:
    marks = all_pages().room(language).globals["marks"]
    for code in Code:
        assert "outcome" in marks.outcome(code.value)  # type: ignore[attr-defined]
    for reason in Reason:
        assert marks.reason(reason.value) is not None  # type: ignore[attr-defined]
    assert {state.value for state in BadgeState} == {"active", "blocked", "lost", "replaced"}


@pytest.mark.parametrize("name", VENDORED)
def test_what_is_not_ours_is_unchanged(name: str) -> None:
    assert hashlib.sha256((ROOM / "static" / name).read_bytes()).hexdigest() == VENDORED[name]


def routes(found: Iterable[BaseRoute]) -> Iterator[APIRoute]:
    """Every route, those of included routers too. A mount or a documentation page is none of ours."""
    for route in found:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from routes(included.routes)
        else:
            assert isinstance(route, APIRoute), f"{route} has no policy"
            yield route


def test_every_route_has_a_policy_in_its_signature(hub: Hub) -> None:
    found = list(routes(hub.app.routes))
    assert len(found) > 15
    for route in found:
        policies = [
            wanted.call for wanted in route.dependant.dependencies if wanted.call in POLICIES or isinstance(wanted.call, Sees | Does)
        ]
        assert len(policies) == 1, f"{route.path} has no policy"
        unsafe = (route.methods or set()) - {"GET", "HEAD"}
        forms = policies[0] in (posted, posted_by_anyone, posted_at_kiosk) or isinstance(policies[0], Does)
        assert bool(unsafe) == forms, f"{route.path} changes something without a form's policy, or has one and changes nothing"


def test_the_stamp_of_a_row_changes_with_it_and_with_nothing_else() -> None:
    site = Site(1, "Parc", ZoneInfo("Europe/Brussels"))
    programme = Programme(20, 1, Use.CARE, "Garderie", (Window(frozenset({4, 0, 2}), 930, 1080),))
    again = Programme(20, 1, Use.CARE, "Garderie", (Window(frozenset([2, 0, 4]), 930, 1080),))
    assert stamp(programme) == stamp(again) != stamp(replace(programme, name="Étude"))
    assert stamp(site) == stamp(replace(site)) != stamp(replace(site, low_cents=1))
