"""A device as a target of rubbish: its real link, station and loop, under a hub that has gone mad.

An input is what `tests/faults/hubend.py` says; signatures are right where the hub is the one that is mad. Nothing here is a socket.
"""

from random import Random

import msgspec
from paho.mqtt.client import MQTTMessage

from edge import events as e
from edge.link import Link
from edge.loop import Loop, Parts
from edge.settings import BrokerSettings, ReaderSettings, Settings
from proto import codec, roster, topics
from proto.messages import HubState, Status, Use
from proto.messages import State as WireState
from proto.signing import sign, signing_key
from proto.topics import Kind
from tests import fakes
from tests.faults.hubend import STRANGE, TREES, BrokenError, Ward, joined, parted
from tests.faults.rubbish import Tree, bytes_of, tree_of
from tests.proto.samples import INC, NONCE, SESSION

PASSWORD = "a password for tests"
TAP = "tap"
"""Instead of a topic: somebody holds a badge to a reader, so that there is a question to answer."""
SETTINGS = Settings(
    device="device",
    data="",
    broker=BrokerSettings(host="localhost", password=PASSWORD),
    readers=[ReaderSettings(id=reader, kind="line", path="") for reader in ("till", "door")],
)
KEY = signing_key(PASSWORD)
FROM_HUB = {"verdict": 5, "verdict-lights": 2, "verdict-grant": 3, "settled": 4, "command": 1, "command-open": 2}
ABOUT_HUB = {"config": 2, "manifest": 2, "part": 2, "hub": 2, "state": 1}
NAMES = tuple(name for name, share in (FROM_HUB | ABOUT_HUB).items() for _ in range(share))
ROSTER = roster.pack(list(fakes.rows("Léa", "Tom")))


class EdgeTarget:
    """What is no message is counted once, every tap has one outcome, and whatever the hub says, the device goes on."""

    def __init__(self, ward: Ward) -> None:
        self._told = ward.told
        self._came: list[e.Event] = []
        self._clock, self._lamps = fakes.Clock(), fakes.Lamps()
        self.link = Link(SETTINGS, INC, self._came.append)
        self.link._session = SESSION
        self._loop = Loop(INC, {"till": "line", "door": "line"})
        self._parts = Parts(
            outbox=fakes.MemoryOutbox(),
            outputs=self._lamps,
            link=fakes.Wire(),
            clock=self._clock,
            vitals=fakes.vitals,
            alive=lambda: None,
            die=_died,
            fw="0",
        )
        self._loop.begin(self._parts)
        born = (e.ConfigIn(1, fakes.config(till=(Use.TILL, 0), door=(Use.CARE, 800))), e.LinkUp(SESSION))
        self._turn(*born, e.HubChanged(HubState(status=Status.ON, session=NONCE)))

    def make(self, luck: Random) -> bytes:
        if luck.random() < 0.15:
            return f"{TAP} {luck.choice(('till', 'door'))}\n{luck.choice(('Léa', 'Tom', 'nobody'))}".encode()
        name = luck.choice(NAMES)
        topic = topics.HUB if name == "hub" else topics.topic("device", _kind(name))
        return joined(luck, luck.choice(STRANGE) if luck.random() < 0.02 else topic, self._fitting(luck, name))

    def take(self, given: bytes) -> str:
        """What became of it. Raises BrokenError, or whatever the device raises."""
        topic, payload, retained = parted(given)
        self._clock.forward(40)
        if topic.startswith(TAP):
            read = e.Text(fakes.code(payload.decode(errors="replace")))
            self._turn(e.ReadIn(topic.removeprefix(TAP).strip(), read, self._clock.now(), NONCE))
            return "tap"
        message = MQTTMessage(topic=given.partition(b"\n")[0].removeprefix(b"!"))
        message.payload, message.retain = payload, retained
        before = sum(self.link.rubbish.values())
        self._came.clear()
        self.link._on_message(self.link._client, None, message)
        dropped, came = sum(self.link.rubbish.values()) - before, tuple(self._came)
        if dropped + len(came) != 1 and not _echo(topic, payload):
            raise BrokenError(f"{dropped} counted and {len(came)} taken of one message")
        self._turn(*came)
        if not self._told.empty():
            raise BrokenError(f"somebody inside failed: {self._told.get()}")
        return "dropped" if dropped else "taken"

    def check(self) -> None:
        """No tap was answered twice, and differently."""
        shown: dict[int, e.Pattern] = {}
        for pattern, _, n in self._lamps.shown:
            if n and shown.setdefault(n, pattern) is not pattern:
                raise BrokenError(f"scan {n} was shown {shown[n]} and {pattern}")

    def _turn(self, *events: e.Event) -> None:
        for event in events:
            self._loop.turn(self._parts, event)

    def _fitting(self, luck: Random, name: str) -> Tree:
        """The golden message, as it fits what this device waits for just now."""
        tree, state = TREES[name], self._loop.state
        match name.split("-", maxsplit=1)[0]:
            case "verdict":
                return {**tree, "verdicts": [{**one, "n": max(1, state.n - luck.randrange(3))} for one in tree["verdicts"]]}
            case "settled":
                return {
                    **tree,
                    "q": max(1, state.q),
                    "lines": [{"inc": INC, "n": luck.randint(0, state.n), "shown_n": luck.randint(0, state.n)}],
                }
            case "command":
                return {**tree, "n": state.command_n + 1, "reader": "door", "nonce": luck.choice(("", state.challenge[1]))}
            case "config":
                return _config(luck)
            case "manifest":
                return msgspec.json.decode(codec.encode(roster.manifest(KEY, "device", luck.randint(1, 3), ROSTER, fakes.NOON_MS)))
            case "part":
                return {**tree, "version": luck.randint(1, 3), "part": 0, "body": luck.choice((ROSTER[0], tree["body"]))}
        return tree


def _config(luck: Random) -> Tree:
    """Signed as it should be, however wrong its body is."""
    good = msgspec.json.encode(fakes.config(till=(Use.TILL, 0), door=(Use.CARE, 800)))
    body = luck.choice((good, msgspec.json.encode(tree_of(luck, msgspec.json.decode(good))), bytes_of(luck, good))).decode(errors="replace")
    version = luck.randint(1, 9)
    return {"v": 1, "version": version, "body": body, "sig": sign(KEY, "config", "device", version, body)}


def _kind(name: str) -> Kind:
    word = name.split("-", maxsplit=1)[0]
    return Kind.ROSTER if word in {"manifest", "part"} else Kind(word)


def _echo(topic: str, payload: bytes) -> bool:
    """Whether it is a state on the device's own topic, of its own session or from the broker's memory: neither taken nor counted."""
    return topic == topics.topic("device", Kind.STATE) and isinstance(codec.decode(payload, WireState), WireState)


def _died(reason: str) -> None:
    raise BrokenError(f"the device ended itself: {reason}")
