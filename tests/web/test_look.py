"""What an operator may change about the pages: words, colours, logo, templates; and large type, which people choose."""

import gzip
import re
from pathlib import Path

import pytest

from gateway.web.catalogs import problems_in, with_overrides
from gateway.web.look import Look
from gateway.web.templating import flaws_in
from gateway.web.texts import CATALOGS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle r="5"/></svg>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An operator's templates."""
    (tmp_path / "own/static").mkdir(parents=True)
    return tmp_path / "own"


async def test_words_of_ones_own(open_house):
    """They take the place of ours in their language only, and are text, never markup."""
    texts = {
        "zh-Hans": {"bind.title": "绑定<b>职工</b>账号", "bind.consent.privacy": "本人同意{link}"},
        "zh-Hant": {"bind.title": "綁定職工帳號"},
    }
    browser = (await open_house(look=Look(texts=texts))).browser()
    ticket = await browser.ticket()
    page = await browser.get(f"/_gateway/bind?ticket={ticket}")
    assert '<h1 class="weui-form__title">绑定&lt;b&gt;职工&lt;/b&gt;账号</h1>' in page.text
    assert '<span class="weui-agree__text">本人同意<a href="/privacy">《隐私政策》</a></span>' in page.text
    browser.language = "en"
    page = await browser.get(f"/_gateway/bind?ticket={ticket}")
    assert CATALOGS["en"]["bind.title"] in page.text


@pytest.mark.parametrize(
    ("texts", "key", "message"),
    [
        ({"zh": {"bind.title": "x"}}, ("zh",), "is none of the pages' languages: zh-Hans, zh-Hant, en"),
        ({"en": {"bind.titel": "x"}}, ("en", "bind.titel"), "unknown text; did you mean 'bind.title'?"),
        ({"en": {"q": "x"}}, ("en", "q"), "unknown text: "),
        ({"en": {"bind.title": " "}}, ("en", "bind.title"), "is empty"),
        ({"en": {"bind.title": "x" * 2001}}, ("en", "bind.title"), "is longer than 2000 characters"),
        ({"en": {"bind.title": "Hello {name}"}}, ("en", "bind.title"), "must hold no { and }"),
        ({"en": {"bind.title": "Hello }"}}, ("en", "bind.title"), "must hold no { and }"),
        ({"en": {"bind.consent.privacy": "I agree"}}, ("en", "bind.consent.privacy"), "must hold {link}"),
        ({"en": {"bind.consent.privacy": "{lnk}"}}, ("en", "bind.consent.privacy"), "must hold {link}"),
        ({"en": {"bind.consent.privacy": "{link"}}, ("en", "bind.consent.privacy"), "must hold {link}"),
    ],
)
def test_words_that_cannot_be(texts, key, message):
    """Each mistake is told with its language and key, and what would be right."""
    [(found, told)] = problems_in(texts)
    assert found == key
    assert told.startswith(message)


def test_words_that_can_be():
    """Ours are right, and all others stay as they are."""
    assert list(problems_in(CATALOGS)) == []
    merged = with_overrides({"en": {"cancel": "No"}})
    assert merged["en"] == {**CATALOGS["en"], "cancel": "No"}
    assert merged["zh-Hans"] == CATALOGS["zh-Hans"]


async def test_colours_come_as_a_stylesheet(open_house):
    """A versioned file behind gateway.css, kept for ever; the page itself has no style of its own."""
    browser = (await open_house(look=Look(color="#0052d9", color_dark="#1d4ed8"))).browser()
    page = await browser.get("/_gateway/me")
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)
    assert [sheet.rpartition("/")[2].split(".")[0] for sheet in sheets] == ["weui", "gateway", "colors"]
    assert "<style" not in page.text
    assert " style=" not in page.text
    answer = await browser.get(sheets[-1], Accept_Encoding="identity")
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "--gw-brand:#0052d9" in answer.text
    assert re.search(r"prefers-color-scheme:dark\)\{html body\{--gw-brand:#1d4ed8\}", answer.text)


async def test_without_colours_there_is_no_stylesheet_of_them(browser):
    """Nothing is loaded for nothing."""
    assert "colors." not in (await browser.get("/_gateway/me")).text


