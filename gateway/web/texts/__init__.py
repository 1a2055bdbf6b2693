"""What the pages say, in each language."""

from collections.abc import Mapping

from . import en, zh_hans

Texts = Mapping[str, str]

CATALOGS: Mapping[str, Texts] = {"zh-Hans": zh_hans.TEXTS, "en": en.TEXTS}
