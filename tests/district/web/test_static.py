"""Vendored files are what the lock says; nothing asks another origin for anything."""

import gzip
import re

import pytest

from district.web import static_files, vendoring
from district.web.templating import TEMPLATES, vendor_address
from tests.district.web.shell_app import Visitor

OWN_MODULES = sorted(path for path in (static_files.STATIC / "app").iterdir() if path.suffix != ".png")
PAGES = sorted(TEMPLATES.rglob("*.html"))
MAY_BE_NAMED = {
    "https://www.openstreetmap.org/copyright",
    "https://opendatacommons.org/licenses/odbl/1-0/",
    "http://www.w3.org/2000/svg",
}


def test_every_vendored_file_matches_the_lock_and_no_other_exists() -> None:
    locked = {path: digest for package in vendoring.read_lock() for path, digest in package.sha256.items()}
    found = {
        str(path.relative_to(vendoring.VENDOR)): vendoring.sha256_of(path)
        for path in vendoring.VENDOR.rglob("*")
        if path.is_file()
    }
    assert found == locked


def test_every_vendored_package_is_pinned_and_brings_its_licence() -> None:
    pinned = [(package.name, package.version, package.licence) for package in vendoring.PACKAGES]
    assert [(package.name, package.version, package.licence) for package in vendoring.read_lock()] == pinned
    for package in vendoring.PACKAGES:
        assert any(path.name.startswith("LICENSE") for path in (vendoring.VENDOR / package.folder).iterdir())


@pytest.mark.parametrize("path", [*PAGES, *OWN_MODULES], ids=lambda path: path.name)
def test_our_own_pages_and_modules_name_no_other_origin(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]  # parametrised with paths
    assert (
        set(re.findall(r"""(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s"'<>)]*""", text)) - MAY_BE_NAMED <= set()
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_templates_obey_the_policy(path: object) -> None:
    text = path.read_text("utf-8")  # type: ignore[attr-defined]  # parametrised with paths
    assert not re.findall(
        r"""\sstyle=|\son[a-z]+\s*=\s*["']|javascript:|\|\s*safe\b|target=["']?_blank""", text
    )


@pytest.mark.parametrize("package", vendoring.PACKAGES, ids=lambda package: package.name)
def test_vendored_files_are_served_compressed_and_for_ever(
    visitor: Visitor, package: vendoring.Package
) -> None:
    file = package.files[0].rsplit("/", 1)[-1]
    answer = visitor.get(vendor_address(package.name, file), headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert answer.content == (vendoring.VENDOR / package.folder / file).read_bytes()
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    expected = "text/css" if file.endswith(".css") else "text/javascript"
    assert answer.headers["content-type"] == f"{expected}; charset=utf-8"


def test_a_known_module_is_not_sent_again(visitor: Visitor) -> None:
    first = visitor.get("/static/app/map.js", headers={"accept-encoding": "gzip"})
    assert first.headers["cache-control"] == "public, no-cache"
    again = visitor.get(
        "/static/app/map.js", headers={"accept-encoding": "gzip", "if-none-match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_browser_without_gzip_gets_the_plain_file(visitor: Visitor) -> None:
    answer = visitor.get("/static/app/live.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.content == (static_files.STATIC / "app" / "live.js").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["../security.py", "%2e%2e/security.py", "vendor/../../security.py", "nothing.js", "app", "a" * 5000],
)
def test_nothing_else_is_served(visitor: Visitor, path: str) -> None:
    assert visitor.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/pages/portal", "/pages/shopper"])
def test_a_shoppers_page_is_one_small_request(visitor: Visitor, path: str) -> None:
    page = visitor.get(path).text
    assert len(page.encode()) < 12_000
    assert len(gzip.compress(page.encode())) < 4_500
    assert not re.findall(r"""<script|<link rel="stylesheet"|@import|localStorage""", page)
