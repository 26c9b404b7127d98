"""The till's page: who tapped, who waits, what is sold, what is taken back, and what the cashier alone sees."""

import re
from html import unescape

import pytest

from hub.accounts import Role
from hub.core import facts as f
from hub.core.codes import Code
from hub.core.ledger import cash_account, opening_account, wallet_account
from hub.core.menus import Allergen, Diet
from hub.core.school import Custody, Policy, Product, ProductKind
from hub.web.till.shown import read_goods
from tests.hub.web.conftest import MONDAY, Browser, Hub

TILL = "/till/caisse-parc/main"
SOUP = Product(31, 1, ProductKind.MEAL, "Potage", 200, Policy.MUST_SERVE, allergens=frozenset({Allergen.CELERY, Allergen.MILK}))


@pytest.fixture
async def cashier(hub: Hub, visitor: Browser) -> Browser:
    """Canteen staff of the park, with the desk open and 10,00 € in the Duponts' wallet."""
    await visitor.sign_in_as("carine", frozenset({(Role.CANTEEN, 1)}))
    await filled(hub, 1000)
    answer = await visitor.fill(TILL, f"{TILL}/desk", {"act": "open", "counted": "50,00"})
    assert answer.status_code == 303, answer.text
    return visitor


async def filled(hub: Hub, cents: int) -> None:
    entries = (f.Entry(opening_account(1), -cents), f.Entry(wallet_account(500), cents))
    await hub.book(f.WalletOpened(1, 500, 1, 10, hub.now_ms), f.BalanceOpened(1, 500, hub.now_ms, entries))


async def taps(hub: Hub, pupil: int, code: Code = Code.SEEN) -> int:
    hub.now_ms += 4_000
    return await hub.tap(pupil, code, device="caisse-parc")


def served(html: str) -> str:
    """Who is on the page."""
    found = re.search(r'id="person-title">(.*?)</h2>', html, re.DOTALL)
    assert found, html
    return " ".join(re.sub(r"<.*?>", " ", unescape(found[1])).split())


def queued(html: str) -> list[str]:
    return [" ".join(re.sub(r"<.*?>", " ", unescape(one)).split()) for one in re.findall(r'id="waits-\d+">(.*?)</li>', html, re.DOTALL)]


async def sell(cashier: Browser, tap: int, *goods: str) -> int:
    address = f"{TILL}?tap={tap}" + "".join(f"&goods={one}" for one in goods)
    html = (await cashier.get(address)).text
    total = re.search(r'name="total_cents" value="(\d+)"', html)
    assert total, html
    answer = await cashier.fill(address, f"{TILL}/sell", {"tap": str(tap), "goods": goods, "total_cents": total[1]})
    return answer.status_code


async def test_who_taps_is_on_the_page_with_class_order_and_allergy(hub: Hub, cashier: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (SOUP, Diet(100, "", frozenset({Allergen.MILK, Allergen.NUTS}))))
    await hub.book(f.MealReserved(71, 72, 100, 1, 31, 20260921))
    await taps(hub, 100)
    html = (await cashier.get(TILL)).text
    assert served(html) == "Léa Dupont 5B"
    assert "Commandé\xa0: Potage" in html
    assert "Allergie\xa0: lait" in html
    assert "fruits à coque" not in html, "today's meal has none"


async def test_taps_that_come_while_a_sale_is_typed_wait_in_order_and_none_is_lost(hub: Hub, cashier: Browser) -> None:
    first = await taps(hub, 100)
    for pupil in (101, 102):
        await taps(hub, pupil)
    html = (await cashier.get(f"{TILL}?tap={first}&goods=30x1")).text
    assert (served(html), queued(html)) == ("Léa Dupont 5B", ["Hugo Dupont 2A", "Noé Maes 5B"])
    assert queued((await cashier.get(f"{TILL}/queue?tap={first}", **{"HX-Request": "true"})).text) == ["Hugo Dupont 2A", "Noé Maes 5B"]
    assert await sell(cashier, first, "30x1") == 303
    html = (await cashier.get(TILL)).text
    assert (served(html), queued(html)) == ("Hugo Dupont 2A", ["Noé Maes 5B"])


