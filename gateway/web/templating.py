"""The templates: ours, and before them those of an operator's folder, which are judged before they are used.

Law: a template of theirs is given what ours of the same name is given, and nothing that ours would not show.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
from jinja2 import meta, nodes

from .texts import CATALOGS

FOLDER = Path(__file__).parent / "templates"
OURS = "gateway/"  # `{% extends "gateway/bind.html" %}`: our own, from a template that takes its place
MAX_TEMPLATE = 256 * 1024  # bytes
_COMMON = {"t", "lang", "request_id", "consent", "care", "address", "range", "dict", "namespace"}


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a template cannot be used. `line` is 0 where the file as a whole is meant."""

    path: Path
    line: int
    message: str


def environment(folder: Path | None) -> jinja2.Environment:
    """Templates of `folder`, else ours. Everything shown is escaped; what is not given is an error."""
    ours = jinja2.FileSystemLoader(FOLDER)
    own = [jinja2.FileSystemLoader(folder)] if folder else []
    built = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*own, ours, jinja2.PrefixLoader({OURS.rstrip("/"): ours})]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    built.filters["masked"] = masked
    return built


def masked(user_id: str) -> str:
    """Enough of a user id for its owner to recognise it."""
    shown = 2 if len(user_id) >= 6 else 1 if len(user_id) >= 3 else 0
    return user_id[:shown] + "•••" + (user_id[-shown:] if shown else "")


def flaws_in(folder: Path) -> Iterator[Flaw]:
    """Everything that would break, or do nothing, when the pages of `folder` are shown."""
    ours = sorted(path.name for path in FOLDER.glob("*.html"))
    own = sorted(path for path in folder.iterdir() if path.suffix == ".html")
    built = environment(folder)
    known = _given(built)
    everything = set().union(*known.values())
    for path in own:
        is_part = path.name.startswith("_")
        if path.name not in ours and not is_part:
            close = difflib.get_close_matches(path.name, ours, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(ours)}"
            yield Flaw(path, 0, f"replaces no page of ours; {hint} A part to include begins with _")
            continue
        try:
            if path.stat().st_size > MAX_TEMPLATE:
                yield Flaw(path, 0, f"is larger than {MAX_TEMPLATE // 1024} KB")
                continue
            tree = built.parse(path.read_text("utf-8"))
            built.get_template(path.name)  # unknown filters and tests show here only
        except jinja2.TemplateSyntaxError as error:
            yield Flaw(path, error.lineno, error.message or "is no template")
        except (OSError, UnicodeDecodeError):
            yield Flaw(path, 0, "cannot be read as UTF-8")
        else:
            for line, message in _flaws_of(tree, path.name, built, everything if is_part else known[path.name]):
                yield Flaw(path, line, message)


def _given(built: jinja2.Environment) -> Mapping[str, set[str]]:
    """What each page of ours is given, as far as it or what it extends asks for it."""
    asked: dict[str, set[str]] = {}
    for path in FOLDER.glob("*.html"):
        asked[path.name] = meta.find_undeclared_variables(built.parse(path.read_text("utf-8")))
    base = asked["base.html"] | _COMMON | set(built.globals) | {"prefix", "brand", "assets", "logo", "logo_dark"}
    return {name: base | names for name, names in asked.items()}


def _flaws_of(tree: nodes.Template, name: str, built: jinja2.Environment, given: set[str]) -> Iterator[tuple[int, str]]:
    """Names that nobody gives, texts that do not exist, templates that are not there."""
    unknown = meta.find_undeclared_variables(tree) - given
    for each in tree.find_all(nodes.Name):
        if each.name in unknown:
            unknown.discard(each.name)
            yield each.lineno, f"{each.name!r} is not given here; {_near(each.name, given)}"
    texts = next(iter(CATALOGS.values()))
    for item in tree.find_all(nodes.Getitem):
        match item:
            case nodes.Getitem(node=nodes.Name(name="t"), arg=nodes.Const(value=str(key))) if key not in texts:
                yield item.lineno, f"there is no text {key!r}; {_near(key, texts)}"
    for line, wanted in _references(tree):
        if wanted == name:
            yield line, f"leads to itself: write {OURS + name!r} for ours"
        elif wanted not in (known := built.list_templates()):
            yield line, f"there is no template {wanted!r}; {_near(wanted, known)}"


def _references(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        match node:
            case (
                nodes.Extends(template=nodes.Const(value=str(wanted)))
                | nodes.Include(template=nodes.Const(value=str(wanted)), ignore_missing=False)
                | nodes.Import(template=nodes.Const(value=str(wanted)))
                | nodes.FromImport(template=nodes.Const(value=str(wanted)))
            ):
                yield node.lineno, wanted


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known := sorted(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"there is: {', '.join(known[:40])}"
