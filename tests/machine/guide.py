"""The guide's own commands (provisioning/README.md), for a machine that follows it to the letter."""

import re
from collections.abc import Callable, Mapping

from tests.machine.container import CHECKOUT, Machine

NOT_HERE = (
    "/opt/preau/bin/pip ",  # container.py lays the same programs out
    "sh provisioning/debian.sh ",
    "apt-get ",
    "udevadm ",  # the host's business
    "raspi-config ",
    "echo 'kernel.sysrq = 0'",  # would be this machine's kernel
    "printf '[Manager]",
    "/opt/preau/bin/preau-edge probe ",  # listens until a person ends it
    "runuser -u preau-hub -- /opt/preau/bin/preau-hub mail test ",  # no mail server here (tests/hub/test_post.py has one)
)
"""How commands begin that need the network, a Pi, or a kernel of one's own."""

Edit = Callable[[str], str]


def commands(chapter: str) -> list[str]:
    """The commands of a chapter, in order."""
    guide = (CHECKOUT / "provisioning/README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(chapter)}\n(.*?)(?=^## |\Z)", guide, re.MULTILINE | re.DOTALL)
    assert found, f"the guide has no chapter {chapter}"
    return re.findall(r"^ {4,}(\S.*)$", found[1], re.MULTILINE)


def follow(machine: Machine, chapter: str, edits: Mapping[str, Edit]) -> None:
    """Do what a chapter says. Where it says `editor FILE`, what is typed depends on what was printed; without an edit it stays."""
    printed = ""
    for command in commands(chapter):
        if command.startswith("editor "):
            path = command.removeprefix("editor ")
            if path in edits:
                machine.put(path, edits[path](printed))
        elif not command.startswith(NOT_HERE):
            printed += machine.said(command)
