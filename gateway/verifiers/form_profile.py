"""Who has logged in, as a page or a JSON answer of the legacy system says."""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .form_visit import Answer, VisitError
from .interface import User
from .user_id import checked_claims, checked_user_id


@dataclass(frozen=True, slots=True)
class Profile:
    """Who has logged in: a page (`url`, or the one behind the login) in which `user_id` and claims are found.

    In HTML each is a pattern with one group; in JSON the path of a member, like `user.id`.
    """

    user_id: str
    url: str = ""
    json: bool = False
    claims: Mapping[str, str] = field(default_factory=dict)


def user_of(page: Answer, profile: Profile) -> User:
    """The user whom the page names. Raises VisitError if it does not, or not clearly."""
    if page.status != 200:
        raise VisitError(f"the profile page has status {page.status}")
    if profile.json:
        document = _document(page.text)
        user_id = _member(document, profile.user_id)
        found = {claim: _member(document, path) for claim, path in profile.claims.items()}
    else:
        user_id = _matched(page.text, profile.user_id)
        found = {claim: _matched(page.text, pattern) for claim, pattern in profile.claims.items()}
    claims: dict[str, Any] = {claim: value for claim, value in found.items() if value is not None}
    try:
        return User(checked_user_id(user_id), checked_claims(claims))
    except ValueError as error:
        raise VisitError(f"the profile page is not usable: {error}") from None


def _member(document: object, path: str) -> object:
    for step in path.split("."):
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _matched(text: str, pattern: str) -> str | None:
    """What the pattern's group finds, the same wherever it matches: else somebody may have written it himself."""
    found = {html.unescape(match[1] or "").strip() for match in re.finditer(pattern, text)}
    if len(found) > 1:
        raise VisitError("the profile page has several values where one is looked for")
    return found.pop() if found else None


def _document(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise VisitError("the answer is not JSON") from None