async def test_a_logo_is_a_file_of_ours(open_house):
    """Under a name that changes with it, beside the brand's name, with a picture of its own for the dark."""
    browser = (await open_house(look=Look(logo=(".svg", SVG), logo_dark=(".png", PNG)))).browser()
    page = await browser.get("/_gateway/me")
    light = re.search(r'<img class="gw-logo" src="([^"]+)" alt=""', page.text)
    dark = re.search(r'<source srcset="([^"]+)" media="\(prefers-color-scheme: dark\)">', page.text)
    assert light
    assert dark
    svg, png = [await browser.get(found[1], Accept_Encoding="identity") for found in (light, dark)]
    assert (svg.headers["Content-Type"], svg.body) == ("image/svg+xml; charset=utf-8", SVG)
    assert (png.headers["Content-Type"], png.body) == ("image/png", PNG)
    assert "default-src 'none'; style-src" in svg.headers["Content-Security-Policy"]  # no script, however it is spelled
    assert svg.headers["Content-Security-Policy"].endswith("sandbox")


async def test_templates_of_ones_own(open_house, folder):
    """One replaces ours by its name, may build on ours, has files beside it; the others stay."""
    (folder / "notice.html").write_text(
        '{% extends "gateway/notice.html" %}{% block main %}{{ super() }}<p>{% include "_phone.html" %}</p>'
        '<img src="{{ assets[\'map.png\'] }}" alt="">{% endblock %}'
    )
    (folder / "_phone.html").write_text("{{ brand.name }}: 010-5555")
    (folder / "static/map.png").write_bytes(PNG)
    assert list(flaws_in(folder)) == []
    browser = (await open_house(look=Look(templates=folder))).browser()
    page = await browser.get("/_gateway/me")
    assert "<p>Example: 010-5555</p>" in page.text
    assert "尚未登录" in page.text
    image = re.search(r'<img src="([^"]+)"', page.text)
    assert image
    assert (await browser.get(image[1], Accept_Encoding="identity")).body == PNG
    assert (await browser.get(f"/_gateway/bind?ticket={await browser.ticket()}")).status == 200