async def test_whoever_buys_nothing_is_passed_and_whoever_is_picked_first_leaves_the_others_waiting(hub: Hub, cashier: Browser) -> None:
    first, _, third = [await taps(hub, pupil) for pupil in (100, 101, 102)]
    await cashier.fill(TILL, f"{TILL}/next", {})
    assert served((await cashier.get(TILL)).text) == "Hugo Dupont 2A"
    html = (await cashier.get(f"{TILL}?tap={third}")).text
    assert (served(html), queued(html)) == ("Noé Maes 5B", ["Hugo Dupont 2A"])
    assert served((await cashier.get(f"{TILL}?tap={first}")).text) == "Léa Dupont 5B", "somebody who was passed can be called back"


async def test_what_the_device_answered_alone_needs_nobody_and_makes_room_by_itself(hub: Hub, cashier: Browser) -> None:
    await taps(hub, 100, Code.MEAL)
    await taps(hub, 101, Code.MEAL)
    html = (await cashier.get(TILL)).text
    assert (served(html), queued(html)) == ("Hugo Dupont 2A", [])
    assert re.search(r'id="was-\d+">.*Léa Dupont', html, re.DOTALL)
    hub.now_ms += 120_000
    assert served((await cashier.get(TILL)).text) == "En attente d’un badge"


async def test_who_tapped_long_ago_has_gone(hub: Hub, cashier: Browser) -> None:
    await taps(hub, 100)
    hub.now_ms += 601_000
    assert served((await cashier.get(TILL)).text) == "En attente d’un badge"


async def test_a_badge_that_is_nobodys_leads_to_the_faces(hub: Hub, cashier: Browser) -> None:
    await taps(hub, 0, Code.UNKNOWN)
    html = (await cashier.get(TILL)).text
    assert "Badge inconnu" in served(html)
    assert f"{TILL}/find" in html


async def test_keys_add_and_take_off_and_the_total_follows(hub: Hub, cashier: Browser) -> None:
    tap = await taps(hub, 100)
    html = (await cashier.get(TILL)).text
    (key,) = re.findall(r'id="key-30" href="([^"]+)"', html)
    html = (await cashier.get(unescape(key))).text
    (more,) = re.findall(r'id="more-30" href="([^"]+)"', html)
    html = (await cashier.get(unescape(more))).text
    assert "2 × Sandwich" in html
    assert 'name="total_cents" value="700"' in html
    assert await sell(cashier, tap, "30x2") == 303
    assert hub.desk.books.balance_cents(wallet_account(500)) == 300
    html = (await cashier.get(TILL)).text
    assert re.search(r'class="about">Léa Dupont</span>\s*<a [^>]*>Vente\u00a0: 7,00', html), html


async def test_a_shortage_is_said_in_words_keeps_the_form_and_shows_no_balance_to_the_canteen(hub: Hub, cashier: Browser) -> None:
    tap = await taps(hub, 100)
    address = f"{TILL}?tap={tap}&goods=30x5"
    answer = await cashier.fill(address, f"{TILL}/sell", {"tap": str(tap), "goods": "30x5", "total_cents": "1750"})
    assert answer.status_code == 409
    assert "Il n’y a pas assez d’argent" in answer.text
    assert "17,50" in answer.text
    assert "10,00" not in answer.text
    assert "5 × Sandwich" in answer.text
    assert hub.desk.books.balance_cents(wallet_account(500)) == 1000


