"""The [pages] table: how the gateway's own pages look."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema, field_validator

from gateway.core.colors import AA, WHITE, contrast, darkened, hex_of, parse_color

from .context import Section, context_of, key
from .values import FilePath

MAX_LOGO = 20 * 1024  # bytes; with it, a page stays small
_SIGNATURES = (
    (".png", b"\x89PNG\r\n\x1a\n"),
    (".jpg", b"\xff\xd8\xff"),
    (".gif", b"GIF8"),
    (".webp", b"RIFF"),
)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it was read. `suffix` says what it is, whatever its file is called."""

    suffix: str
    content: bytes = field(repr=False)


def _read_logo(text: object, info: ValidationInfo) -> Logo | None:
    if text is None:
        return None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("must be a path in quotes")
    if "://" in text or text.startswith("//"):
        raise ValueError("is a URL: pages load nothing from another host; save the picture as a file beside this one")
    try:
        with (context_of(info).base / text).open("rb") as source:
            content = source.read(MAX_LOGO + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or 'not a file'}") from None
    if len(content) > MAX_LOGO:
        raise ValueError(f"is larger than {MAX_LOGO // 1024} KB: people on the road wait for it; an SVG is small")
    for suffix, signature in _SIGNATURES:
        if content.startswith(signature):
            return Logo(suffix, content)
    if b"<svg" in content[:1024] and b"<script" not in content.lower():
        return Logo(".svg", content)
    raise ValueError("is no picture that browsers show: SVG (without scripts), PNG, JPEG, GIF or WebP")


def _readable(text: str) -> str:
    """A colour that white text can be read on: the text of buttons is white, in the light and in the dark."""
    if not text:
        return text
    color = parse_color(text)
    ratio = contrast(color, WHITE)
    if ratio < AA:
        fit = hex_of(darkened(color, WHITE, AA))
        raise ValueError(
            f"has a contrast of {ratio:.2f}:1 with the white text of a button, which needs {AA}:1 to be read "
            f"(WCAG AA): the nearest that has it is {fit!r}"
        )
    return hex_of(color)


LogoFile = Annotated[Logo | None, BeforeValidator(_read_logo), WithJsonSchema({"type": "string"})]
Color = Annotated[str, AfterValidator(_readable)]


def _by_language(texts: object) -> object:
    """A text that stands where a language should is told so."""
    if isinstance(texts, dict) and any(isinstance(words, str) for words in texts.values()):
        raise ValueError('must name the language first, like { en = { "bind.title" = "…" } }: zh-Hans, zh-Hant or en')
    return texts


Texts = Annotated[dict[str, dict[str, str]], BeforeValidator(_by_language)]


class Pages(Section):
    """How the gateway's own pages look."""

    brand: str = key(default="", max_length=60, description="The name that the pages carry in their heading.")
    logo: LogoFile = key(
        default=None, description="A picture above the name: a file of at most 20 KB, SVG, PNG, JPEG, GIF or WebP."
    )
    logo_dark: LogoFile = key(default=None, description="The same for the dark. Default: `logo`.")
    color: Color = key(
        default="", description='The colour of buttons, like "#07873f"; white text must be readable on it.'
    )
    color_dark: Color = key(default="", description="The same for the dark. Default: `color`.")
    care: bool = key(
        default=False, description="Large type and strong colours for everybody who has not chosen otherwise."
    )
    texts: Texts = key(default={}, description="Your own words instead of ours: a table a language, its keys are ours.")
    templates: FilePath | None = key(
        default=None, description="A folder whose templates replace ours by name, and whose static/ holds their files."
    )

    @field_validator("logo_dark")
    @classmethod
    def _beside_a_logo(cls, logo: Logo | None, info: ValidationInfo) -> Logo | None:
        if logo is not None and info.data.get("logo", logo) is None:
            raise ValueError("needs a logo for the light: write logo too")
        return logo

    @field_validator("color_dark")
    @classmethod
    def _beside_a_color(cls, color: str, info: ValidationInfo) -> str:
        if color and info.data.get("color") == "":
            raise ValueError("needs a colour for the light: write color too")
        return color

    @field_validator("templates")
    @classmethod
    def _is_folder(cls, folder: Path | None) -> Path | None:
        if folder is not None and not folder.is_dir():
            raise ValueError("is not a folder")
        return folder
