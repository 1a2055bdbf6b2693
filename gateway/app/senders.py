"""From [bind.sms] to who sends codes. Starts nothing."""

from gateway.config.sms import Sms
from gateway.verifiers.aliyun import Aliyun
from gateway.verifiers.calls import OnCall
from gateway.verifiers.http import HttpSmsSender
from gateway.verifiers.interface import SmsSender
from gateway.verifiers.log import LogSmsSender
from gateway.verifiers.tencent import Tencent
from gateway.verifiers.vendor import Template, VendorSmsSender


def sms_sender(sms: Sms, on_call: OnCall) -> SmsSender | None:
    """The sender that `sms` names; None if what it needs is not there, which no checked configuration is."""
    if sms.sender == "log":
        return LogSmsSender()
    if sms.sender == "aliyun" and (account := sms.aliyun):
        text = Template(account.sign_name, account.template, account.parameters, account.template_abroad)
        secret = account.access_key_secret.get_secret_value()
        aliyun = Aliyun(account.access_key_id, secret, text, account.api_base)
        return VendorSmsSender(aliyun, sms.timeout, on_call=on_call)
    if sms.sender == "tencent" and (cloud := sms.tencent):
        text = Template(cloud.sign_name, cloud.template, cloud.parameters, cloud.template_abroad)
        secret = cloud.secret_key.get_secret_value()
        tencent = Tencent(cloud.secret_id, secret, cloud.sdk_app_id, text, cloud.region, cloud.api_base)
        return VendorSmsSender(tencent, sms.timeout, on_call=on_call)
    if sms.sender_url is None:
        return None
    signing = sms.sender_secret.get_secret_value().encode() if sms.sender_secret else None
    return HttpSmsSender(sms.sender_url, signing, sms.timeout, on_call=on_call)
