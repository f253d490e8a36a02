"""Captions and prompts of many scripts and habits, the same ones in every run."""

from collections.abc import Callable, Sequence
from random import Random

TEXTS = 2000

_TAGS = (
    *("1girl", "solo", "long hair", "blue eyes", "looking at viewer", "school uniform", "masterpiece", "best quality"),
    *(r"hifumi \(blue archive\)", "hifumi (blue archive)", "blue_archive", "(smile:1.2)", "[hat]", "{bow|ribbon}"),
    *("^_^", ">_<", ":d", "o_o", "...", "!?", "8k uhd", "f/1.8", "50mm", "#1", "100%", "$5", "@artist", "a+b=c"),
    *("it's her day", "they've won't I'm you'd she'll we're", "IT'S HER DAY", "they'Ve WON'T", "rock 'n' roll"),
    *("the '90s", "state-of-the-art", "e.g. this", "2023-07-01 12:34:56", "1,000.5", "x²+y³", "½ ¾ ⅓", "C++", "<3"),
    *("a < b > c", r"\o/", "--", "___", "~*~", "|||", "keep|||", "<lora:name:0.8>"),
)
_QUOTED = (
    *("it’s", "“hello there”", "‘n’", "they’ll WON’T", "„low“", "«guillemets»", "5′ 6″", "l’été", "donʼt"),
    *("em—dash", "en–dash", "ellipsis…", "bullet • point", "minus − 5"),
)
_ENTITIES = (
    *("&amp;", "salt &amp; pepper", "&lt;3", "&quot;words&quot;", "&#39;", "it&#39;s", "&#x2019;", "caf&eacute;"),
    *("&nbsp;", "&hearts;", "&AMP;", "&unknown;", "R&D", "a&b;c", "&amp;amp;", "&copy 2020"),
)
_WIDE = ("ａｂｃ", "ＨＩＦＵＭＩ", "１２３", "（笑顔）", "！？", "，", "\u3000", "ｼﾞｬﾝﾌﾟ", "～", "＆", "、。「」")
_LIGATURES = (
    "\ufb01ne",
    "\ufb02ower",
    "o\ufb03ce",
    "wa\ufb04e",
    "\u0133s",
    "\u01c4ep",
    "œuvre",
    "Æon",
    "ẞ groß",
    "straße",
    "\ufb06",
)
_BROKEN = ("schÃ¶n", "itâ€™s", "Â£ 5", "cafÃ©", "naÃ¯ve", "â˜…")
_SCRIPTS = (
    *("初音ミク", "日本語 と かな", "中文标签", "한국어 소녀", "\u1112\u1161\u11ab\u1100\u1173\u11af", "русский ТЕКСТ"),
    *("Ελληνικός ΟΔΟΣ", "Σίσυφος", "العربية", "عَرَبِي", "עברית", "हिन्दी", "ภาษาไทย", "Tiếng Việt", "İstanbul Işık"),
    *("Ångström \u212b", "naïve café", "cafe\u0301 A\u030angstro\u0308m", "ქართული", "Հայերեն", "ሰላም", "٣٤ ५ Ⅱ ① ²"),
)
_SIGNS = (
    *("🎀", "👩\u200d👩\u200d👧", "👍🏽", "🇯🇵", "❤\ufe0f", "♪♫", "★☆", "→", "™®©", "°C", "€10", "∆∇∞≈", "¿qué?"),
    "(╯°□°)╯︵ ┻━┻",
)
_HIDDEN = (
    *("zero\u200bwidth", "soft\u00adhyphen", "\ufeffmark", "no\u00a0break", "bell\x07", "\x1b[31mred\x1b[0m"),
    *("line\u2028end", "next\u0085line", "tab\there", "dir\u202etxt", "unit\x1fsep"),
)
_SPECIAL = ("<|endoftext|>", "<|startoftext|>", "<|EndOfText|>", "<|endoftext|", "a<|endoftext|>b", " <|EndOfText|> ")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZàéîõüñçłšДжωΣアあ漢"
_BETWEEN = (", ", ", ", ", ", ",", " ", " ", "; ", "\n", "\r\n", "  ", ",,", " , ", "、", ". ", "_", "")
# How many of a hundred pieces are of each kind; the rest are words of random letters.
_KINDS = ((36, _TAGS), (9, _QUOTED), (8, _ENTITIES), (8, _WIDE), (6, _LIGATURES), (4, _BROKEN), (9, _SCRIPTS), (6, _SIGNS), (4, _HIDDEN), (1, _SPECIAL))  # fmt: skip


def mixed_texts() -> list[str]:
    """Return the texts; `random()` alone is drawn from, for which Python promises the same numbers in every version."""
    return [_text(Random(number).random) for number in range(TEXTS)]


def _text(random: Callable[[], float]) -> str:
    parts: list[str] = []
    for _ in range(1 + int(random() * 14)):
        piece = _piece(random)
        parts += [piece.upper() if random() < 0.05 else piece, _one(_BETWEEN, random)]
    return "".join(parts)


def _piece(random: Callable[[], float]) -> str:
    place = random() * 100
    for share, pieces in _KINDS:
        if place < share:
            return _one(pieces, random)
        place -= share
    return "".join(_one(_LETTERS, random) for _ in range(1 + int(random() * 12)))


def _one(pieces: Sequence[str], random: Callable[[], float]) -> str:
    return pieces[int(random() * len(pieces))]
