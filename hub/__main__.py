"""`preau-hub`: run the hub, or do one of the other things that are done with its data folder (commands.py)."""

import gc
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from hub.errors import HubError
from hub.settings import load
from proto.errors import ProtoError

REFUSED = 2
"""Exit status when something is refused; the sentence is on stderr."""


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
    """The hub, until it is told to end. After a power cut badges wait for this start: it loads nothing that it does not need."""
    settings = load(_asked(words))
    gc.disable()  # until books and pages are loaded (opening.py): nothing of a start is garbage
    from hub import beside
    from hub.folder import Folder

    folder = Folder(Path(settings.hub.data))
    walker = beside.start(folder)  # it walks while all the rest is loaded
    import asyncio

    from hub.run import serve

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
