"""The [bind.sms.aliyun] and [bind.sms.tencent] tables: an account at a cloud, and the text that it has approved."""

from typing import Annotated

from pydantic import AfterValidator

from .addresses import BaseUrl
from .context import Section, key
from .secret import RandomText
from .values import matching

_FILLINGS = ("code", "minutes")

KeyId = Annotated[str, matching(r"[A-Za-z0-9]{8,128}", "the key's id, letters and digits, as the console shows it")]
SignName = Annotated[
    str,
    matching(r"[^\s【】\[\]\x00-\x1f]{2,64}", "the signature's text without brackets: the vendor puts them around it"),
]


def _filled(parameters: dict[str, str]) -> dict[str, str]:
    for what in parameters.values():
        if what not in _FILLINGS:
            raise ValueError('may be filled with "code" and "minutes" only')
    if "code" not in parameters.values():
        raise ValueError('has no place for the code: one parameter must be "code"')
    return parameters


def _numbered(parameters: dict[str, str]) -> dict[str, str]:
    if set(parameters) != {str(number) for number in range(1, len(parameters) + 1)}:
        raise ValueError('must name the parameters "1", "2" and so on, as in the text of the template')
    return parameters


class AliyunSms(Section):
    """An account at Aliyun and the text that it has approved."""

    access_key_id: KeyId = key(description="The AccessKey's id, best of a RAM user that may do dysms:SendSms only.")
    access_key_secret: RandomText = key(description="The AccessKey's secret.")
    sign_name: SignName = key(description="The approved signature, without brackets.")
    template: Annotated[str, matching(r"SMS_[0-9]{4,20}", 'the template\'s code, like "SMS_15305"')] = key(
        description="The approved template's code."
    )
    template_abroad: Annotated[str, matching(r"|SMS_[0-9]{4,20}", 'the template\'s code, like "SMS_15305"')] = key(
        default="", description="The template for numbers outside mainland China. Default: the same."
    )
    parameters: Annotated[dict[str, str], AfterValidator(_filled)] = key(
        default={"code": "code"}, description='What fills the template\'s parameters: "code", or "minutes" of its life.'
    )
    api_base: BaseUrl = key(default="https://dysmsapi.aliyuncs.com", description="Where the API is.")


class TencentSms(Section):
    """An account at Tencent Cloud and the text that it has approved."""

    secret_id: KeyId = key(description="The key's SecretId, best of a sub-user that may do sms:SendSms only.")
    secret_key: RandomText = key(description="The key's SecretKey.")
    sdk_app_id: Annotated[str, matching(r"[0-9]{6,12}", 'the SdkAppId, like "1400006666"')] = key(
        description="The SMS application's SdkAppId."
    )
    sign_name: SignName = key(description="The approved signature, without brackets.")
    template: Annotated[str, matching(r"[0-9]{1,20}", 'the template\'s number, like "1110"')] = key(
        description="The approved template's number."
    )
    template_abroad: Annotated[str, matching(r"[0-9]{0,20}", 'the template\'s number, like "1110"')] = key(
        default="", description="The template for numbers outside mainland China. Default: the same."
    )
    parameters: Annotated[dict[str, str], AfterValidator(_filled), AfterValidator(_numbered)] = key(
        default={"1": "code"}, description='What fills the template\'s parameters: "code", or "minutes" of its life.'
    )
    region: Annotated[str, matching(r"[a-z]{2,}(-[a-z0-9]+)+", 'a region, like "ap-guangzhou"')] = key(
        default="ap-guangzhou", description="The region that sends."
    )
    api_base: BaseUrl = key(default="https://sms.tencentcloudapi.com", description="Where the API is.")
