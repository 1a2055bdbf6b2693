"""The development sender: whoever runs the gateway reads the code."""

import logging

import pytest

from gateway.verifiers.log import LogSmsSender


async def test_the_code_is_in_the_log_and_the_phone_is_not(caplog: pytest.LogCaptureFixture) -> None:
    """Its last four digits are enough to know whose it is."""
    sender = LogSmsSender()
    with caplog.at_level(logging.WARNING):
        await sender.send("13800138000", "123456", 300)
    await sender.close()
    (record,) = caplog.records
    assert "123456" in record.getMessage()
    assert "8000" in record.getMessage()
    assert "13800138000" not in record.getMessage()
