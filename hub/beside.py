"""The walker (walk.py) as its hub sees it: started before the hub has loaded anything else, followed when it has.

Whoever reads here waits without the loop: before the journal is whole there is nobody to answer.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hub import walk
from hub.folder import Folder, settle_log
from hub.walk import Begun, Stretch

BESIDE_BYTES = 8 * 1024 * 1024
"""Of a file (some 30,000 facts) that is worth a process of its own: below that its start takes what it saves."""
PIPE_BYTES = 1024 * 1024


class Walker:
    """What walks along a journal whose log has `log_bytes`. Where nothing does, or it dies on its way, it has said no more: whoever asked
    goes on alone.
    """

    def __init__(self, journal: Path | None, log_bytes: int = 0) -> None:
        self.log_bytes = log_bytes
        self._child: subprocess.Popen[bytes] | None = None
        if journal is None:
            return
        with contextlib.suppress(OSError):
            self._child = subprocess.Popen([sys.executable, "-m", walk.__name__, str(journal)], stdout=subprocess.PIPE)  # noqa: S603 - ourselves
            fcntl.fcntl(self._child.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)  # type: ignore[arg-type]

    def begun(self) -> Begun | None:
        """Wait until the file may be opened by others; None where it has found something wrong, and is gone."""
        told = self._told()
        if not told:
            self.close()
        return walk.begun(told) if told else None

    def stretches(self) -> Iterator[Stretch]:
        """What is whole behind row 0; ends early where anything else is found."""
        while told := self._told():
            yield walk.said(told)

    def close(self) -> None:
        """It is gone when this returns."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            with child:
                pass  # its pipe is closed, and its end waited for

    def _told(self) -> bytes:
        """The next thing it says; empty when it says no more."""
        if self._child is None or self._child.stdout is None:
            return b""
        head = self._child.stdout.read(walk.LENGTH.size)
        (length,) = walk.LENGTH.unpack(head) if len(head) == walk.LENGTH.size else (0,)
        told = self._child.stdout.read(length)
        return told if len(told) == length else b""


def start(folder: Folder) -> Walker:
    """Settle the journal's log; then a walker where the journal is long and there is a core for it, else one that says nothing.

    The folder is locked: nobody writes meanwhile. Raises StartError (DamageError) for a log that is not whole.
    """
    log_bytes = settle_log(folder.journal, appended=True)
    long = folder.journal.exists() and folder.journal.stat().st_size >= BESIDE_BYTES
    return Walker(folder.journal if long and len(os.sched_getaffinity(0)) > 1 else None, log_bytes)
