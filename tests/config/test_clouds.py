"""The [bind.sms.aliyun] and [bind.sms.tencent] tables."""

from typing import Any

import pytest

ALIYUN = """
[bind]
methods = ["password", "sms"]
[bind.sms]
sender = "aliyun"
resolver_url = "http://127.0.0.1:9000/phone"
[bind.sms.aliyun]
access_key_id = "LTAI5tK3yForTests0001"
access_key_secret = { env = "CLOUD_SECRET" }
sign_name = "示例科技"
template = "SMS_15305"
"""
TENCENT = """
[bind]
methods = ["password", "sms"]
[bind.sms]
sender = "tencent"
resolver_url = "http://127.0.0.1:9000/phone"
[bind.sms.tencent]
secret_id = "AKIDK3yForTests0001"
secret_key = { env = "CLOUD_SECRET" }
sdk_app_id = "1400006666"
sign_name = "示例科技"
template = "1110"
"""


@pytest.fixture(params=[ALIYUN, TENCENT], ids=["aliyun", "tencent"])
def cloud(folder: Any, request: pytest.FixtureRequest) -> Any:
    folder.env["CLOUD_SECRET"] = "kT4bQx9LmZ2vRs7Yp1WcHd6NfGj3"
    folder.text += request.param
    folder.name = "aliyun" if request.param is ALIYUN else "tencent"
    return folder


def test_an_account_and_a_text_are_enough(cloud: Any) -> None:
    """The rest has defaults: the one parameter, the vendor's own address over https."""
    sms = cloud.load().settings.bind.sms
    account = getattr(sms, cloud.name)
    assert account.parameters == ({"code": "code"} if cloud.name == "aliyun" else {"1": "code"})
    assert account.api_base.startswith("https://")
    assert sms.countries == ("CN",)


def test_the_secret_is_never_shown(cloud: Any) -> None:
    """Nor may it stand in the file."""
    assert cloud.env["CLOUD_SECRET"] not in repr(cloud.load().settings)
    cloud.set('{ env = "CLOUD_SECRET" }', '"kT4bQx9LmZ2vRs7Yp1WcHd6NfGj3"')
    assert "may not stand in this file" in cloud.problem().message


@pytest.mark.parametrize(
    ("line", "key", "message"),
    [
        ('sign_name = "【示例科技】"', "sign_name", "without brackets"),
        ('sign_name = "示"', "sign_name", "without brackets"),
        ('template = "SMS-1"', "template", "template's"),
        ("parameters = {}", "parameters", "no place for the code"),
        ('parameters = { 1 = "minutes" }', "parameters", "no place for the code"),
        ('parameters = { 1 = "code", 2 = "phone" }', "parameters", '"code" and "minutes" only'),
        ('api_base = "http://127.0.0.1:9000"', "api_base", "must be https"),
        ('api_base = "https://user@example.com"', "api_base", "user name"),
        ('template_abroad = "x"', "template_abroad", "template's"),
    ],
)
def test_what_the_vendor_would_refuse(cloud: Any, line: str, key: str, message: str) -> None:
    """Is said before anybody waits for a message."""
    name = line.partition(" ")[0]
    head, _, table = cloud.text.rpartition(f"[bind.sms.{cloud.name}]")
    lines = [each for each in table.splitlines() if each.partition(" ")[0] != name]
    cloud.text = head + f"[bind.sms.{cloud.name}]" + "\n".join([*lines, line]) + "\n"
    problem = cloud.problem()
    assert problem.key == f"bind.sms.{cloud.name}.{key}"
    assert message in problem.message


@pytest.mark.parametrize(
    "parameters", ['{ 0 = "code" }', '{ 2 = "code" }', '{ 1 = "code", 3 = "minutes" }', '{ a = "code" }']
)
def test_tencents_parameters_are_numbered(folder: Any, parameters: str) -> None:
    """As in the text of the template: {1}, {2}."""
    folder.env["CLOUD_SECRET"] = "kT4bQx9LmZ2vRs7Yp1WcHd6NfGj3"
    folder.text += TENCENT + f"parameters = {parameters}\n"
    assert '"1", "2"' in folder.problem().message


def test_numbers_abroad_without_a_text_of_their_own_are_a_warning(cloud: Any) -> None:
    """The vendors keep texts for abroad apart; the same one may do for some."""
    cloud.set("[bind.sms]\n", '[bind.sms]\ncountries = ["CN", "HK"]\n')
    [warning] = cloud.load().warnings
    assert f"bind.sms.{cloud.name}.template_abroad" in warning
    cloud.text += f'template_abroad = "{"SMS_15306" if cloud.name == "aliyun" else "2220"}"\n'
    assert cloud.load().warnings == ()
