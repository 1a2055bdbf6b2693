"""A standalone OAuth gateway: WeChat login in front of any web system, one signed header behind it."""

__version__ = "0.1.0"
