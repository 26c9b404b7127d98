"""The hub's settings: the example works, and a wrong key is named with its line."""

from pathlib import Path

import pytest

from hub.errors import StartError
from hub.settings import BrokerSettings, WebSettings, load

EXAMPLE = Path(__file__).parents[2] / "provisioning" / "hub.example.toml"


def test_the_example_can_be_copied_as_it_is() -> None:
    settings = load(EXAMPLE)
    assert settings.hub.data == "/var/lib/preau-hub"
    assert settings.broker == BrokerSettings(host="0.0.0.0")
    assert settings.web == WebSettings()


def test_only_the_data_folder_has_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('[hub]\ndata = "here"\n')
    assert load(path).broker.kind == "embedded"


WRONG = [
    ('[hub]\ndata = "x"\ncolour = "red"\n', 3, "unknown key `hub.colour`"),
    ("[hub]\n", 1, "key `data` is missing"),
    ('[hub]\ndata = "x"\n\n[broker]\nkind = "pigeon"\n', 5, "key `broker.kind`"),
    ('[hub]\ndata = "x"\n\n[web]\nport = 0\n', 5, "key `web.port`"),
    ('[hub]\ndata = "x"\n\n[web]\nlanguage = "tlh"\n', 5, "key `web.language`"),
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
