"""The [pages] table: what it refuses, and what `gateway check` finds in words and templates."""

from typing import Any

import pytest

from gateway.app.looks import load, look_of
from gateway.config import ConfigurationError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'


def pages(folder: Any, table: str) -> None:
    folder.text = f"{folder.text}\n[pages]\n{table}\n"


def found(folder: Any) -> list[Any]:
    """The problems that the start would tell."""
    (folder.path / "gateway.toml").write_text(folder.text)
    with pytest.raises(ConfigurationError) as caught:
        load(folder.path / "gateway.toml", env=folder.env)
    return list(caught.value.problems)


def test_a_look_of_ones_own(folder: Any) -> None:
    """Everything together; a logo is what its content says, a colour is written in one way."""
    folder.write("logo.bin", SVG.decode())
    (folder.path / "own").mkdir()
    pages(
        folder,
        'brand = "示例"\nlogo = "logo.bin"\ncolor = "#0052D9"\ncare = true\ntemplates = "own"\n'
        'texts = { en = { "cancel" = "No" } }',
    )
    look = look_of(folder.load().settings)
    assert (look.logo, look.logo_dark) == ((".svg", SVG), None)
    assert (look.color, look.color_dark, look.care) == ("#0052d9", "", True)
    assert look.texts == {"en": {"cancel": "No"}}
    assert look.templates == folder.path / "own"


@pytest.mark.parametrize("key", ["color", "color_dark"])
def test_white_text_is_readable_on_every_colour(folder: Any, key: str) -> None:
    """The message says what the contrast is, what it must be, and which shade has it."""
    other = 'color = "#000"\n' if key == "color_dark" else ""
    pages(folder, f'{other}{key} = "#07c160"')
    problem = folder.problem()
    assert problem.key == f"pages.{key}"
    assert problem.message == (
        "has a contrast of 2.38:1 with the white text of a button, which needs 4.5:1 to be read (WCAG AA): "
        "the nearest that has it is '#048743'"
    )
    folder.set("#07c160", "#048743")
    folder.load()


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ('color = "green"', "pages.color", "is not a colour"),
        ('color_dark = "#000"', "pages.color_dark", "needs a colour for the light"),
        ('logo = "none.svg"', "pages.logo", "cannot be read: No such file"),
        ('logo = "."', "pages.logo", "cannot be read: Is a directory"),
        ('logo = ""', "pages.logo", "must be a path"),
        ('logo = "https://cdn.example/logo.svg"', "pages.logo", "is a URL: pages load nothing from another host"),
        ('logo = "//cdn.example/logo.svg"', "pages.logo", "is a URL"),
        ('logo = "text.svg"', "pages.logo", "is no picture"),
        ('logo = "script.svg"', "pages.logo", "is no picture that browsers show: SVG (without scripts)"),
        ('logo = "large.png"', "pages.logo", "is larger than 20 KB"),
        ('logo_dark = "small.png"', "pages.logo_dark", "needs a logo for the light"),
        ('care = "yes"', "pages.care", "must be true or false"),
        ('templates = "none"', "pages.templates", "is not a folder"),
        ("texts = { en = 1 }", "pages.texts.en", "must be a table"),
        ('texts = { "bind.title" = "x" }', "pages.texts", "must name the language first, like { en = "),
        ('colour = "#000"', "pages.colour", "unknown key; did you mean 'color'?"),
    ],
)
def test_what_is_refused(folder: Any, table: str, key: str, message: str) -> None:
    """Each with what would be right."""
    folder.write("text.svg", "not a picture")
    folder.write("script.svg", "<svg><SCRIPT>alert(1)</SCRIPT></svg>")
    (folder.path / "large.png").write_bytes(PNG + bytes(20 * 1024))
    (folder.path / "small.png").write_bytes(PNG)
    pages(folder, table)
    problem = folder.problem()
    assert problem.key == key
    assert problem.message.startswith(message)


def test_words_and_templates_are_in_the_same_report(folder: Any) -> None:
    """Beside every other problem, each with its own file and line."""
    (folder.path / "own/static").mkdir(parents=True)
    (folder.path / "own/bind.html").write_text("one\n{{ nobody }}")
    (folder.path / "own/static/font.woff2").write_bytes(b"x")
    (folder.path / "own/static/a b.png").write_bytes(PNG)
    folder.set("[server]", '[server]\nprefix = "/"')
    pages(folder, 'templates = "own"\n[pages.texts.en]\ncancel = "No"\n"bind.titel" = "x"')
    line = folder.text.splitlines().index('"bind.titel" = "x"') + 1
    told = [str(problem).removeprefix(f"{folder.path}/") for problem in found(folder)]
    assert len(told) == 5
    assert told[0].startswith("gateway.toml:")
    assert "server.prefix" in told[0]
    assert told[1].startswith(f"gateway.toml:{line}: pages.texts.en.'bind.titel': unknown text; did you mean")
    assert told[2].startswith("own/bind.html:2: 'nobody' is not given here")
    assert told[3].startswith("own/static/a b.png: has a name that is no address")
    assert told[4].startswith("own/static/font.woff2: is not served")
