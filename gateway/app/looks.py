"""The look of the pages: what they are built from, and what only they know to be wrong with it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway import config
from gateway.config import Draft, Loaded, Problem, Settings
from gateway.config.pages import Pages
from gateway.web import assets, catalogs, templating
from gateway.web.look import Look


def load(path: Path, *, env: Mapping[str, str] | None = None) -> Loaded:
    """The configuration with all that can be found wrong with it before it serves. Raises ConfigurationError."""
    return config.load(path, env=os.environ if env is None else env, more=(problems_with_look,))


def problems_with_look(draft: Draft) -> Iterator[Problem]:
    """Texts that do not exist, templates that would break."""
    if not (pages := draft.table("pages", Pages)):
        return
    for key, message in catalogs.problems_in(pages.texts):
        yield draft.problem(("pages", "texts", *key), message)
    if pages.templates is not None:
        for flaw in templating.flaws_in(pages.templates):
            yield Problem(str(flaw.path), flaw.line, "", flaw.message)
        for path, message in assets.flaws_in(pages.templates):
            yield Problem(str(path), 0, "", message)


def look_of(settings: Settings) -> Look:
    """How the pages look."""
    pages = settings.pages
    return Look(
        logo=(pages.logo.suffix, pages.logo.content) if pages.logo else None,
        logo_dark=(pages.logo_dark.suffix, pages.logo_dark.content) if pages.logo_dark else None,
        color=pages.color,
        color_dark=pages.color_dark,
        care=pages.care,
        texts=pages.texts,
        templates=pages.templates,
    )
