"""What `preau-hub` does beside running: set a school up, import its people, correct, settle, print, audit, back up.

Commands that write need the hub stopped: a data folder has one writer, and the second one is refused. A backup may be made any time.
A hub that runs never loads this room.
"""

import argparse
import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub import check, counter, daybook, files, presence, statements, wallets
from hub.broker import HUB_USER, mosquitto_passwords
from hub.broker import Account as BrokerAccount
from hub.clock import wall_ms
from hub.core.calendar import day_of
from hub.core.canteen import reserve
from hub.core.devices import renew
from hub.core.imports import WANTED, Kind, plan
from hub.core.people import LANGUAGES
from hub.core.plans import Stamp
from hub.credentials import edge_settings
from hub.errors import ImportRefusedError, RefusedError, StartError
from hub.folder import JOURNAL, OFFICE
from hub.imports import carry_out, is_address, preview, read_file, read_text, refuse
from hub.keys import badge_key, hub_password
from hub.meant import day_written, in_order, instant_written, whole_written
from hub.settings import Settings, load
from hub.setup import describe, reservations
from hub.timetable import check_live

if TYPE_CHECKING:
    from hub.backup import Backup


_SIGNED = re.compile(r"-\d\S*")

NOT_SENT = 2
"""Exit status of a letter that was tried and did not go out."""


def obey(words: Sequence[str]) -> int:
    """A command and its words. Returns the exit status; raises HubError or ProtoError for what is refused."""
    signed = [word for word in words if _SIGNED.fullmatch(word)]
    if signed:  # taken for an option, it would be said to be missing
        raise RefusedError(f"`{signed[0]}`: amounts and numbers are written without a sign")
    options = _parser().parse_args(words)
    if options.command in _WITHOUT_SETTINGS:
        return _WITHOUT_SETTINGS[options.command](options)
    settings = load(options.config)
    if options.command != "setup" and getattr(options, "act", "") != "test":  # a school is set up once; a letter is tried on any machine
        _look_for_hub(Path(settings.hub.data), options.config)
    return asyncio.run(_COMMANDS[options.command](settings, options))


def _look_for_hub(folder: Path, config: Path) -> None:
    """Refuse a folder without a hub: opened, it would become one, empty, and hide that its name was wrong. Raises StartError."""
    if not (folder / JOURNAL).exists():
        raise StartError(f"{folder}: there is no hub here: correct `data` in {config}, or set a school up with `preau-hub setup`")


async def _setup(settings: Settings, options: argparse.Namespace) -> int:
    """Read a school's description; all of it or nothing. Its people come with `import`."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        rows = describe(read_text(options.school), str(options.school), stores.desk.school, stores.new_ask, wall_ms())
        check_live(rows, stores.desk.school, stores.desk.books, str(options.school))
        await stores.desk.edit(stores.new_ask(), lambda _school: rows)
        school = stores.desk.school
        print(f"{len(school.sites)} sites, {len(school.devices)} devices, {len(school.households)} households, {len(school.pupils)} pupils")
    return 0


async def _import(settings: Settings, options: argparse.Namespace) -> int:
    """Show what a list would do (pupils, families, badges, balances, plans); with --yes do it, all or nothing."""
    from hub.memory import memory

    kind, name = Kind(options.kind), str(options.file)
    found = read_file(options.file, WANTED[kind])
    async with memory(Path(settings.hub.data)) as stores:
        at_ms = options.since_ms or wall_ms()
        day, language = day_of(at_ms, ZoneInfo("UTC")), settings.web.language
        stamp = Stamp(badge_key(stores.master), at_ms, day, stores.new_ask(), is_address, language=language)
        planned = plan(kind, found.table, stores.desk.school, stores.desk.books, stamp)
        for line in preview(found, planned, name):
            print(line)
        refuse(planned.complaints, name, WANTED[kind])
        if not options.yes:
            print("nothing was written: add --yes to do this")
            return 0
        answer = await carry_out(planned, kind, found.table, stores.desk, stamp)
        if answer.refusal is not None:
            raise ImportRefusedError(f"{name}: {answer.refusal.code}: nothing was written")
        print("done" if planned.acts else "nothing to do")
    return 0


async def _reserve(settings: Settings, options: argparse.Namespace) -> int:
    """Order and charge the meals of a file; the same file twice changes nothing."""
    from hub.memory import memory

    text = read_text(options.file)
    async with memory(Path(settings.hub.data)) as stores:
        desk, at_ms = stores.desk, options.since_ms or wall_ms()
        found = reservations(text, str(options.file), desk.school, desk.books)
        new = [one for one in found if one.ask not in desk.books.asks]
        asked = [desk.do(one.ask, reserve, one.ask, one.pupil, one.product, one.day, at_ms) for one in new]
        refused = [counter.SENTENCES[answer.refusal.code] for answer in await asyncio.gather(*asked) if answer.refusal is not None]
        if refused:
            raise ImportRefusedError(f"{options.file}: {', '.join(refused)}")
        print(f"{len(new)} meals ordered, {len(found) - len(new)} of this file were ordered before")
    return 0


async def _device(settings: Settings, options: argparse.Namespace) -> int:
    """Print the settings file of a device (of several: one after the other), its password included; `--renew` gives a new one."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        devices = stores.desk.school.devices
        unknown = [device for device in options.device if device not in devices]
        if unknown:
            raise RefusedError(f"no device `{unknown[0]}`: it is one of {', '.join(sorted(devices))}")
        if options.renew:
            for device in options.device:
                await stores.desk.edit(stores.new_ask(), renew, device)
        for device in options.device:
            known = stores.desk.school.devices[device]
            print(edge_settings(settings.broker, stores.desk.school, known, stores.password(known), options.host or "", {}))
    return 0


