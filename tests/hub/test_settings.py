"""The hub's settings: the example works, and a wrong key is named with its line."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from hub.errors import StartError
from hub.settings import BrokerSettings, MailSettings, WebSettings, load, mail_sender

EXAMPLE = Path(__file__).parents[2] / "provisioning" / "hub.example.toml"


def test_the_example_can_be_copied_as_it_is() -> None:
    settings = load(EXAMPLE)
    assert settings.hub.data == "/var/lib/preau-hub"
    assert settings.broker == BrokerSettings(host="0.0.0.0")
    assert settings.web == WebSettings()


def test_without_a_mail_server_no_letter_is_sent_and_the_example_shows_how_one_is_named() -> None:
    assert load(EXAMPLE).mail is None
    shown = EXAMPLE.read_text().partition("# [mail]")[2]
    named = tomllib.loads("[mail]" + shown.replace("\n# ", "\n"))["mail"]
    assert set(named) == {field.name for field in msgspec.structs.fields(MailSettings)} - {"password", "ca_file"}
    assert mail_sender(MailSettings(**named)).address.domain == "example.be"


def test_only_the_data_folder_has_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('[hub]\ndata = "here"\n')
    assert load(path).broker.kind == "embedded"


WRONG = [
    ('[hub]\ndata = "x"\ncolour = "red"\n', 3, "unknown key `hub.colour`"),
    ("[hub]\n", 1, "key `data` is missing"),
    ('[hub]\ndata = "x"\n\n[broker]\nkind = "pigeon"\n', 5, "key `broker.kind`"),
    ('[hub]\ndata = "x"\n\n[web]\nport = 0\n', 5, "key `web.port`"),
    ('[hub]\ndata = " "\n', 2, "key `hub.data`"),
    ('[hub]\ndata = ""\n', 2, "key `hub.data`: Expected `str` of length >= 1"),
    ('[hub]\ndata = "a\\u0000b"\n', 2, "key `hub.data`"),
    ('[hub]\ndata = "x"\n[broker]\nhost = ""\n', 4, "key `broker.host`"),
    ('[hub]\ndata = "x"\n[broker]\nhost = "é..é"\n', 4, "key `broker.host`: `é..é` cannot be a host name"),
    ('[hub]\ndata = "x"\n[web]\nhost = "é..é"\n', 4, "key `web.host`: `é..é` cannot be a host name"),
    ('[hub]\ndata = "x"\n[web]\nurl = "badges.example.be"\n', 4, "key `web.url`"),
    ('[hub]\ndata = "x"\n\n[web]\nlanguage = "tlh"\n', 5, "key `web.language`"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "s"\n', 4, "key `sender` is missing in `mail`"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "s"\nsender = "nobody"\n', 6, "key `mail.sender`: `nobody` is not a mail address"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "s"\nsender = "a@b.be"\nreply_to = "b"\n', 7, "key `mail.reply_to`: `b` is not a mail address"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "smtp.b.be"\nsender = "a@b.be"\ntls = "none"\n', 7, "is for a server on this machine"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "s"\nsender = "a@b.be"\nuser = "a"\n', 4, "`user` needs one password"),
    ('[hub]\ndata = "x"\n\n[mail]\nserver = "s"\nsender = "a@b.be"\npassword = "a"\n', 4, "a password needs a user"),
]


@pytest.mark.parametrize(("text", "line", "sentence"), WRONG)
def test_a_wrong_key_is_named_with_file_and_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    path = tmp_path / "hub.toml"
    path.write_text(text)
    with pytest.raises(StartError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}:{line}: ")
    assert sentence in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"none\.toml: cannot be read"):
        load(tmp_path / "none.toml")


def test_an_address_with_https_binds_cookies_to_it() -> None:
    assert WebSettings(url="https://badges.example.be").over_https
    assert not WebSettings().over_https
