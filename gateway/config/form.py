"""The [bind.password.form] table: the legacy system's own login form."""

import codecs
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema, field_validator, model_validator

from .addresses import ServiceUrl, Tcp
from .context import Section, context_of, key
from .upstreams import Status, TlsTable
from .values import Authority, ServiceTimeout, matching

FieldName = Annotated[str, matching(r"[^\x00-\x1f\x7f]{1,128}", "the name of a form's field")]
CookieName = Annotated[str, matching(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}", "the name of a cookie")]
HeaderName = Annotated[str, matching(r"[A-Za-z][A-Za-z0-9-]{0,63}", "the name of a header, like X-CSRFToken")]
OwnPath = Annotated[str, matching(r"/(?!/)[\x21-\x5b\x5d-\x7e]*", "a path on the form's own site, like /profile")]


def _pattern(text: object) -> re.Pattern[str]:
    try:
        return re.compile(text if isinstance(text, str) and text else "(")
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None


Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern), WithJsonSchema({"type": "string"})]


class SignsTable(Section):
    """What an answer of the form looks like; all that is set must hold."""

    status: tuple[Status, ...] = key(default=(), description="Statuses of the answer, like 302, or ranges.")
    location: Pattern | None = key(
        default=None, description="A regular expression that is found in the answer's Location."
    )
    cookie: CookieName | None = key(default=None, description="A cookie that the answer sets.")
    text: str = key(default="", description="Text in the page that the answer leads to.")
    without_text: str = key(default="", description="Text that this page does not have.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.status or self.location or self.cookie or self.text):
            raise ValueError("needs something that is there: status, location, cookie or text")
        return self


class ProfileTable(Section):
    """A page that says who has logged in."""

    format: Literal["html", "json"] = key(
        default="html", description="In `html` things are found by regular expressions, in `json` by paths."
    )
    url: OwnPath | None = key(default=None, description="The page. Default: the one that the login leads to.")
    user_id: str = key(
        min_length=1,
        description="`html`: a regular expression with one group, which is the user id. `json`: a path like `user.id`.",
    )
    claims: dict[str, str] = key(default={}, description="The same for each claim.")

    @field_validator("user_id", "claims")
    @classmethod
    def _one_group(cls, found: str | dict[str, str], info: ValidationInfo) -> str | dict[str, str]:
        if info.data.get("format") == "html":
            for text in [found] if isinstance(found, str) else found.values():
                if _pattern(text).groups != 1:
                    raise ValueError("needs one group in parentheses, like 'data-user=\"([0-9]+)\"'")
        return found


def _charset(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError("is no character encoding that is known: write utf-8 or gb18030") from None


class Form(Section):
    """The legacy system's own login form, for systems that nobody can change."""

    url: ServiceUrl = key(description="The page with the form. Nothing is ever asked of another origin.")
    host: Authority | None = key(
        default=None, description="The name by which the system knows itself, if it is not that of `url`."
    )
    tls: TlsTable | None = key(default=None, description="TLS to an https `url`.")
    form_id: str = key(default="", description="The form's `id`. Default: the form with the field `password_field`.")
    form_name: str = key(default="", description="The form's `name`.")
    form_action: str = key(default="", description="The form's `action`, as it stands in the page.")
    username_field: FieldName = key(default="username", description="The field for the name.")
    password_field: FieldName = key(default="password", description="The field for the password.")
    fields: dict[str, str] = key(
        default={}, description="Further fields, like the button's. Hidden ones are sent as they stand in the form."
    )
    post_url: OwnPath | None = key(
        default=None, description="Where it is posted. Default: the form's action. With it the page needs no form."
    )
    body: Literal["form", "json"] = key(default="form", description="How the fields are sent.")
    charset: Annotated[str, AfterValidator(_charset)] = key(
        default="utf-8", description="The encoding of the form's fields, and of pages that do not say theirs."
    )
    token_cookie: CookieName | None = key(
        default=None, description="A cookie whose value is sent back, for pages whose scripts do that."
    )
    token_header: HeaderName | None = key(default=None, description="The header that it is sent back in.")
    token_field: FieldName | None = key(default=None, description="The field that it is sent back in.")
    success: SignsTable = key(description="What the answer to a right password looks like.")
    failure: SignsTable = key(
        description="What the answer to a wrong password looks like. An answer that is neither, or both, is an outage."
    )
    names: Literal["as_typed", "lower"] = key(
        default="as_typed",
        description="Whether names are used as typed or in lower case. Without a profile they are the user ids.",
    )
    profile: ProfileTable | None = key(default=None, description="Where the user id and claims stand.")
    logout_url: OwnPath | None = key(default=None, description="Asked for afterwards, so that no session stays.")
    logout_method: Literal["GET", "POST"] = key(default="GET", description="How.")
    timeout: ServiceTimeout = key(
        default="10s", description='How long it may take from the page to the profile, at most "30s".'
    )

    @field_validator("url")
    @classmethod
    def _guarded(cls, url: str, info: ValidationInfo) -> str:
        parts = urlsplit(url)
        local = Tcp(parts.hostname or "", 80).loopback
        if parts.scheme == "http" and not local and not context_of(info).development:
            raise ValueError("would send passwords readable: write https, or a loopback address")
        return url

    @field_validator("tls")
    @classmethod
    def _spoken(cls, tls: TlsTable | None, info: ValidationInfo) -> TlsTable | None:
        if tls is not None and not info.data.get("url", "https:").startswith("https:"):
            raise ValueError("means nothing without https: leave it out")
        return tls

    @field_validator("failure")
    @classmethod
    def _told_apart(cls, failure: SignsTable, info: ValidationInfo) -> SignsTable:
        if failure == info.data.get("success"):
            raise ValueError("is the same as success: every answer would be both, which is an outage")
        return failure

    @field_validator("token_field")
    @classmethod
    def _used(cls, name: str | None, info: ValidationInfo) -> str | None:
        carried = name is not None or info.data.get("token_header") is not None
        if carried != (info.data.get("token_cookie") is not None):
            raise ValueError("and token_header say where token_cookie goes: set it with one of them, or none")
        return name
