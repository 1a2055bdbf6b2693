"""What every answer carries, what machines fetch, and what becomes of failures."""

import gzip
import hashlib
import json
import re

from gateway.core.language import LANGUAGES
from gateway.web.texts import CATALOGS


async def test_every_answer_is_protected(browser):
    """Pages, redirects and errors alike: CSP without unsafe-inline, no frames, no caching, no referrer, no version."""
    pages = [
        "/_gateway/login",
        "/_gateway/callback",
        "/_gateway/me",
        "/_gateway/logout",
        "/_gateway/nothing",
        "/_gateway/bind?ticket=x",
        "/MP_verify_abc.txt",
        "/nothing",
    ]
    for path in pages:
        headers = (await browser.get(path)).headers
        csp = headers["Content-Security-Policy"]
        assert "default-src 'none'" in csp
        assert "frame-ancestors 'none'" in csp
        assert "unsafe" not in csp
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Cookie" in headers["Vary"]
        assert headers["Strict-Transport-Security"].startswith("max-age=")
        assert "Server" not in headers


async def test_jwks(browser):
    """The keys for a minute, with an ETag that saves the second transfer."""
    answer = await browser.get("/_gateway/jwks.json")
    assert (answer.status, answer.json) == (200, {"keys": []})
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    assert answer.headers["Content-Type"].startswith("application/json")
    etag = answer.headers["ETag"]
    for value in (etag, f'"x", W/{etag}', "*"):
        again = await browser.get("/_gateway/jwks.json", If_None_Match=value)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", etag)
    assert (await browser.get("/_gateway/jwks.json", If_None_Match='"x"')).status == 200


async def test_domain_files(browser):
    """The exact text for GET and HEAD; no other name."""
    answer = await browser.get("/MP_verify_abc.txt")
    assert (answer.status, answer.body) == (200, b"abc")
    assert answer.headers["Content-Type"].startswith("text/plain")
    head = await browser.send("HEAD", "/MP_verify_abc.txt")
    assert (head.status, head.headers["Content-Length"]) == (200, "3")
    assert (await browser.get("/MP_verify_other.txt")).status == 404


async def test_assets_are_kept_for_ever(browser):
    """The pages name each by its content; a browser never asks again, and transfers it compressed."""
    page = await browser.get("/_gateway/logout")
    urls = re.findall(r'href="(/_gateway/static/[^"]+)"', page.text)
    assert len(urls) == 2
    for url in urls:
        answer = await browser.get(url, Accept_Encoding="gzip, br")
        assert answer.status == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
        plain = gzip.decompress(answer.body)
        assert hashlib.sha256(plain).hexdigest()[:12] in url
        for refusal in ("identity", "gzip;q=0"):
            assert (await browser.get(url, Accept_Encoding=refusal)).body == plain
    assert (await browser.get("/_gateway/static/weui.min.000000000000.css")).status == 404
    assert (await browser.get("/_gateway/static/..%2Fapp.py")).status == 404


async def test_no_page_has_inline_style_or_script(browser):
    """The CSP would stop them anyway; so none is there."""
    ticket = await browser.ticket()
    for path in ("/_gateway/me", "/_gateway/logout", f"/_gateway/bind?ticket={ticket}&method=sms", "/_gateway/nothing"):
        page = await browser.get(path)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)", page.text)


async def test_errors_reflect_nothing(browser):
    """Constant text and the request id; nothing of the path, host or query."""
    for path in ("/_gateway/CANARY%3Cscript%3E", "/_gateway/bind?ticket=CANARY", "/_gateway/callback?state=CANARY"):
        answer = await browser.get(path)
        assert answer.status >= 400
        assert b"CANARY" not in answer.body
        assert "req-1" in answer.text


async def test_failures_are_constant_text(house, browser, monkeypatch):
    """An exception is a 500 with a request id, as a page or as JSON, and shows nothing of itself."""

    async def broken(*_: object) -> None:
        raise RuntimeError("CANARY")

    await browser.sign_in(return_to="/open")
    monkeypatch.setattr(house.parts.bindings, "standing", broken)
    page = await browser.get("/_gateway/me")
    assert page.status == 500
    assert "CANARY" not in page.text
    answer = await browser.get("/_gateway/me", Accept="application/json")
    assert (answer.status, answer.json) == (500, {"error": "internal_error", "request_id": "req-1"})


async def test_a_program_s_errors_are_json(browser):
    """The word, as JSON."""
    answer = await browser.get("/_gateway/bind?ticket=x", Accept="application/json")
    assert (answer.status, json.loads(answer.body)["error"]) == (410, "ticket_gone")


async def test_pages_speak_the_visitor_s_language(browser):
    """Simplified Chinese by default, traditional Chinese or English if preferred."""
    page = await browser.get("/_gateway/me")
    assert 'lang="zh-Hans"' in page.text
    assert page.headers["Content-Language"] == "zh-Hans"
    browser.language = "zh-HK,zh;q=0.9,en;q=0.8"
    page = await browser.get("/_gateway/me")
    assert 'lang="zh-Hant"' in page.text
    assert "尚未登入" in page.text
    browser.language = "en-GB,en;q=0.9"
    page = await browser.get("/_gateway/me")
    assert 'lang="en"' in page.text
    assert "Not signed in" in page.text


def test_catalogs_say_the_same_things():
    """Every text in every language, with the same blanks."""
    assert tuple(CATALOGS) == LANGUAGES
    first, *others = CATALOGS.values()
    for other in others:
        assert other.keys() == first.keys()
        for key, text in other.items():
            assert text
            assert ("{link}" in text) == ("{link}" in first[key])


def test_each_chinese_is_written_in_its_own_characters():
    """GB 2312 has no traditional character, Big5 no simplified one that differs."""
    for language, characters in (("zh-Hans", "gb2312"), ("zh-Hant", "big5")):
        for text in CATALOGS[language].values():
            assert text.encode(characters)


async def test_every_notice_has_its_texts():
    """No word without a title and a text."""
    from gateway.web import notices

    words = [value.word for value in vars(notices).values() if isinstance(value, notices.Notice)]
    assert len(words) > 15
    for texts in CATALOGS.values():
        for word in words:
            assert texts[f"{word}.title"]
            assert texts[f"{word}.text"]
