"""The composition root: settings in, a running gateway out. The only place that knows every room."""

from .gateway import Gateway

__all__ = ["Gateway"]
