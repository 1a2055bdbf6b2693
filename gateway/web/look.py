"""How the pages look: what an operator may change, as one value, and the files that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .assets import File, files_in

Overrides = Mapping[str, Mapping[str, str]]  # texts by language and key


@dataclass(frozen=True, slots=True)
class Look:
    """`logo` and `logo_dark` are pictures as (suffix, content). Colours are "" for ours, else `#rrggbb`, on which white
    text can be read. `care`: large type for those who have not chosen. `templates`: a folder before our own."""

    logo: tuple[str, bytes] | None = None
    logo_dark: tuple[str, bytes] | None = None
    color: str = ""
    color_dark: str = ""
    care: bool = False
    texts: Overrides = field(default_factory=dict)
    templates: Path | None = None

    def files(self) -> list[File]:
        """What the pages load beside our own files: pictures, and a stylesheet if there are colours."""
        found = list(files_in(self.templates / "static")) if self.templates else []
        for name, picture in (("logo", self.logo), ("logo_dark", self.logo_dark)):
            if picture is not None:
                found.append((name + picture[0], picture[1]))
        if self.color:
            found.append(("colors.css", stylesheet(self.color, self.color_dark or self.color).encode()))
        return found


def stylesheet(light: str, dark: str) -> str:
    """The colours as the variable that gateway.css draws buttons with: a file, for inline style is forbidden.

    `html body` weighs more than gateway.css's `body`, wherever it is loaded.
    """
    return (
        f"html body{{--gw-brand:{light};--weui-BRAND:{light}}}\n"
        f"@media (prefers-color-scheme:dark){{html body{{--gw-brand:{dark}}}}}\n"
    )
