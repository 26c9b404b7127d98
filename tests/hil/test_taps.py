"""Taps on real scanners: through the kernel, the device, the broker and the hub to lamp and relay, and into the books."""

from hub.core.facts import ScanTaken
from tests.demo.pace import after
from tests.hil.conftest import Proof
from tests.hil.porch import DOOR_MS, LAMPS, OFF, OPEN, PATHS, RELAYS, WITHIN_S, Porch
from tests.journey.place import BADGES, PUPILS, everything_lit_is_booked_once

LOOKS_S = 0.5
"""How long a pupil looks at the lamp before the next try."""
VOIDED = "unreadable scan reader=out reason=void"


async def test_a_tap_goes_from_the_scanner_to_lamp_and_relay_and_into_the_books(at_work: Porch, proof: Proof) -> None:
    """The relays are read from outside the device's program: on for the pulse and no longer, at rest before and after."""
    here = at_work
    assert [here.relay(reader) for reader in RELAYS] == [OFF[reader] for reader in RELAYS]
    for reader, pupils in (("in", PUPILS[:3]), ("out", PUPILS[3:])):
        await here.enter(reader, pupils)
        await here.until(lambda reader=reader: len(here.changes(RELAYS[reader])) == 2, "a door that closes")  # type: ignore[misc]
        (opened_ms, opened), (closed_ms, closed) = here.changes(RELAYS[reader])
        assert (opened, closed) == (OPEN[reader], OFF[reader])
        assert DOOR_MS - 50 <= closed_ms - opened_ms <= DOOR_MS + 500
    await here.until(lambda: here.pins(LAMPS["accepted"]) == [0], "a lamp that goes out")
    lamp = [level for _, level in here.changes(LAMPS["accepted"])]
    assert lamp == [1, 0] * (len(lamp) // 2)
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert len(kept.books.inside) == len(here.lights())
    online = sum(not scan.shown for scan in kept.scans)
    assert online >= 2
    proof.add(
        f"{len(kept.scans)} taps, serial and keyboard", f"lamp lit, relay on for {DOOR_MS} ms, booked once; {online} answered by the hub"
    )


async def test_keys_lost_by_the_kernel_void_the_scan_and_the_pupil_is_asked_again(at_work: Porch, proof: Proof) -> None:
    """A reader that gets no time for 100 ms: the kernel's buffer runs over, at the beginning, in the middle, and across two scans."""
    here, pid = at_work, at_work.pid()
    for head, lost, tail, who in (
        ("", f"{BADGES['Léa']}\n", "", "Noé"),
        (BADGES["Léa"][:10], f"{BADGES['Léa'][10:]}\n", "", "Mia"),
        (BADGES["Léa"][:16], f"{BADGES['Léa'][16:]}\n{BADGES['Tom'][:10]}", f"{BADGES['Tom'][10:]}\n", "Zoé"),
    ):
        asked, lights = here.shown("again"), len(here.lights())
        here.machine.do("type_text", name="out", text=head)
        here.machine.do("stalled", pid=pid, name="out", text=lost)
        here.machine.do("type_text", name="out", text=tail)
        await here.until(lambda asked=asked: here.shown("again") > asked, "a pupil who is asked again")  # type: ignore[misc]
        await after(LOOKS_S)
        assert (await here.tap(who, "out")).pattern == "accepted", "the scanner reads the next badge"
        assert len(here.lights()) == lights + 1, "a code with missing keys was taken for a badge"
    assert here.log().count(VOIDED) >= 3, "the kernel lost no keys: this test tests nothing"
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert len({scan.pupil for scan in kept.scans}) == 3, "half a code was booked"
    proof.add("3 stalls of 100 ms, keys lost by the kernel", "scan void, asked again, next tap read; nobody else in the books")


async def test_two_scanners_at_the_same_moment(at_work: Porch, proof: Proof) -> None:
    here = at_work
    pairs = list(zip(PUPILS[:3], PUPILS[3:], strict=True))
    for first, second in pairs:
        before = len(here.lights())
        typing = here.machine.ask("type_text", name="out", text=f"{BADGES[second]}\n")
        here.machine.do("say", name="in", text=f"{BADGES[first]}\r\n")
        here.machine.done(typing)
        await here.until(lambda before=before: len(here.lights()) == before + 2, f"lights for {first} and {second}")  # type: ignore[misc]
    assert {light.pattern for light in here.lights()} == {"accepted"}
    kept = await here.books()
    everything_lit_is_booked_once(here, kept)
    assert sorted(_readers(kept.scans)) == ["in"] * 3 + ["out"] * 3
    assert len({scan.pupil for scan in kept.scans}) == len(PUPILS)
    proof.add(f"{len(pairs)} times both scanners at once", "two lights each, six pupils in the books")


def _readers(scans: list[ScanTaken]) -> list[str]:
    return [scan.reader for scan in scans]


async def test_probe_names_both_scanners_and_shows_what_they_read(here: Porch, proof: Proof) -> None:
    """As the program's own user, with the udev rules of the guide and nothing grabbed."""

    def said() -> str:
        return str(here.machine.do("get", path="/tmp/probe"))

    probe = "exec /opt/preau/bin/preau-edge probe > /tmp/probe 2>&1"
    running = here.machine.ask("run", command=["runuser", "-u", "preau-edge", "--", "sh", "-c", probe], within_s=WITHIN_S)
    for path in PATHS.values():
        await here.until(lambda path=path: f"at {path}\n" in said(), f"a reader at {path}")  # type: ignore[misc]
    for badges, reader in enumerate(PATHS, 1):
        here.scan("Tom", reader)
        await here.until(lambda badges=badges: said().count(f'"{BADGES["Tom"]}", a badge') == badges, "a badge that is shown")  # type: ignore[misc]
    here.machine.run("pkill", "-INT", "--full", "^/opt/preau/bin/python")
    status, _, _ = here.machine.done(running)
    assert status == 0, said()
    for kind, path in (("line", PATHS["in"]), ("hid", PATHS["out"])):
        assert f'kind = "{kind}"\npath = "{path}"\n' in said()
    proof.add("preau-edge probe with both scanners", "named by their ports, badges shown, settings lines printed")
