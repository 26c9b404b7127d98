"""Devices in a real browser: one is added, its reader set, its charts looked at."""

import pytest
from msgspec.structs import replace
from playwright.async_api import Browser, expect

from hub.core.codes import Code
from proto.messages import Use
from tests.hub.web.browsing import Complaints, looked_at, populate, sign_in
from tests.hub.web.conftest import Hub

pytestmark = pytest.mark.browser


async def test_a_device_is_added_and_another_is_set(hub: Hub, url: str, chromium: Browser) -> None:
    await populate(hub)
    door = hub.fleet.of("porte-parc")
    door.depths.extend((hub.now_ms - n * 300_000, (n * 7) % 13) for n in range(40, 0, -1))
    complaints = Complaints()
    page = await sign_in(hub, url, await chromium.new_context(locale="fr-BE"), complaints)
    await page.goto(f"{url}/devices")
    await page.get_by_role("button", name="Ajouter un appareil").click()
    await page.get_by_label("Nom de l’appareil").fill("Entrée rue Haute")
    await page.get_by_label("Implantation").select_option("Implantation du Parc")
    await page.get_by_label("À quoi sert").select_option("Entrée")
    await looked_at(page, "device-new")
    await page.get_by_role("button", name="Ajouter l’appareil").click()
    await expect(page.locator(".done")).to_contain_text("ajouté")
    await page.goto(f"{url}/devices/porte-parc")
    await page.get_by_label("À quoi il sert").first.select_option("Étude")
    await page.get_by_role("button", name="Enregistrer le lecteur Porte").click()
    await expect(page.locator(".done")).to_contain_text("Enregistré")
    assert hub.desk.school.readers["porte-parc", "main"].use is Use.STUDY
    await looked_at(page, "device")
    health = page.locator("#health")
    await health.get_by_text("En tableau").first.click()
    door.health = replace(door.health, outbox=77) if door.health else None
    await hub.tap(100, Code.IN)  # something happens, and the page looks again
    await expect(health.locator("dl")).to_contain_text("77")
    await expect(health.locator("table").first).to_be_visible()
    assert complaints.texts == []
