"""One of each message of the wire, and the odd ones: what the golden vectors hold, and what the codec tests start from."""

from typing import Any

from proto import codec
from proto.messages import (
    Ask,
    AskMessage,
    ClockQuality,
    Command,
    Config,
    Do,
    Grant,
    Health,
    Hole,
    HubState,
    Light,
    Line,
    ReaderHealth,
    ReaderState,
    Result,
    RosterManifest,
    RosterMessage,
    RosterPart,
    Scan,
    ScanMessage,
    Settled,
    Shown,
    State,
    Status,
    Verdict,
    VerdictMessage,
    WantPart,
)

KINDS: dict[str, Any] = {
    "scan": ScanMessage,
    "verdict": VerdictMessage,
    "ask": AskMessage,
    "want": AskMessage,
    "settled": Settled,
    "state": State,
    "hub": HubState,
    "health": Health,
    "command": Command,
    "result": Result,
    "config": Config,
    "manifest": RosterMessage,
    "part": RosterMessage,
}
"""What each vector is decoded as: the first word of its name says which."""

SESSION, BOOT, INC, OLDER_INC, NONCE = "5e55101100000001", "b0070000000000ff", "1c1c1c1c1c1c1c1c", "0dd0dd0dd0dd0dd0", "90ce90ce90ce90ce"
BADGE, OTHER_BADGE = "AAECAwQFBgcICQoLDA0O", "zzz-___9876543210abc"
MOST = 2**53
"""The largest whole number of the wire."""
SIG = "0123456789abcdef" * 4

SCAN = Scan(inc=INC, n=1, reader="qr", badge=BADGE, boot=BOOT, mono_ms=81_234, wall_ms=1_788_163_200_000)
DOOR_SCAN = Scan(
    inc=INC,
    n=2,
    reader="door-1",
    badge=OTHER_BADGE,
    boot=BOOT,
    mono_ms=90_000,
    wall_ms=1_788_163_208_766,
    err_ms=250,
    clock=ClockQuality.NTP,
    nonce=NONCE,
)
LIT_SCAN = Scan(
    inc=OLDER_INC,
    n=MOST,
    reader="till",
    badge=BADGE,
    boot=BOOT,
    mono_ms=0,
    wall_ms=0,
    err_ms=MOST,
    clock=ClockQuality.SAVED,
    shown=Shown(light=Light.ADULT, code="blocked"),
)
ARCHIVED_SCAN = Scan(
    inc=OLDER_INC,
    n=7,
    reader="till",
    badge=BADGE,
    boot=BOOT,
    mono_ms=5,
    wall_ms=6,
    clock=ClockQuality.RTC,
    shown=Shown(light=Light.ACCEPTED, code="served", by_hub=True),
)

