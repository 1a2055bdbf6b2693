"""The login form within a page of HTML: where it is posted, and its hidden fields."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_FIELDS = 200
MAX_FORMS = 50


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it stands in the page. `action` is as written, "" for the page itself; `hidden` in order."""

    id: str
    name: str
    action: str
    method: str
    hidden: tuple[tuple[str, str], ...] = field(repr=False)
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Selector:
    """Which form it is: by what is set here, else the one that has the field `has`."""

    has: str
    id: str = ""
    name: str = ""
    action: str = ""

    def chooses(self, form: Form) -> bool:
        """Whether this is the form."""
        if self.id or self.name or self.action:
            pairs = ((self.id, form.id), (self.name, form.name), (self.action, form.action))
            return all(wanted in ("", found) for wanted, found in pairs)
        return self.has in form.names


def find_form(page: str, selector: Selector) -> Form | None:
    """The one form that is chosen; None if there is none or more than one. Takes time in proportion to the page."""
    found = [form for form in _forms(page) if selector.chooses(form)]
    return found[0] if len(found) == 1 else None


# The standard library's parser takes minutes for 64 KB of "<a " in Python 3.11.2, and raises AssertionErrors.
_TAG = re.compile(r"<(?:(!--)|(/?)([A-Za-z][^\s/>]{0,40})|[!?/])")
_ATTRIBUTE = re.compile(r"""[\s/]*([^\s=>/][^\s=>/]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?""")
_RAW = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "textarea", "title", "noscript")}


def _tags(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each tag with its attributes in lower case; end tags begin with a slash."""
    at = 0
    while match := _TAG.search(page, at):
        at = match.end()
        if match[1]:
            at = _behind(page, "-->", at - 2)  # "<!-->" is a whole comment
            continue
        given: dict[str, str] = {}
        while match[3] and (attribute := _ATTRIBUTE.match(page, at)):
            at = attribute.end()
            value = next((value for value in attribute.groups()[1:] if value is not None), "")
            given.setdefault(attribute[1].lower(), html.unescape(value))  # the first of two counts, as in browsers
        at = _behind(page, ">", at)
        if match[3] and at <= len(page):
            name = match[3].lower()
            yield match[2] + name, given
            if not match[2] and name in _RAW:
                end = _RAW[name].search(page, at)
                at = end.start() if end else len(page)


def _behind(page: str, what: str, at: int) -> int:
    """The place behind the next `what`; behind all of the page if there is none."""
    found = page.find(what, at)
    return found + len(what) if found >= 0 else len(page) + 1


def _forms(page: str) -> list[Form]:
    forms: list[dict[str, str]] = []
    inputs: list[list[dict[str, str]]] = []
    is_open = False
    for tag, given in _tags(page):
        if tag == "form" and not is_open:
            forms.append(given)
            inputs.append([])
            is_open = True
        elif tag == "/form":
            is_open = False
        elif tag == "input" and given.get("name") and "disabled" not in given:
            named = [number for number, form in enumerate(forms) if form.get("id", "") == given.get("form", "\0")]
            owner = named[0] if named else len(forms) - 1
            if (named or is_open) and len(inputs[owner]) < MAX_FIELDS:
                inputs[owner].append(given)
        if len(forms) > MAX_FORMS:
            break
    return [
        Form(
            form.get("id", ""),
            form.get("name", ""),
            form.get("action", "").strip(),
            form.get("method", "get").strip().lower(),
            tuple((one["name"], one.get("value", "")) for one in fields if one.get("type", "").lower() == "hidden"),
            frozenset(one["name"] for one in fields),
        )
        for form, fields in zip(forms, inputs, strict=True)
    ]