async def test_the_same_form_sent_twice_sells_once(hub: Hub, cashier: Browser) -> None:
    from tests.hub.web.conftest import sealed

    tap = await taps(hub, 100)
    form = sealed((await cashier.get(f"{TILL}?tap={tap}&goods=30x1")).text, f"{TILL}/sell") | {"goods": "30x1"}
    for _ in range(2):
        assert (await cashier.post(f"{TILL}/sell", form)).status_code == 303
    assert hub.desk.books.balance_cents(wallet_account(500)) == 650


async def test_a_price_that_changed_meanwhile_is_shown_before_it_is_asked(hub: Hub, cashier: Browser) -> None:
    tap = await taps(hub, 100)
    fields = {"tap": str(tap), "goods": "30x1", "total_cents": "340"}
    answer = await cashier.fill(f"{TILL}?tap={tap}&goods=30x1", f"{TILL}/sell", fields)
    assert answer.status_code == 409
    assert "Les prix ont changé" in answer.text


async def test_the_last_sale_is_undone_with_its_money_and_the_pupil_waits_again(hub: Hub, cashier: Browser) -> None:
    tap = await taps(hub, 100)
    await sell(cashier, tap, "30x1")
    (act,) = hub.desk.books.till
    answer = await cashier.fill(TILL, f"{TILL}/receipt/{act}", {})
    assert answer.headers["location"] == TILL
    assert hub.desk.books.balance_cents(wallet_account(500)) == 1000
    html = (await cashier.get(TILL)).text
    assert served(html) == "Léa Dupont 5B"
    assert "annulé" in html


async def test_above_the_limit_somebody_else_takes_it_back(hub: Hub, cashier: Browser) -> None:
    await hub.book(f.BalanceOpened(80, 500, hub.now_ms, (f.Entry(opening_account(1), -9000), f.Entry(wallet_account(500), 9000))))
    tap = await taps(hub, 100)
    await sell(cashier, tap, "30x4")
    (act,) = hub.desk.books.till
    page, fields = f"{TILL}/receipt/{act}", {"act": "void", "reason": "wrong_pupil"}
    assert "<td>4 × Sandwich</td>" in (await cashier.get(page)).text
    answer = await cashier.fill(page, page, fields)
    assert answer.status_code == 409
    assert "Un collègue doit le faire" in answer.text
    await cashier.sign_in_as("denis", frozenset({(Role.CANTEEN, 1)}))
    assert (await cashier.fill(page, page, fields)).status_code == 303
    assert hub.desk.books.till[act].voided


async def test_cash_goes_into_the_wallet_with_the_next_receipt(hub: Hub, cashier: Browser) -> None:
    tap = await taps(hub, 101)
    wrong = await cashier.fill(TILL, f"{TILL}/cash", {"amount": "vingt"})
    assert wrong.status_code == 409
    assert 'value="vingt"' in wrong.text
    answer = await cashier.fill(f"{TILL}?tap={tap}&goods=30x1", f"{TILL}/cash", {"amount": "20,00"})
    html = (await cashier.get(answer.headers["location"])).text
    assert "Reçu 1" in html
    assert "20,00" in html
    assert re.search(r"<strong>Hugo Dupont</strong> <small>ménage Dupont-Lambert</small>", html)
    assert f'href="{TILL}?tap={tap}&amp;goods=30x1"' in html, "the sale goes on where it was"
    assert hub.desk.books.balance_cents(wallet_account(500)) == 3000


async def test_a_receipt_names_the_child_and_not_the_other_family_that_pays_this_week(hub: Hub, cashier: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (Custody(800, 100, 11, MONDAY),))
    tap = await taps(hub, 100)
    answer = await cashier.fill(f"{TILL}?tap={tap}", f"{TILL}/cash", {"amount": "20,00"})
    html = (await cashier.get(answer.headers["location"])).text
    assert "<strong>Léa Dupont</strong>" in html
    assert "Maes" not in html
    assert [owner.household for owner in hub.desk.books.owners.values()] == [10, 11], "the money is where it belongs"
    assert 'class="about">Léa Dupont<' in (await cashier.get(TILL)).text


