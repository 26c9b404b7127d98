"""A PostgreSQL of our own: a cluster in the bench's folder, started for it and gone with it; fsync and synchronous_commit are on.

As root it runs as Debian's user `postgres`, because it refuses to run as root; that user must be able to reach the folder. The table
and the function are its best form of a debit: one call, one transaction, with limit check and idempotency key. It knows no desk.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from tests.bench.pace import pause

USER = "postgres"
WAIT_S = 60.0
CONNECTIONS = 16
"""Of a pool, where nothing else is said: on two cores it books more with 16 than with 64, and who waits beyond them waits in a queue."""
MISSING = "PostgreSQL is missing, nothing is held against it: apt-get install --no-install-recommends postgresql"

_SCHEMA = """
CREATE TABLE wallet (id bigint PRIMARY KEY, cents bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE transfer (ask bigint PRIMARY KEY, wallet bigint NOT NULL, cents bigint NOT NULL, at_ms bigint NOT NULL, facts bytea);
CREATE FUNCTION debit(asked bigint, payer bigint, price bigint, now_ms bigint, body bytea) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO transfer VALUES (asked, payer, price, now_ms, body) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    UPDATE wallet SET cents = cents - price WHERE id = payer AND cents >= price;
    IF NOT FOUND THEN RAISE EXCEPTION 'shortage'; END IF;
    RETURN true;
END $$;
"""
# The free half of each page lets an update stay on its page and touch no index: what its own manual advises for such a table.


def binaries() -> Path | None:
    """Where the server's programs are; the newest ones, or None when it is not installed."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    on_path = shutil.which("postgres")
    newest = sorted(found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    return newest[-1] if newest else Path(on_path).parent if on_path else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server with nothing in it; yields the folder of its socket, where `asyncpg` finds it. `folder` must not exist yet."""
    programs = binaries()
    assert programs is not None, MISSING
    folder.mkdir()
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "max_connections": "300", "synchronous_commit": "on"}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    if os.geteuid() == 0:
        shutil.chown(folder, USER, USER)
    _run([str(programs / "initdb"), "-N", "-D", str(folder / "cluster"), "-A", "trust", "-U", USER, "-E", "UTF8", "--no-locale"], folder)
    log = folder / "log"
    with log.open("wb") as words:
        command = [str(programs / "postgres"), "-D", str(folder / "cluster"), *options]
        server = subprocess.Popen(command, stdout=words, stderr=words, cwd=folder, **_somebody())  # type: ignore[call-overload]
    try:
        _until_ready(server, folder, log)
        yield str(folder)
    finally:
        server.send_signal(signal.SIGINT)  # its "fast" shutdown: whoever is connected is sent away
        server.wait(WAIT_S)


@contextlib.asynccontextmanager
async def debits(socket: str, balances: dict[int, int], connections: int = CONNECTIONS) -> AsyncIterator[Sequence["Debit"]]:
    """Connections, each ready to debit wallets that begin with these balances (id -> cents); what was there before is forgotten."""
    async with contextlib.AsyncExitStack() as stack:
        first = await _connected(stack, socket)
        await first.execute("DROP TABLE IF EXISTS wallet, transfer; DROP FUNCTION IF EXISTS debit;" + _SCHEMA)
        await first.copy_records_to_table("wallet", records=list(balances.items()))
        await first.execute("VACUUM ANALYZE")
        assert await first.fetchval("SHOW synchronous_commit") == await first.fetchval("SHOW fsync") == "on"
        others = [await _connected(stack, socket) for _ in range(connections - 1)]
        yield [Debit(await connection.prepare("SELECT debit($1, $2, $3, $4, $5)")) for connection in (first, *others)]


class Debit:
    """One connection: one call is one transaction, on disk when it returns."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    async def __call__(self, ask: int, wallet: int, cents: int, at_ms: int, facts: bytes | None = None) -> bool:
        """Debit a wallet once for each ask: False when this ask is known. Raises asyncpg's error for a shortage."""
        return bool(await self._statement.fetchval(ask, wallet, cents, at_ms, facts))


async def _connected(stack: contextlib.AsyncExitStack, socket: str) -> Any:
    connection = await asyncpg.connect(host=socket, user=USER, database="postgres")
    stack.push_async_callback(connection.close)
    return connection


def _somebody() -> dict[str, object]:
    """Whom root becomes."""
    return {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, **_somebody())  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command[0]}: {done.stderr[-2000:]}"


def _until_ready(server: "subprocess.Popen[bytes]", folder: Path, log: Path) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not _answers(folder):
        assert server.poll() is None, f"it ended: {log.read_text()[-2000:]}"
        assert time.monotonic() < deadline_s, f"it never got ready: {log.read_text()[-2000:]}"
        pause(0.05)


def _answers(folder: Path) -> bool:
    """The cluster's lock file says `ready` in its last line once the server takes connections."""
    lock = folder / "cluster" / "postmaster.pid"
    return lock.exists() and lock.read_text().rstrip().endswith("ready")
