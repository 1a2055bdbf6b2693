"""What the pages say, in each language."""

from collections.abc import Mapping

from . import en, zh_hans, zh_hant

Texts = Mapping[str, str]

CATALOGS: Mapping[str, Texts] = {"zh-Hans": zh_hans.TEXTS, "zh-Hant": zh_hant.TEXTS, "en": en.TEXTS}
