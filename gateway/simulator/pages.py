"""Renders the simulator's pages: Jinja2 templates beside this file."""

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}


def page(template: str, /, status: int = 200, **values: object) -> web.Response:
    """`template` as an HTML response that nobody stores."""
    text = _TEMPLATES.get_template(template).render(**values)
    return web.Response(text=text, content_type="text/html", status=status, headers=_HEADERS)


def see_other(location: str) -> web.Response:
    """A 303: the browser goes on with GET."""
    return web.Response(status=303, headers={**_HEADERS, "Location": location})
