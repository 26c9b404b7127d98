"""`preau-hub`: run the hub, or do one of the other things that are done with its data folder (commands.py)."""

import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hub.errors import HubError
from proto.errors import ProtoError

if TYPE_CHECKING:
    from hub.beside import Child

REFUSED = 2
"""Exit status when something is refused; the sentence is on stderr."""
SWITCH_S = 0.0005
"""How long a thread of the hub may hold the interpreter while another waits for it: pages and stores have threads, and a badge must not
wait 5 ms; nor must the thread that reads the journal's disk while the hub is loaded.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of each of its plugins
    try:
        return _run(words[1:]) if words[:1] == ["run"] else _other(words)
    except (HubError, ProtoError) as error:
        print(f"preau-hub: {error}", file=sys.stderr)
        return REFUSED


def _run(words: Sequence[str]) -> int:
    """The hub, until it is told to end. After a power cut badges wait for this start: it loads nothing that it does not need, and what
    the journal's walk needs first.
    """
    asked = _asked(words)
    from hub import beside

    called = beside.called()
    try:
        return _run_beside(asked, called)
    finally:
        beside.end(called)


def _run_beside(asked: Path, called: "Child | None") -> int:
    from hub.settings import load

    sys.setswitchinterval(SWITCH_S)
    settings = load(asked)
    gc.disable()  # until books and pages are loaded (opening.py): nothing of a start is garbage
    from concurrent.futures import ThreadPoolExecutor

    from hub.beside import start
    from hub.folder import Folder

    folder = Folder(Path(settings.hub.data))
    with ThreadPoolExecutor(1) as thread:
        starting = thread.submit(start, folder, called)  # the disk is waited for while all the rest is loaded
        import asyncio

        from hub.run import serve

        walker = starting.result()
    asyncio.run(serve(settings, folder, walker))
    return 0


def _asked(words: Sequence[str]) -> Path:
    """Where the settings are. As its unit starts it, a hub reads that itself: argparse takes 10 ms to load."""
    match words:
        case ["--config", file]:
            return Path(file)
    import argparse

    parser = argparse.ArgumentParser(prog="preau-hub run", description="Run the hub.")
    parser.add_argument("--config", type=Path, default=Path("/etc/preau/hub.toml"), help="the hub's settings (TOML)")
    config: Path = parser.parse_args(words).config
    return config


def _other(words: Sequence[str]) -> int:
    from hub.commands import obey

    return obey(words)


if __name__ == "__main__":
    sys.exit(main())