async def _passwords(settings: Settings, _options: argparse.Namespace) -> int:
    """Print the password file for a mosquitto beside this hub (provisioning/README.md)."""
    from hub.memory import memory

    async with memory(Path(settings.hub.data)) as stores:
        everyone = [BrokerAccount(HUB_USER, hub_password(stores.master)), *stores.accounts()]
        print(mosquitto_passwords(everyone), end="")
    return 0


async def _why(settings: Settings, options: argparse.Namespace) -> int:
    """Say in words for a parent, in any of four languages, how a charge came about."""
    from hub.memory import memory
    from hub.web.render import words
    from hub.why import explain

    spoken = words(options.language or settings.web.language)
    async with memory(Path(settings.hub.data)) as stores:
        await stores.history.caught_up(stores.journal.durable)
        for sentence in await explain(stores.history, stores.desk.school, options.charge):
            print(spoken.gettext(sentence.text) % sentence.values)
    return 0


async def _tariff(settings: Settings, options: argparse.Namespace) -> int:
    """Try a draft tariff on days that have been: revenue, families that gain and lose, the worst cases; nothing is booked."""
    from hub.core.school import edited
    from hub.core.tryout import tryout
    from hub.memory import memory
    from hub.tariffs import read_draft
    from hub.tryout import had_between, report

    async with memory(Path(settings.hub.data)) as stores:
        school = stores.desk.school
        draft = edited(school, read_draft(read_text(options.file), str(options.file), school, stores.new_ask))
        had, unended = await had_between(stores.journal, school, *in_order(options.since, options.until))
        for line in report(tryout(school, draft, had), unended, school):
            print(line)
    return 0


def _backup(options: argparse.Namespace) -> int:
    """Copy a data folder, the hub running or not, and verify the copy by a full replay."""
    from hub.backup import backup

    settings = options.config if options.config.exists() else None
    made = backup(options.folder, options.target, settings)
    _print_backup(made)
    print(f"settings: {f'a copy of {settings}' if settings else f'none, for there is no {options.config}'}")
    print(f"backup: {made.path}, {sum(seal.bytes for seal in made.manifest.files.values())} bytes, read back and verified")
    return 0


