"""The gateway's own privacy notice, and the consent that refers to it."""

from gateway.web.parts import Brand, PrivacyNotice

NOTICE = PrivacyNotice(
    "Example & Sons Ltd.",
    "privacy@example.com",
    {"purpose": {"zh-Hans": "为了<方便>。", "en": "For <ease>."}, "retention": {"": "One year."}},
)
BRAND = Brand("Example", "/_gateway/privacy", "", "", "v7")


async def test_the_notice_says_who_why_what_how_long_and_which_rights(open_house):
    """PIPL 17: all five, the operator's words where there are some, ours elsewhere, and the version; for everybody."""
    house = await open_house(notice=NOTICE, brand=BRAND)
    page = await house.browser().get("/_gateway/privacy")
    assert (page.status, page.cookies) == (200, {})
    for words in (
        "Example &amp; Sons Ltd.",
        "privacy@example.com",
        "为了&lt;方便&gt;。",
        "OpenID",
        "One year.",
        "撤回同意",
        "版本 v7",
    ):
        assert words in page.text


async def test_the_notice_speaks_the_visitors_language(open_house):
    """Their own, or the first that there is."""
    house = await open_house(notice=NOTICE, brand=BRAND)
    browser = house.browser()
    browser.language = "en"
    assert "For &lt;ease&gt;." in (await browser.get("/_gateway/privacy")).text
    browser.language = "zh-TW"
    page = await browser.get("/_gateway/privacy")
    assert "为了&lt;方便&gt;。" in page.text
    assert "您的權利" in page.text


async def test_the_box_is_not_ticked_and_leads_to_the_notice(open_house):
    """Consent is an act: unticked on every first form, required, beside the link."""
    house = await open_house(notice=NOTICE, brand=BRAND)
    browser = house.browser()
    page = await browser.get(f"/_gateway/bind?ticket={await browser.ticket()}")
    assert 'href="/_gateway/privacy"' in page.text
    box = page.text[page.text.index('id="consent"') :].partition(">")[0]
    assert "required" in box
    assert "checked" not in box


async def test_without_a_notice_there_is_no_such_page(browser):
    """404; the box links to where privacy_url says."""
    assert (await browser.get("/_gateway/privacy")).status == 404