async def test_a_template_that_fails_shows_ours_instead(open_house, folder, caplog):
    """What only shows with a visitor is no page of errors for them; the operator reads of it."""
    (folder / "notice.html").write_text("{{ notice.wrod }}")
    browser = (await open_house(look=Look(templates=folder))).browser()
    page = await browser.get("/_gateway/me")
    assert (page.status, "尚未登录" in page.text) == (401, True)
    assert "template notice.html failed: ours is shown instead" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "line", "message"),
    [
        ("bind.html", "a\n{% if x %}", 2, "Unexpected end of template"),
        ("bind.html", "\n\n{{ nobody }}", 3, "'nobody' is not given here"),
        ("bind.html", "{{ tickets }}", 1, "'tickets' is not given here; did you mean 'ticket'?"),
        ("me.html", "{{ ticket }}", 1, "'ticket' is not given here"),
        ("bind.html", "\n{{ t['bind.titel'] }}", 2, "there is no text 'bind.titel'; did you mean 'bind.title'?"),
        ("bind.html", "{{ ticket|masqued }}", 1, "No filter named 'masqued'"),
        ("base.html", '{% extends "base.html" %}', 1, "leads to itself: write 'gateway/base.html' for ours"),
        ("bind.html", '{% extends "bass.html" %}', 1, "there is no template 'bass.html'; did you mean 'base.html'?"),
        ("bind.html", '{% include "_part.html" %}', 1, "there is no template '_part.html'"),
        ("bnid.html", "x", 0, "replaces no page of ours; did you mean 'bind.html'?"),
        ("_part.html", "{{ nobody }}", 1, "'nobody' is not given here"),
        ("bind.html", "\udcff", 0, "cannot be read as UTF-8"),
        ("bind.html", "x" * 300_000, 0, "is larger than 256 KB"),
    ],
)
def test_templates_that_cannot_be(folder, name, content, line, message):
    """Each mistake is told with its file and line before anybody sees it."""
    (folder / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    [flaw] = flaws_in(folder)
    assert (flaw.path, flaw.line) == (folder / name, line)
    assert flaw.message.startswith(message)


def test_our_templates_are_right():
    """By the same measure: a copy of each of ours, whole, has no flaw."""
    from gateway.web.templating import FOLDER

    assert list(flaws_in(FOLDER)) == []


async def test_large_type_by_configuration_and_by_choice(open_house):
    """What people chose counts before the configuration; the cookie goes to our pages only."""
    browser = (await open_house(look=Look(care=True))).browser()
    assert 'data-weui-mode="care"' in (await browser.get("/_gateway/me")).text
    answer = await browser.post("/_gateway/care", care="0", back="/_gateway/me")
    assert (answer.status, answer.location) == (303, "/_gateway/me")
    cookie = answer.cookies["gateway_care"]
    assert re.fullmatch(r"gateway_care=0; HttpOnly; Max-Age=31536000; Path=/_gateway; SameSite=Lax; Secure", cookie), (
        cookie
    )
    assert "data-weui-mode" not in (await browser.get("/_gateway/me")).text
    answer = await browser.post("/_gateway/care", care="1")
    assert 'data-weui-mode="care"' in answer.text


@pytest.mark.parametrize(
    "back",
    [
        *("", "//evil.test/_gateway/me", "https://evil.test/_gateway/me", "/_gateway/../app", "/app", "/_gateway"),
        *("/_gateway/login", "/_gateway/%6cogin", "/_gateway/callback?code=x", "/_gateway/me\r\nX: y", "\\_gateway/me"),
    ],
)
async def test_large_type_leads_to_our_pages_only(browser, back):
    """Any other way back is a page that says go back, and the choice is kept all the same."""
    answer = await browser.post("/_gateway/care", care="1", back=back)
    assert (answer.status, "字号已更改" in answer.text) == (200, True)
    assert "Location" not in answer.headers
    assert "gateway_care" in answer.cookies


async def test_large_type_is_not_another_sites_to_choose(browser):
    """A foreign page changes nothing."""
    answer = await browser.post("/_gateway/care", {"Origin": "https://evil.test"}, care="1")
    assert (answer.status, dict(answer.cookies)) == (403, {})


async def test_the_bind_page_is_light(open_house, browser):
    """All that a phone receives for it, heads included, is at most 60 KB, even with the largest logo."""
    import random

    noise = random.Random(7).randbytes(20 * 1024)  # what does not compress
    look = Look(logo=(".png", noise), color="#0052d9")
    browser = (await open_house(look=look)).browser()
    ticket = await browser.ticket()
    total = 0
    page = await browser.get(f"/_gateway/bind?ticket={ticket}", Accept_Encoding="gzip")
    wanted = re.findall(r'(?:src|href)="(/_gateway/static/[^"]+)"', page.text)
    assert len(wanted) == 5  # WeUI, ours, colours, logo, script
    for address in wanted:
        answer = await browser.get(address, Accept_Encoding="gzip")
        assert answer.status == 200
        if not address.endswith(".png"):
            assert gzip.decompress(answer.body)
        total += weight(answer)
    total += weight(page)
    print(f"the bind page weighs {total} bytes, {total - len(noise)} without the logo")
    assert total <= 60 * 1024
    assert total - len(noise) <= 40 * 1024


def weight(answer) -> int:
    """Bytes of an answer on the wire."""
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers.items())
    return len("HTTP/1.1 200 OK\r\n") + head + 2 + len(answer.body)


async def test_pages_ask_no_other_host_for_anything(house, browser):
    """Every address that a browser would load is a path of ours, and the content policy holds it to that."""
    page = await browser.get(f"/_gateway/bind?ticket={await browser.ticket()}")
    loaded = re.findall(r'<(?:script|img|source|link)[^>]+(?:src|srcset|href)="([^"]+)"', page.text)
    assert loaded
    assert all(address.startswith("/_gateway/static/") or address == "data:," for address in loaded)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for address in loaded[1:]:
        text = gzip.decompress((await browser.get(address, Accept_Encoding="gzip")).body).decode()
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import|fetch\(['\"]http", text)
