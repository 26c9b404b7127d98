"""What is a mail address and what is none, and how it goes on the wire."""

import pytest

from hub.addresses import Address, read_address


@pytest.mark.parametrize(
    ("written", "local", "domain"),
    [
        ("anne@example.be", "anne", "example.be"),
        ("  anne@example.be ", "anne", "example.be"),
        ("Anne.Van-den_Berg+ecole@mail.example.be", "Anne.Van-den_Berg+ecole", "mail.example.be"),
        ("o'brien@EXAMPLE.BE", "o'brien", "example.be"),
        ('"anne marie"@example.be', "anne marie", "example.be"),
        ('"a@b"@example.be', "a@b", "example.be"),
        (r'"a\"b\\c"@example.be', 'a"b\\c', "example.be"),
        ("anne@école.be", "anne", "xn--cole-9oa.be"),
        ("anne@E\u0301COLE.be", "anne", "xn--cole-9oa.be"),
        ("anne@straße.de", "anne", "xn--strae-oqa.de"),
        ("anne@xn--cole-9oa.be", "anne", "xn--cole-9oa.be"),
        ("józef@example.pl", "józef", "example.pl"),
        ("1@2.be", "1", "2.be"),
        (f"{'a' * 64}@example.be", "a" * 64, "example.be"),
    ],
)
def test_a_valid_address_is_read_however_unusual(written: str, local: str, domain: str) -> None:
    assert read_address(written) == Address(local, domain)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "anne",
        "@example.be",
        "anne@",
        "anne@example",
        "anne@localhost",
        "anne@[192.0.2.1]",
        "anne@192.0.2.1",
        "anne@example..be",
        "anne@.example.be",
        "anne@example.be.",
        "anne@-example.be",
        "anne@exa mple.be",
        "anne@exam_ple.be",
        ".anne@example.be",
        "anne.@example.be",
        "an..ne@example.be",
        "anne marie@example.be",
        "anne,marie@example.be",
        "anne@example.be, bob@example.be",
        "Anne <anne@example.be>",
        "<anne@example.be>",
        '""@example.be',
        '"."@example.be',
        '"a..b"@example.be',
        '"anne@example.be',
        "anne@example.be\nBcc: all@example.be",
        "anne\r\nBcc: all@example.be",
        '"anne\n"@example.be',
        "anne\x00@example.be",
        "anne\u2028@example.be",
        "anne@exam\u200bple.be",
        "anne@ex☺mple.be",
        f"{'a' * 65}@example.be",
        f"anne@{'a' * 64}.be",
        f"anne@{'a.' * 130}be",
    ],
)
def test_what_is_no_address_is_none(written: str) -> None:
    assert read_address(written) is None


def test_accents_before_the_at_sign_need_a_server_that_takes_them() -> None:
    jozef, anne = read_address("józef@example.pl"), read_address("anne@école.be")
    assert jozef is not None
    assert anne is not None
    assert (jozef.has_accents, anne.has_accents) == (True, False)