async def test_the_desk_is_closed_with_a_count_and_says_what_is_missing(hub: Hub, cashier: Browser) -> None:
    answer = await cashier.fill(TILL, f"{TILL}/desk", {"counted": "49,50"})
    assert answer.status_code == 200
    assert "Il manque 0,50" in answer.text
    assert not hub.desk.books.cash_sessions
    assert hub.desk.books.balance_cents(cash_account(1, "caisse-parc")) == -4950
    html = (await cashier.get(TILL)).text
    assert "Compter et ouvrir" in html
    refused = await cashier.fill(TILL, f"{TILL}/desk", {"act": "open", "counted": "beaucoup"})
    assert refused.status_code == 409
    assert 'value="beaucoup"' in refused.text


async def test_a_forgotten_badge_is_found_by_name_who_ordered_first_and_the_meal_is_handed_out(hub: Hub, cashier: Browser) -> None:
    await hub.desk.edit(70, lambda _school: (SOUP,))
    await hub.book(f.MealReserved(71, 72, 101, 1, 31, 20260921))
    html = (await cashier.get(f"{TILL}/find")).text
    assert [int(face) for face in re.findall(r'id="face-(\d+)"', html)] == [101, 100]
    assert re.findall(r'id="face-(\d+)"', (await cashier.get(f"{TILL}/find?q=lea%205b")).text) == ["100"]
    page = f"{TILL}?pupil=101"
    assert "Remettre\xa0: Potage" in (await cashier.get(page)).text
    answer = await cashier.fill(page, f"{TILL}/hand-out", {})
    assert answer.headers["location"] == page
    html = (await cashier.get(page)).text
    assert "remis" in html
    assert "Remettre" not in html
    assert f'src="{TILL}/photo/101"' in html


async def test_a_photo_is_the_pupils_or_a_face_like_any_other_and_no_cache_keeps_it(hub: Hub, cashier: Browser) -> None:
    answer = await cashier.get(f"{TILL}/photo/100")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["cache-control"] == "no-store"


async def test_a_till_of_another_site_and_a_reader_that_is_no_till_are_not_found(hub: Hub, visitor: Browser) -> None:
    await visitor.sign_in_as("gilles", frozenset({(Role.CANTEEN, 2)}))
    assert (await visitor.get(TILL)).status_code == 404
    assert "Il n’y a pas encore de caisse" in (await visitor.get("/till")).text
    await visitor.sign_in_as("carla", frozenset({(Role.CANTEEN, 1)}))
    assert (await visitor.get("/till/porte-parc/main")).status_code == 404
    assert (await visitor.get(f"{TILL}?pupil=102")).status_code == 404, "of the other site, and never here"
    assert f'href="{TILL}"' in (await visitor.get("/till")).text


async def test_a_pupil_of_another_site_who_taps_here_is_served_here(hub: Hub, cashier: Browser) -> None:
    await filled_for_noe(hub)
    tap = await taps(hub, 102)
    assert await sell(cashier, tap, "30x1") == 303
    (act,) = hub.desk.books.till.values()
    assert act.cents == 350


async def filled_for_noe(hub: Hub) -> None:
    entries = (f.Entry(opening_account(1), -1000), f.Entry(wallet_account(501), 1000))
    await hub.book(f.WalletOpened(2, 501, 1, 11, hub.now_ms), f.BalanceOpened(2, 501, hub.now_ms, entries))


@pytest.mark.parametrize(
    ("texts", "quantity"),
    [(["30x2"], 2), (["30x1", "30x2"], 3), (["30x0"], 0), (["x"], 0), (["30"], 0), (["30x-1"], 0), (["30x1000"], 99), (["3²x1"], 0)],
)
def test_what_was_keyed_in_is_read_and_nonsense_is_left_out(texts: list[str], quantity: int) -> None:
    assert sum(line.quantity for line in read_goods(texts)) == quantity
