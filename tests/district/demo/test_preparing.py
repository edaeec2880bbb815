"""A demo stays out of a real installation, and shows the same log-ins at every start."""

from pathlib import Path

import pytest

from district.demo import accounts, preparing
from district.demo.access import Loaded
from district.demo.preparing import Wish
from district.demo.world import World
from district.embedded.errors import StartRefused
from tests.factories import Makers


def never() -> World:
    raise AssertionError("a refused demo makes no world")


def test_a_real_district_is_left_alone(database_url: str, committed: Makers, tmp_path: Path) -> None:
    real = committed.district()
    with pytest.raises(StartRefused, match="which is no demo"):
        preparing.prepare(database_url, tmp_path, never, Wish(slug="helsinki"))
    committed.session.delete(real)
    committed.done()


def test_a_demo_without_its_log_ins_says_how_to_begin_anew(
    database_url: str, committed: Makers, tmp_path: Path
) -> None:
    there = committed.district(label="demo")
    with pytest.raises(StartRefused, match="RESET=1"):
        preparing.prepare(database_url, tmp_path, never, Wish(slug=there.slug))


def test_a_second_start_gives_what_was_kept_and_loads_nothing(
    database_url: str, committed: Makers, tmp_path: Path
) -> None:
    there = committed.district(label="demo")
    kept = Loaded(slug=there.slug, users=[{"role": "operator", "username": "o", "password": "p"}])
    accounts.keep(tmp_path, Loaded(slug="other"))
    accounts.keep(tmp_path, kept)
    assert preparing.prepare(database_url, tmp_path, never, Wish(slug=there.slug)) == kept
    assert (tmp_path / accounts.FILE_NAME).stat().st_mode & 0o077 == 0


def test_the_document_for_scripts_names_every_page() -> None:
    document = accounts.document("http://host:1", Loaded(slug="helsinki", keys={"till": "k"}))
    assert set(document) == {"base_url", "district", "users", "keys", "gateways", "pages"}
    assert document["pages"]["nearest"] == "http://host:1/d/helsinki/nearest"
    assert document["pages"]["portal"].startswith("http://host:1/demo/join")


def test_a_damaged_file_is_said_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / accounts.FILE_NAME).write_text("{")
    with pytest.raises(StartRefused, match="damaged"):
        accounts.read(tmp_path, "helsinki")
