"""One file holds the secret of a school; everything else is derived from it."""

import stat
from pathlib import Path

import pytest

from hub.errors import KeyFileError
from hub.keys import badge_key, device_password, hub_password, load_master, write_private

MASTER = bytes(range(32))


def test_the_master_key_is_made_once_for_the_hub_alone(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    master = load_master(path)
    assert len(master) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_master(path) == master
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]
    assert load_master(tmp_path / "another.key") != master


def test_derived_secrets_never_change() -> None:
    """A badge hash or a device's password that changed with a release would lock a school out of its own house."""
    assert device_password(MASTER, "door-1", 1) == "7odzjjtnimijh6wwuhmehx5ma2xe6gqd"
    assert hub_password(MASTER) == "2pqovapept5crjesuv52savf2pzlcjpk"
    assert badge_key(MASTER).hex() == "066c6780ef244031edb50eae380878f3c07a6ba2c58c154955befc7a0e154723"


def test_every_device_generation_and_school_has_another_password() -> None:
    passwords = {
        device_password(master, device, generation)
        for master in (MASTER, bytes(32))
        for device in ("door-1", "door-11")
        for generation in (1, 2, 11)
    }
    assert len(passwords) == 12
    assert all(len(password) == 32 and password.isalnum() and password.islower() for password in passwords)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_size_is_refused_with_its_name(tmp_path: Path, size: int) -> None:
    path = tmp_path / "master.key"
    write_private(path, bytes(size))
    with pytest.raises(KeyFileError, match=rf"master\.key: a master key has 32 bytes, this has {size}: restore it"):
        load_master(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o660])
def test_a_key_others_can_reach_is_refused_with_the_mend(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    load_master(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"master\.key: others .* chmod 600"):
        load_master(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"nowhere.*No such file or directory"):
        load_master(tmp_path / "nowhere" / "master.key")


def test_a_private_file_replaces_an_open_one_and_what_a_power_cut_left(tmp_path: Path) -> None:
    path, torn = tmp_path / "nats.conf", tmp_path / "nats.conf.new"
    path.write_bytes(b"old")
    path.chmod(0o644)
    torn.write_bytes(b"half")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not torn.exists()
