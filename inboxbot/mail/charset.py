"""Bytes to text, whatever charset a message claims.

The rule: never raise, never drop a byte silently, and never hand a name that a sender
chose to the machinery that imports codecs. A wrong or missing label is put right where
the bytes show what they are, and `guessed` says so.
"""

import codecs
import re
from encodings.aliases import aliases

from inboxbot.frozen import dataclass

_NOT_TEXT = {
    "base64_codec", "bz2_codec", "hex_codec", "mbcs", "oem", "quopri_codec", "rot_13",
    "uu_codec", "zlib_codec",
}  # fmt: skip
_WITHOUT_ALIAS = {
    "cp720", "cp737", "cp856", "cp874", "cp875", "cp1006", "koi8_r", "koi8_t", "koi8_u",
    "utf_8_sig", "mac_arabic", "mac_croatian", "mac_farsi", "mac_romanian",
}  # fmt: skip
_KNOWN = {name for name in set(aliases.values()) | _WITHOUT_ALIAS if name not in _NOT_TEXT}

# Labels that mail carries for something wider, or that no standard knows. The wider set
# agrees with the narrower one wherever both are defined.
_WIDER = {
    "ascii": "", "iso8859_1": "cp1252", "latin_1": "cp1252", "iso8859_9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949",
    "iso8859_11": "cp874", "tis_620": "cp874", "utf_8": "utf_8_sig",
    "iso2022_jp": "iso2022_jp_ext",
}  # fmt: skip
_UNKNOWN_TO_PYTHON = {
    "x_gbk": "gb18030", "iso_gb2312": "gb18030", "gb_2312": "gb18030", "gb_18030": "gb18030",
    "gb2312_80": "gb18030", "x_sjis": "cp932", "windows_31j": "cp932", "x_euc_jp": "euc_jp",
    "cp50220": "iso2022_jp_ext", "cp50221": "iso2022_jp_ext", "unicode_1_1_utf_7": "utf_7",
    "unicode_2_0_utf_7": "utf_7", "x_utf_8": "utf_8_sig", "utf8mb4": "utf_8_sig",
    "iso_8859_8_i": "cp1255", "iso_8859_8_e": "cp1255", "iso_8859_6_i": "cp1256",
    "x_mac_roman": "mac_roman", "x_mac_cyrillic": "mac_cyrillic", "x_cp1252": "cp1252",
    "win_1252": "cp1252", "win1252": "cp1252", "win1251": "cp1251", "windows1252": "cp1252",
    "ansi": "cp1252", "ansi_x3_110_1983": "cp1252", "x_ansi": "cp1252", "cp_850": "cp850",
    "windows_949": "cp949", "windows_874": "cp874", "x_windows_949": "cp949",
    "big5": "big5hkscs", "x_big5": "big5hkscs", "big5_hkscs": "big5hkscs",
    "hz_gb_2312": "hz", "ks_c_5601": "cp949",
}  # fmt: skip
_MULTIBYTE = {
    "big5", "big5hkscs", "cp932", "cp949", "cp950", "euc_jp", "euc_jis_2004", "gb18030", "johab",
    "utf_8", "utf_8_sig", "iso2022_jp", "iso2022_jp_ext", "iso2022_kr", "hz", "utf_7",
    "shift_jis_2004",
}  # fmt: skip
# Charsets whose text looks like plain ASCII on the wire.
_SEVEN_BIT = {"hz", "iso2022_jp_ext", "iso2022_jp", "iso2022_jp_3", "iso2022_kr", "utf_7"}
_MARKS = (
    (codecs.BOM_UTF8, "utf_8_sig"),
    (codecs.BOM_UTF32_LE, "utf_32"),
    (codecs.BOM_UTF32_BE, "utf_32"),
    (codecs.BOM_UTF16_LE, "utf_16"),
    (codecs.BOM_UTF16_BE, "utf_16"),
)
_SEPARATORS = re.compile(r"[\s_.:-]+")
# How many bytes are looked at to guess a charset.
_SAMPLE = 16_384


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, and whether its charset had to be guessed against or without the label."""

    text: str
    guessed: bool = False


def canonical(label: str | None) -> str | None:
    """Return the codec for a label: "" where it says nothing, None where nobody knows it."""
    if not label:
        return ""
    name = _SEPARATORS.sub("_", label[:60].strip("\"' \t\r\n\0<>;,").lower()).strip("_")
    if name in ("", "unknown", "x_unknown", "unknown_8bit", "default", "default_charset", "none",
                "us_ascii", "ascii", "7bit", "8bit", "binary", "utf"):  # fmt: skip
        return ""
    name = _UNKNOWN_TO_PYTHON.get(name, name)
    name = aliases.get(name, name)
    if name not in _KNOWN:
        return None
    return _WIDER.get(name, name)


def decode(data: bytes, label: str | None = None, language_hint: str | None = None) -> Decoded:
    """Decode `data` as its label says, or as what it shows itself to be.

    `language_hint` is a second label (of the whole message, say) to try for bytes without
    one of their own.
    """
    codec = canonical(label)
    if codec and codec not in _SEVEN_BIT and data.isascii() and not _wide(codec):
        return Decoded(data.decode("ascii"))
    if codec:
        text = None if _single_byte(codec) else _strictly(data, codec)
        if text is not None:
            return Decoded(text)
        # Text that is UTF-8 by accident does not occur: such a label is a lie.
        text = _strictly(data, "utf_8_sig")
        if text is not None:
            return Decoded(text, guessed=True)
        text = _strictly(data, codec)
        if text is not None:
            return Decoded(text)
        if codec in _MULTIBYTE:
            text = data.decode(codec, "replace")
            if text.count("\ufffd") * 20 <= len(text):
                return Decoded(text, guessed=True)
    return _detect(data, canonical(language_hint) or "", labelled=codec != "")


def _single_byte(codec: str) -> bool:
    return codec not in _MULTIBYTE and codec not in _SEVEN_BIT and not _wide(codec)


def _wide(codec: str) -> bool:
    return codec.startswith(("utf_16", "utf_32"))


def _strictly(data: bytes, codec: str) -> str | None:
    if _wide(codec) and b"\0" not in data:
        return None
    try:
        text = data.decode(codec)
    except (UnicodeError, LookupError, ValueError, OverflowError):
        return _with_undefined_bytes(data, codec)
    if codec == "utf_7" and any("\ud800" <= c <= "\udfff" for c in text):
        return None
    return text


_JIS_SHIFT = re.compile(rb"\x1b(\$[@B]|\(I|\([BJ])")


def _windows_jis(data: bytes) -> str | None:
    """Decode ISO-2022-JP with the rows that Windows added (CP50221), by way of Shift JIS.

    Names such as 髙橋 and marks such as ① stand in these rows.
    """
    if not data.isascii():
        return None
    first, *shifted = _JIS_SHIFT.split(data)
    found = [first.decode("ascii")]
    for shift, piece in zip(shifted[::2], shifted[1::2], strict=True):
        if shift.startswith(b"$"):
            found += map(_windows_cell, piece[::2], piece[1::2].ljust(len(piece[::2]), b"\0"))
        elif shift == b"(I":
            found.append(bytes(byte | 0x80 for byte in piece).decode("cp932", "replace"))
        else:
            found.append(piece.decode("ascii"))
    text = "".join(found)
    return None if "\x1b" in text or "\ufffd" in text else text


def _windows_cell(row: int, cell: int) -> str:
    if not (0x21 <= row <= 0x7E and 0x21 <= cell <= 0x7E):
        return "\ufffd"
    lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    trail = cell + (0x1F + (cell > 0x5F) if row % 2 else 0x7E)
    return bytes((lead, trail)).decode("cp932", "replace")


def _with_undefined_bytes(data: bytes, codec: str) -> str | None:
    """Windows code pages leave a few bytes undefined; senders use them all the same."""
    if codec == "iso2022_jp_ext":
        return _windows_jis(data)
    if codec == "euc_jp":
        return _strictly(data, "euc_jis_2004")
    if not codec.startswith("cp125"):
        return None
    return data.decode(codec, "replace")


def _detect(data: bytes, hint: str, *, labelled: bool) -> Decoded:
    for mark, codec in _MARKS:
        if data.startswith(mark):
            text = _strictly(data, codec)
            if text is not None:
                return Decoded(text, guessed=labelled)
    if data.isascii():
        if b"\x1b$" in data or b"\x1b(J" in data:
            text = _strictly(data, "iso2022_jp_ext")
            if text is not None:
                return Decoded(text, guessed=True)
        return Decoded(data.decode("ascii"))
    text = _strictly(data, "utf_8")
    if text is not None:
        return Decoded(text, guessed=labelled)
    if (text := _cut_utf_8(data)) is not None:
        return Decoded(text, guessed=True)
    if hint:
        text = _strictly(data, hint)
        if text is not None:
            return Decoded(text, guessed=True)
    return Decoded(data.decode(likely_codec(data[:_SAMPLE]), "replace"), guessed=True)


def _cut_utf_8(data: bytes) -> str | None:
    """Decode UTF-8 that ends within a character, as where a program cut a text by its bytes."""
    try:
        text, _ = codecs.utf_8_decode(data, "strict", False)
    except UnicodeError:
        return None
    return f"{text}\ufffd" if text and not text.isascii() else None


# Letters that make up most of a text in each language or script; what a wrong codec makes
# of the same bytes seldom falls among them.
_COMMON = {
    "cp1251": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэ",
    "koi8_r": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэ",
    "cp1253": "αοιετσνηυρπκμλςίόάέήύώδγχθφβξζψ",
    "cp1255": "יוהלאבתשרמנםקדעחגפזכצסטךןףץ",
    "cp1256": "اليمنوترهبدسعفقكحجةشطىصخزثضغذءأإ",
    "cp874": "านรอกเงมยลวดทสตะปบคหแจพชขใไผโ่้ิีุูั",
    "gb18030": (
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于"
        "着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还"
        "进好小部其些主样理心她本前开但因只从想请问药您需要吃服病谢"
    ),
    "big5hkscs": (
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於"
        "著下自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還"
        "進好小部其些主樣理心她本前開但因只從想請問藥您需要吃服病謝"
    ),
    "cp932": (
        "のにはをたがでてとしれさいるかなくまもこうせすけりんおきつえみじだろよわあめどやっ。、"
    ),
    "euc_jp": (
        "のにはをたがでてとしれさいるかなくまもこうせすけりんおきつえみじだろよわあめどやっ。、"
    ),
    "cp949": (
        "이다는을가의에고하를로지한니기도서어사은들해나자요인리수아시대과그라주만게있습것안세무"
    ),
}


# So few high bytes tell nothing of a language.
_FEW = 6


def likely_codec(data: bytes) -> str:
    """Guess the codec of unlabelled bytes that are not UTF-8.

    A few accents among plain letters are Western European. Mostly high bytes are another
    script: the codec that turns them into its most common letters wins.
    """
    plain = data.translate(None, bytes(code for code in range(64)))
    high = sum(1 for byte in data if byte >= 0x80)
    if high * 4 < len(plain) or (high < _FEW and high * 2 <= len(plain)):
        return "cp1252"
    best, best_score = "cp1252", 0.3
    for codec, letters in _COMMON.items():
        foreign = [c for c in data.decode(codec, "ignore") if c > "\x7f"]
        if not foreign:
            continue
        lost = max(0, high - len("".join(foreign).encode(codec, "ignore"))) / high
        common = set(letters)
        hits = sum(1.0 if c in common else 0.5 * (c.lower() in common) for c in foreign)
        score = hits / len(foreign) - 2 * lost
        if score > best_score:
            best, best_score = codec, score
    return best
