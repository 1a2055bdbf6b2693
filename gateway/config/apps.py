"""The [[apps]] tables: WeChat apps, one each."""

import re
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator

from gateway.core.outside import Outside

from .addresses import BaseUrl
from .context import Section, context_of, key
from .secret import AppSecret, SecretText
from .values import Authority, Duration, Id, between, matching, not_yet, only

OUTSIDE = tuple(each.value for each in Outside)


def _domain_files(files: dict[str, str]) -> dict[str, str]:
    for name, content in files.items():
        if not re.fullmatch(r"MP_verify_[A-Za-z0-9]{1,64}\.txt", name):
            raise ValueError(f"{name!r} is not WeChat's file name: MP_verify_….txt")
        if not re.fullmatch(r"[\x21-\x7e]{1,256}", content):
            raise ValueError(f"the content of {name} must be its one line of text")
    return files


class Push(Section):
    """WeChat's message push to this app."""

    token: SecretText = key(description="The token set in WeChat's console.")
    encoding_aes_keys: tuple[SecretText, ...] = key(default=(), description="EncodingAESKeys, the current one first.")
    keywords: tuple[str, ...] = key(default=(), description="Messages that are answered with the bind link.")
    event_keys: tuple[str, ...] = key(default=(), description="Menu keys that are answered with the bind link.")


class App(Section):
    """One WeChat app through which people sign in."""

    id: Id = key(description="Our name for it: in tokens, bindings, metrics. Never change it: bindings belong to it.")
    provider: Annotated[str, only("wechat", "wechat_website", later=("wecom",))] = key(
        default="wechat",
        description="Which WeChat: `wechat`, or `wechat_website`, an app of the Open Platform for browsers outside "
        "WeChat. A later version brings `wecom`.",
        json_schema_extra={"enum": ["wechat", "wechat_website"]},
    )
    app_id: Annotated[str, matching(r"[A-Za-z0-9_-]{1,64}", "the AppID that WeChat's console shows")] = key(
        description="The AppID that WeChat's console shows."
    )
    secret: AppSecret = key(description="The AppSecret.")
    scope: Annotated[str, only("snsapi_base", "snsapi_userinfo", later=("snsapi_login",))] = key(
        default="snsapi_base",
        description="`snsapi_base` is silent; `snsapi_userinfo` asks people for consent. Not for `wechat_website`.",
        json_schema_extra={"enum": ["snsapi_base", "snsapi_userinfo"]},
    )
    hosts: tuple[Authority, ...] = key(
        default=(),
        description="Which hosts log in through this app, with a port if not public_url's. Default: public_url's. A "
        "login on any other host is a 421.",
    )
    outside: Annotated[str, only(*OUTSIDE, later=())] = key(
        default=None,
        description="What browsers outside WeChat get: `qr` the address as a code to open in WeChat, `handover` a "
        "code that logs them in when scanned, `wechat_website` WeChat's website login, `refuse` a 403, "
        "`wechat` WeChat itself. Default: `qr`; `wechat` while server.development is true.",
        json_schema_extra={"enum": list(OUTSIDE)},
    )
    outside_app: Id | None = key(
        default=None, description='The app with provider = "wechat_website", for outside = "wechat_website".'
    )
    authorize_base: BaseUrl = key(
        default="https://open.weixin.qq.com", description="Where browsers are sent to sign in."
    )
    api_base: BaseUrl = key(default="https://api.weixin.qq.com", description="Where codes are exchanged.")
    timeout: Annotated[Duration, between("10ms", "6s")] = key(
        default="5s", description='How long WeChat\'s API may take to answer, at most "6s".'
    )
    domain_verification: Annotated[dict[str, str], AfterValidator(_domain_files)] = key(
        default={}, description="WeChat's domain verification files at the root: name and content."
    )
    push: Annotated[Push | None, not_yet("message push")] = key(
        default=None, description="The message-push endpoint. A later version brings it."
    )

    @field_validator("outside", mode="before")
    @classmethod
    def _in_development(cls, value: object, info: ValidationInfo) -> object:
        """Any browser plays the phone there."""
        usual = Outside.WECHAT if context_of(info).development else Outside.QR
        return usual.value if value is None else value