def _restore(options: argparse.Namespace) -> int:
    """Put a backup into an empty data folder, verified before anything is touched."""
    from hub.backup import SETTINGS, restore

    found = restore(options.backup, options.folder)
    _print_backup(found)
    if SETTINGS in found.manifest.files and not options.config.exists():
        print(f"settings: this machine has no {options.config}: copy {found.path / SETTINGS} there")
    print(f"restored: {options.folder}, as it was at {found.manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    print("Start the hub: the devices send again what they scanned since then.")
    return 0


def _print_backup(found: "Backup") -> None:
    """What its replay has shown."""
    print(f"journal: {found.manifest.number} facts, every row fits the one before, head {found.manifest.head[:16]}")
    print(f"books: {len(found.books.balances)} accounts sum to {found.books.total_cents()} cents; {len(found.books.charges)} charges")


async def _account(settings: Settings, options: argparse.Namespace) -> int:
    """Let somebody in who has lost telephone and recovery codes: the second factor goes, and they are signed out everywhere."""
    from hub.accounts import Accounts
    from hub.core.trail import Step
    from hub.memory import memory
    from hub.trail import Trail

    async with memory(Path(settings.hub.data)) as stores:
        accounts = Accounts(stores.register)
        person = await accounts.staff_by_login(options.login.casefold())
        if person is None or person.ended_ms:
            raise RefusedError(f"nobody who works here signs in as `{options.login}`")
        if not person.totp:
            raise RefusedError(f"`{person.login}` has no second factor: the password is enough")
        await accounts.end_second(person.id)
        await accounts.end_sessions_of(person.id)
        await Trail(stores.register).write([Step(wall_ms(), person.id, "CONSOLE /account/second/end", f"member={person.id};")])
    print(f"{person.login} signs in with the password alone, and sets up a new second factor before handling money")
    return 0


async def _mail(settings: Settings, options: argparse.Namespace) -> int:
    """Letters to families: `test ADDRESS` sends one now, `list` shows the queue, `again` queues what failed for good."""
    from hub import mail
    from hub.mailqueue import MailQueue, listed
    from hub.memory import memory

    match options.act:
        case "test":
            if settings.mail is None:
                raise StartError(f"{options.config}: there is no [mail], so no letter is sent: name the server and the sender there")
            if not options.address:
                raise StartError("`mail test` needs an address: say where the letter goes")
            outcome = await mail.tried(settings.mail, options.address, settings.web.language, wall_ms())
            print(mail.told(settings.mail, outcome))
            return 0 if outcome.result == "sent" else NOT_SENT
        case "again":
            async with memory(Path(settings.hub.data)) as stores:
                print(f"{await MailQueue(stores.register).again(wall_ms())} letters queued again")
        case _:
            print("\n".join(mail.lines(listed(Path(settings.hub.data) / OFFICE))))
    return 0


_COMMANDS = {
    "setup": _setup,
    "import": _import,
    "reserve": _reserve,
    "meals": counter.meals,
    "till": counter.till,
    "wallet": wallets.run,
    "statement": statements.run,
    "files": files.run,
    "device": _device,
    "passwords": _passwords,
    "check": check.run,
    "why": _why,
    "tariff": _tariff,
    "day": daybook.run_day,
    "settle": daybook.run_settlement,
    "presence": presence.run,
    "mail": _mail,
    "account": _account,
}
_WITHOUT_SETTINGS = {"backup": _backup, "restore": _restore}
"""They name their folders, so that they work on a machine that has nothing else yet."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="preau-hub", description="The Préau hub: decides, remembers, shows.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the hub")
    made = {
        name: commands.add_parser(name, help=(run.__doc__ or "").splitlines()[0])
        for name, run in {**_COMMANDS, **_WITHOUT_SETTINGS}.items()
    }
    counter.add_arguments(made["meals"], made["till"])
    for command in made.values():
        command.add_argument("--config", type=Path, default=Path("/etc/preau/hub.toml"), help="the hub's settings (TOML)")
    made["setup"].add_argument("school", type=Path, help="the school's description (TOML)")
    made["import"].add_argument("kind", choices=[kind.value for kind in Kind], help="what the list is of")
    made["import"].add_argument(
        "file", type=Path, help="the list (CSV): `;`, `,` or tabs, any usual encoding, a line that names the columns"
    )
    made["import"].add_argument("--yes", action="store_true", help="do it; without, only show what would be done")
    made["reserve"].add_argument("file", type=Path, help="site; household; last_name; first_name; meal; day (CSV)")
    for name in ("import", "reserve"):
        made[name].add_argument(
            "--since-ms", type=instant_written, default=0, help="from when on it holds, Unix ms (exercises; default: now)"
        )
    made["account"].add_argument("act", choices=["end-second"])
    made["account"].add_argument("login", help="as they sign in")
    made["mail"].add_argument("act", choices=("test", "list", "again"))
    made["mail"].add_argument("address", nargs="?", default="", help="test: where to")
    wallets.arguments(made["wallet"])
    statements.arguments(made["statement"])
    files.arguments(made["files"])
    daybook.arguments(made["day"], made["settle"])
    presence.arguments(made["presence"])
    check.arguments(made["check"])
    made["device"].add_argument("device", nargs="+", help="the device's id")
    made["device"].add_argument("--renew", action="store_true", help="a new password: the old one and any block end")
    made["device"].add_argument("--host", help="the broker's address as the device sees it")
    made["why"].add_argument("charge", type=whole_written, help="the charge's number")
    made["why"].add_argument("--language", choices=LANGUAGES, help="of the parent; else that of the hub")
    made["tariff"].add_argument("act", choices=["try"])
    made["tariff"].add_argument("file", type=Path, help="the draft (TOML): [[tariffs]] and [[groups]] as in the school's description")
    made["tariff"].add_argument("--from", dest="since", type=day_written, required=True, help="first day, YYYY-MM-DD")
    made["tariff"].add_argument("--to", dest="until", type=day_written, required=True, help="last day, included")
    made["backup"].add_argument("folder", type=Path, help="the hub's data folder")
    made["backup"].add_argument("target", type=Path, help="a folder that is not there yet, best on another disk")
    made["restore"].add_argument("backup", type=Path, help="what `preau-hub backup` made")
    made["restore"].add_argument("folder", type=Path, help="the hub's data folder, empty or not there yet")
    return parser
