"""Every template as code, compiled behind the start by a process of its own.

It takes seconds of a core, in pieces for which nobody else has the interpreter: compiled here, on a thread, when somebody asks for a page,
the page is late and so are the badges. Until the process is done, pages are compiled as they are asked for.
"""

import asyncio
import logging
import os
import sys

import msgspec

from hub.web.render import Pages

REST_S = 5.0
"""After the start: devices that come back with their backlog have both cores until then."""
LIMIT_S = 300.0
NICE = 19
LANGUAGE = "en"
"""One that has no catalogue to read: the code is the same for all."""

log = logging.getLogger(__name__)


async def compile_all(pages: Pages, language: str, rest_s: float = REST_S) -> None:
    """Bring the code of all templates to `pages`, and have them ready in a language, whatever was asked for by then."""
    await asyncio.sleep(rest_s)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdout=pipe, stderr=pipe)
    try:
        made, said = await asyncio.wait_for(child.communicate(), LIMIT_S)
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        log.warning("templates are compiled as they are asked for: %s", said.decode(errors="replace")[-2000:])
    else:
        pages.compiled.codes |= msgspec.msgpack.decode(made, type=dict[str, bytes])
        await asyncio.to_thread(pages.room, language)


def main() -> None:
    """The process: all code, by its key, on stdout."""
    os.nice(NICE)
    pages = Pages()
    room = pages.room(LANGUAGE)
    for name in room.list_templates():
        room.get_template(name)
    sys.stdout.buffer.write(msgspec.msgpack.encode(pages.compiled.codes))


if __name__ == "__main__":
    main()
