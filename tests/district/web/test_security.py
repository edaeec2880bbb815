"""Headers on every answer, and forms of other origins refused."""

import re

import pytest

from district.web.templating import environment
from tests.district.web.shell_app import Visitor


def policy(headers: object) -> dict[str, str]:
    parts = str(headers).split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize("path", ["/", "/pages/merchant", "/static/app/map.js", "/nowhere"])
def test_every_answer_carries_the_headers(visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    found = policy(headers["content-security-policy"])
    assert "unsafe" not in headers["content-security-policy"]
    assert (found["frame-ancestors"], found["object-src"], found["base-uri"]) == (
        "'none'",
        "'none'",
        "'none'",
    )
    assert found["worker-src"] == "'self' blob:"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path", ["/", "/pages/merchant", "/pages/operator", "/pages/shopper", "/pages/portal"]
)
def test_inline_code_carries_this_answers_nonce_and_no_other(visitor: Visitor, path: str) -> None:
    first, second = visitor.get(path), visitor.get(path)
    nonces = set(re.findall(r'nonce="([^"]+)"', first.text))
    assert len(nonces) == 1
    assert f"'nonce-{nonces.pop()}'" in policy(first.headers["content-security-policy"])["script-src"]
    assert first.headers["content-security-policy"] != second.headers["content-security-policy"]
    assert not re.findall(r"<(?:script|style)(?![^>]*(?:nonce|src)=)", first.text)


def test_a_form_may_be_sent_on_only_to_the_gateway_that_the_page_names(visitor: Visitor) -> None:
    assert policy(visitor.get("/").headers["content-security-policy"])["form-action"] == "'self'"
    sheet = visitor.get("/sheet?lang=zh")
    assert policy(sheet.headers["content-security-policy"])["form-action"] == "'self' http://192.168.1.1:2050"
    assert "set-cookie" not in sheet.headers


def test_strict_transport_is_asked_for_only_over_tls(visitor: Visitor) -> None:
    assert "strict-transport-security" not in visitor.get("/").headers
    assert "strict-transport-security" in visitor.get("https://shop.test/").headers


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "http://shop.test.evil.test"},
        {"sec-fetch-site": "cross-site", "origin": "http://shop.test"},
        {},
        {"cookie": "form_token=", "x-form-token": ""},
        {"cookie": "form_token=aaaaaaaaaaaaaaaaaaaaaaaa", "x-form-token": "bbbbbbbbbbbbbbbbbbbbbbbb"},
    ],
)
def test_a_form_from_elsewhere_is_refused(visitor: Visitor, headers: dict[str, str]) -> None:
    answer = visitor.post("/change", headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(":foreign-form")


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://shop.test"}])
def test_a_form_from_our_own_page_is_taken(visitor: Visitor, headers: dict[str, str]) -> None:
    assert visitor.post("/change", headers=headers).json() == {"changed": True}


def test_an_old_browser_proves_itself_with_the_pages_token(visitor: Visitor) -> None:
    found = re.search(r'name="form_token" value="([^"]+)"', visitor.get("/").text)
    assert found is not None
    token = found.group(1)
    assert visitor.post("/change", data={"form_token": token}).status_code == 200
    assert visitor.post("/change", headers={"x-form-token": token}).status_code == 200
    assert visitor.post("/change", data={"form_token": token + "x"}).status_code == 403


def test_names_are_text_wherever_they_stand(visitor: Visitor) -> None:
    for path in ("/", "/pages/merchant", "/pages/shopper", "/pages/portal"):
        page = visitor.get(path).text
        assert "<Kluuvi>" not in page
        assert "&lt;Kluuvi&gt; &amp; co" in page


@pytest.mark.parametrize(
    "hostile", ["</script><svg onload=1>", "{{7*7}}", "\u2028\u2029", "\u202eabc", "<!--"]
)
def test_json_in_a_page_cannot_end_its_element(hostile: str) -> None:
    made = environment().from_string("{{ value | script_json }}").render(value={"name": hostile})
    assert not set("<>&\u2028\u2029") & set(made)
