"""Traditional Chinese: what is written in simplified Chinese, converted as it is read.

One wording for all readers of zh-Hant, with the words used in Taiwan. OpenCC knows characters and
phrases; what it leaves to a business's own vocabulary is mended here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType

REMEMBERED_TEXTS = 8_192

CORRECTIONS: Mapping[str, str] = MappingProxyType(
    {
        "許可權": "權限",
        "型別": "類型",
        "質量": "品質",
        "渠道": "通路",
        "積分": "點數",
        "郵箱": "電子郵件",
        "復購": "回購",
        "迴歸": "回歸",
        "寫明瞭": "寫明了",
        "返回結果": "傳回結果",
        "賬": "帳",
        "短信": "簡訊",
    }
)
"""By what OpenCC makes of it: the word that is meant."""
_MENDED = re.compile("|".join(sorted(CORRECTIONS, key=len, reverse=True)))


@lru_cache(maxsize=REMEMBERED_TEXTS)
def traditional(text: str) -> str:
    """A text in traditional Chinese; what is not Chinese stays as it is."""
    if text.isascii():
        return text
    return _MENDED.sub(lambda found: CORRECTIONS[found[0]], _convert()(text))


@cache
def _convert() -> Callable[[str], str]:
    """The converter; its dictionaries are read when the first text is asked for."""
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC("s2twp").convert
    return convert