MESSAGES: dict[str, codec.Versioned] = {
    "scan": ScanMessage(session=SESSION, q=1, boot=BOOT, mono_ms=81_240, wall_ms=1_788_163_200_006, records=[SCAN]),
    "scan-door": ScanMessage(session=SESSION, q=2, boot=BOOT, mono_ms=90_001, records=[DOOR_SCAN]),
    "scan-backlog": ScanMessage(
        session=SESSION, q=MOST, boot=BOOT, mono_ms=MOST, wall_ms=MOST, records=[LIT_SCAN, ARCHIVED_SCAN, Hole(inc=INC, n=8, to_n=11), SCAN]
    ),
    "scan-none": ScanMessage(session=SESSION, q=3, boot=BOOT, mono_ms=0, records=[]),
    "verdict": VerdictMessage(session=SESSION, verdicts=[Verdict(inc=INC, n=1, light=Light.ACCEPTED, code="arrived")]),
    "verdict-lights": VerdictMessage(
        session=SESSION, verdicts=[Verdict(inc=INC, n=n, light=light, code=light.value) for n, light in enumerate(Light, 1)]
    ),
    "verdict-grant": VerdictMessage(
        session=SESSION,
        verdicts=[
            Verdict(inc=INC, n=2, light=Light.LOOK, code="allergy", grant=Grant(nonce=NONCE, ms=50)),
            Verdict(inc=INC, n=3, light=Light.ACCEPTED, code="", grant=Grant(nonce=NONCE, ms=10_000)),
        ],
    ),
    "ask": Ask(session=SESSION, q=4, lines=[Line(inc=INC, n=3, shown_n=2), Line(inc=OLDER_INC)]),
    "ask-nothing": Ask(session=SESSION, q=1),
    "want": WantPart(session=SESSION, version=12, part=0),
    "settled": Settled(session=SESSION, q=4, lines=[Line(inc=INC, n=MOST, shown_n=MOST), Line(inc=OLDER_INC, n=1)]),
    "settled-nothing": Settled(session=SESSION, q=5, lines=[]),
    "state": State(
        status=Status.ON,
        session=SESSION,
        inc=INC,
        boot=BOOT,
        fw="0.1.0",
        config=3,
        roster=12,
        readers=[ReaderState(id="qr", kind="line", ok=True, name="Lecteur d'entrée"), ReaderState(id="hid", kind="hid", ok=False)],
    ),
    "state-lost": State(status=Status.LOST, session=SESSION, inc=INC),
    "state-off": State(status=Status.OFF, session=SESSION, inc=INC),
    "hub": HubState(status=Status.ON, session=SESSION),
    "hub-lost": HubState(status=Status.LOST, session=SESSION),
    "health": Health(
        session=SESSION,
        inc=INC,
        fw="0.1.0",
        uptime_s=3600,
        away=True,
        outbox=2,
        archive=4711,
        store_ok=False,
        disk_free_mb=812,
        rss_kb=31_000,
        undervoltage=True,
        clock=ClockQuality.NTP,
        rubbish={"not_json": 1, "wrong_version": 2},
        late=3,
        alarms=["store"],
        readers=[ReaderHealth(id="qr", ok=True, reads=120, faults={"malformed": 1}), ReaderHealth(id="hid", ok=False)],
        latency=[0, 1, 2, 3, 4, 5, 6, 7, 8, MOST],
    ),
    "health-bare": Health(session=SESSION, inc=INC),
    "command": Command(session=SESSION, n=1, do=Do.TEST),
    "command-open": Command(session=SESSION, n=2, do=Do.OPEN, reader="door-1", nonce=NONCE, ms=3000),
    "command-restart": Command(session=SESSION, n=3, do=Do.RESTART, nonce=NONCE),
    "result": Result(session=SESSION, n=1, code="done"),
    "result-challenge": Result(session=SESSION, n=2, code="challenge", nonce=NONCE),
    "config": Config(version=3, body='{"device":"porte-1","badge_key":"' + SIG + '","readers":[]}', sig=SIG),
    "config-accents": Config(version=MOST, body='"é\\"\\\\ \u2028 \U0001f392\n', sig=""),
    "manifest": RosterManifest(version=12, parts=1, rows=2, sha256=SIG, issued_ms=1_788_163_200_000, sig=SIG),
    "manifest-empty": RosterManifest(version=1, parts=0, rows=0, sha256=SIG, issued_ms=0, sig=SIG),
    "part": RosterPart(version=12, part=0, body=f"{BADGE} cs 0 0\n{OTHER_BADGE} - 1 {MOST}\n"),
}
"""Vector name -> the message it holds, byte for byte as `codec.encode` writes it."""

READ_ONLY: dict[str, codec.Versioned] = {
    "command-newer-end": Command(session=SESSION, n=1, do=Do.LOCATE),
    "scan-newer-end": ScanMessage(session=SESSION, q=1, boot=BOOT, mono_ms=1, records=[SCAN]),
    "settled-spaces": Settled(session=SESSION, q=6, lines=[Line(inc=INC, n=2)]),
    "state-older-end": State(status=Status.ON, session=SESSION, inc=INC),
    "want-order": WantPart(session=SESSION, version=12, part=3),
}
"""Vectors that another end may write in its own way: more fields, fewer fields, spaces, another order."""


def kind_of(vector: str) -> Any:
    """The type that a vector is decoded as."""
    return KINDS[vector.split("-", maxsplit=1)[0]]
