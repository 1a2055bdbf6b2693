"""The composition root: settings in, a running gateway out. The only place that knows every room."""

from .certificate import CertificateUnusable
from .gateway import Gateway
from .reloader import Reloader

__all__ = ["CertificateUnusable", "Gateway", "Reloader"]
