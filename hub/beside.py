"""The walker (walk.py) as its hub sees it: called before the hub has loaded anything, told where to walk when the folder is the hub's,
followed when the hub is there.

Whoever reads here waits without the loop: before the journal is whole there is nobody to answer. It loads next to nothing itself.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.folder import Folder, settle_log

if TYPE_CHECKING:
    from hub.walk import Begun, Stretch

Child = subprocess.Popen[bytes]

BESIDE_BYTES = 8 * 1024 * 1024
"""Of a file (some 30,000 facts) that is worth a process of its own: below that telling and following take what it saves."""
PIPE_BYTES = 1024 * 1024


class Walker:
    """What walks along a journal whose log has `log_bytes`. Where nothing does, or it dies on its way, it has said no more: whoever asked
    goes on alone.
    """

    def __init__(self, child: Child | None, log_bytes: int = 0) -> None:
        self.log_bytes = log_bytes
        self._child = child

    def begun(self) -> "Begun | None":
        """Wait until the file may be opened by others; None where it has found something wrong, and is gone."""
        from hub import walk

        told = self._told()
        if not told:
            self.close()
        return walk.begun(told) if told else None

    def stretches(self) -> "Iterator[Stretch]":
        """What is whole behind row 0; ends early where anything else is found."""
        from hub import walk

        while told := self._told():
            yield walk.said(told)

    def close(self) -> None:
        """It is gone when this returns."""
        child, self._child = self._child, None
        end(child)

    def _told(self) -> bytes:
        """The next thing it says; empty when it says no more."""
        from hub import walk

        if self._child is None or self._child.stdout is None:
            return b""
        head = self._child.stdout.read(walk.LENGTH.size)
        (length,) = walk.LENGTH.unpack(head) if len(head) == walk.LENGTH.size else (0,)
        told = self._child.stdout.read(length)
        return told if len(told) == length else b""


def called() -> Child | None:
    """A walker that loads what it needs, and then waits to be told where; None where there is no core for it."""
    if len(os.sched_getaffinity(0)) == 1:
        return None
    with contextlib.suppress(OSError):
        child = subprocess.Popen([sys.executable, "-m", "hub.walk"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        fcntl.fcntl(child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[arg-type]
        return child
    return None


def start(folder: Folder, early: Child | None = None) -> Walker:
    """Settle the journal's log; then a walker where the journal is long, else one that says nothing. `early`: was called before.

    The folder is locked: nobody writes meanwhile. Raises StartError (DamageError) for a log that is not whole.
    """
    child = early
    try:
        log_bytes = settle_log(folder.journal, appended=True)
        if folder.journal.exists() and folder.journal.stat().st_size >= BESIDE_BYTES:
            walking = child = child or called()
            if walking is not None and walking.stdin is not None:
                with contextlib.suppress(BrokenPipeError), walking.stdin as where:
                    where.write(f"{folder.journal.absolute().as_uri()}?mode=ro".encode())
                return Walker(walking, log_bytes)
    except BaseException:
        end(child)
        raise
    end(child)
    return Walker(None, log_bytes)


def end(child: Child | None) -> None:
    """It is gone when this returns: killed, its pipes closed, its end waited for. Nothing for one that is gone."""
    if child is None:
        return
    child.kill()
    with contextlib.suppress(BrokenPipeError), child:
        pass
