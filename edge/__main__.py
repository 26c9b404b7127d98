"""`preau-edge`: run the device, show what its readers read, or switch its outputs off. Everything is put together here, by hand."""

import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge.clock import ClockReader, mono_ms, wall_ms
from edge.errors import EdgeError, StartError, StoreError
from edge.events import Clock
from edge.link import Link
from edge.loop import Loop, Parts
from edge.notify import ALIVE, READY, STOPPING, notify
from edge.outbox import Outbox, SqliteOutbox
from edge.outputs import Outputs
from edge.readers.opening import calibrated, open_reader
from edge.settings import BAUD, OutputSettings, ReaderSettings, Settings, load
from edge.vitals import read_vitals
from proto.version import VERSION

if TYPE_CHECKING:
    import argparse

SETTINGS = Path("/etc/preau/edge.toml")
"""Where they are unless the command line says otherwise."""
CARD_FAILED = 70
"""Exit status after a failed write: systemd starts the device again, and it tells the truth again."""
SWITCH_S = 0.0005
"""How long a thread may hold the interpreter while another waits: the loop must not wait 5 ms for the lamps' to end its turn."""
REFUSED = 2
"""Exit status when the device cannot start as configured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status; a settings error is one sentence on stderr."""
    command, config, baud = _asked(sys.argv[1:] if arguments is None else arguments)
    said = logging.WARNING if command == "probe" else logging.INFO  # probe tells what happens in lines of its own
    logging.basicConfig(level=said, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        if command == "probe":
            from edge.readers.probe import probe

            return probe(sys.stdout, threading.Event(), baud)
        settings = load(config)
        if command == "outputs-off":
            Outputs(_silent(settings.outputs), settings.readers, mono_ms).close()
            return 0
        return run(settings)
    except StoreError as error:
        _die(str(error))  # a return would close the card's file, and SQLite then trusts a second sync that only seems to succeed
        return CARD_FAILED
    except EdgeError as error:
        print(f"preau-edge: {error}", file=sys.stderr)
        return REFUSED


def run(settings: Settings) -> int:
    """The device, until SIGTERM or Ctrl-C."""
    sys.setswitchinterval(SWITCH_S)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # before any thread starts: only the waiting thread below takes them
    inc = secrets.token_hex(8)
    loop = Loop(inc, {reader.id: reader.kind for reader in settings.readers})
    threading.Thread(target=_end_on, args=(ends, loop), name="signals", daemon=True).start()
    with contextlib.ExitStack() as stack:
        outbox = SqliteOutbox(_folder(settings), wall_ms)
        stack.callback(outbox.close)
        clock = ClockReader(_saved_wall_ms(outbox))
        outputs = Outputs(settings.outputs, settings.readers, mono_ms)
        stack.callback(outputs.close)
        link = Link(settings, inc, loop.put)
        stack.callback(lambda: link.stop(loop.farewell()))
        vitals = partial(read_vitals, Path(settings.data))
        parts = Parts(outbox, outputs, link, clock, vitals, partial(notify, ALIVE), _die, VERSION)
        stack.enter_context(_readers(settings.readers, outbox, loop, clock))
        gc.freeze()  # what is here now stays: a collection that walked through it would hold a tap up for 10 ms
        notify(READY)
        link.start()
        loop.run(parts, link)
        notify(STOPPING)
    return 0


def _end_on(ends: set[signal.Signals], loop: Loop) -> None:
    """Wait for one of these signals on a thread of its own: a signal handler could not touch the loop's queue."""
    signal.sigwait(ends)
    loop.stop()


@contextlib.contextmanager
def _readers(settings: Sequence[ReaderSettings], outbox: Outbox, loop: Loop, clock: ClockReader) -> Iterator[None]:
    """All readers, each on its own thread, ended before anything they report to."""

    def stamp() -> tuple[Clock, str]:
        return clock.now(), secrets.token_hex(8)

    readers = [open_reader(reader, calibrated(reader, outbox.kept), loop.put, stamp) for reader in settings]
    for one in readers:
        one.start()
    try:
        yield
    finally:
        for one in readers:
            one.stop()


def _folder(settings: Settings) -> Path:
    folder = Path(settings.data)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartError(f"key `data`: the folder {folder} cannot be made: {error.strerror}") from error
    return folder


def _saved_wall_ms(outbox: Outbox) -> int:
    saved = outbox.kept("wall_ms")
    return int(saved) if saved and saved.isdigit() else 0


def _silent(outputs: OutputSettings) -> OutputSettings:
    """The same pins without a trace."""
    return replace(outputs, trace="")


def _die(reason: str) -> None:
    logging.getLogger("edge").critical("ending at once: %s", reason)
    logging.shutdown()
    os._exit(CARD_FAILED)


def _asked(words: Sequence[str]) -> tuple[str, Path, int]:
    """Command, settings, and the baud of probe. As its unit starts it, a device reads them itself: argparse takes 10 ms to load."""
    match words:
        case ["run", "--config", file]:
            return "run", Path(file), BAUD
    options = _parser().parse_args(words)
    return options.command, options.config, options.baud


def _parser() -> "argparse.ArgumentParser":
    import argparse

    parser = argparse.ArgumentParser(prog="preau-edge", description="A Préau device: readers in, lights out.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (("run", "run the device"), ("outputs-off", "switch every lamp and relay off")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--config", type=Path, default=SETTINGS, help="the device's settings (TOML)")
    looking = commands.add_parser("probe", help="name the readers plugged in and show what they read")
    looking.add_argument("--baud", type=int, default=BAUD, help="of serial ports (USB scanners read at any); default %(default)s")
    parser.set_defaults(config=SETTINGS, baud=BAUD)
    return parser


if __name__ == "__main__":
    sys.exit(main())
