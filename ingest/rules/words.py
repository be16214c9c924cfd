"""What people may call themselves and things, and write under photos."""

import re
import unicodedata

from schemas.problems import Code, Fault, Refused

USERNAME_CHARS = (2, 30)
NAME_CHARS = 100
CAPTION_CHARS = 2_000
TEXT_GRAPHEMES = 10_000
GRAPHEME_CODE_POINTS = 31  # a letter and 30 marks: Unicode's stream-safe text (UAX #15, 13)
MENTIONS = 30  # of people and tags together: nobody reads more, spam lives on them
EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets

_USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9_])?")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f.]+(?:\.[^@\s\x00-\x1f\x7f.]+)+")
_MENTION = re.compile(r"[#@]\w")
_JOINER = "\u200d"  # what follows it belongs to what is before it, as in a family of emoji
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})  # alone they show nothing
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs that look like a space
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")  # they make a name read differently from what it is


def wrong(code: Code, pointer: str, detail: str) -> Refused:
    """One member is wrong."""
    return Refused(code, detail, (Fault(pointer, code),))


def username_fault(name: str) -> Refused | None:
    """ASCII only, so that no two names look alike; case does not distinguish them."""
    least, most = USERNAME_CHARS
    if least <= len(name) <= most and _USERNAME.fullmatch(name) and ".." not in name:
        return None
    said = f"a user name has {least}..{most} letters, digits, '.' or '_' and ends with no '.'"
    return wrong("bad_username", "/username", said)


def email_fault(email: str | None) -> Refused | None:
    """Shape only: whether it can be reached is for a message to find out. IDN in Unicode form is taken."""
    if email is None or (len(email) <= EMAIL_CHARS and _EMAIL.fullmatch(email)):
        return None
    return wrong("bad_email", "/email", "email is not of the form name@domain")


def name_fault(name: str | None, pointer: str) -> Refused | None:
    """A display name or a roll's name: one line that reads as it is written."""
    if name is None:
        return None
    if not name.strip() or len(name) > NAME_CHARS:
        return wrong("bad_name", pointer, f"a name has 1..{NAME_CHARS} characters")
    if _BIDI.search(name) or any(unicodedata.category(char) == "Cc" for char in name):
        return wrong("bad_text", pointer, "a name holds no control characters")
    return None


def caption_fault(caption: str | None) -> Refused | None:
    """Free text, several lines; only NUL is refused, because stores disagree about it."""
    if caption is None:
        return None
    if "\0" in caption:
        return wrong("nul_not_allowed", "/caption", "the caption holds U+0000")
    if len(caption) > CAPTION_CHARS:
        return wrong("text_too_long", "/caption", f"a caption has at most {CAPTION_CHARS} characters")
    return None


def text_fault(text: str, pointer: str) -> Refused | None:
    """What people say to each other: free text that says something. Costs no more than its length."""
    if "\0" in text:
        return wrong("nul_not_allowed", pointer, "the text holds U+0000")
    if all(char in _BLANK or unicodedata.category(char) in _UNSEEN for char in text):
        return wrong("empty_text", pointer, "the text has no visible character")
    if _is_too_long(text):
        said = f"a text has at most {TEXT_GRAPHEMES} characters, each of at most {GRAPHEME_CODE_POINTS} code points"
        return wrong("text_too_long", pointer, said)
    if len(_MENTION.findall(text)) > MENTIONS:
        return wrong("too_many_mentions", pointer, f"a text mentions at most {MENTIONS} people and tags")
    return None


def _is_too_long(text: str) -> bool:
    """Counts characters as people see them, nearly as UAX #29 has it; one with marks without end is none."""
    seen = code_points = 0
    before = ""
    for char in text:
        if seen and (before == _JOINER or _extends(char)):
            code_points += 1
        else:
            seen, code_points = seen + 1, 1
        if code_points > GRAPHEME_CODE_POINTS or seen > TEXT_GRAPHEMES:
            return True
        before = char
    return False


def _extends(char: str) -> bool:
    return char == _JOINER or ord(char) in _SKIN_TONES or unicodedata.category(char)[0] == "M"


def canonical(text: str | None) -> str | None:
    """One spelling (NFC) for what looks the same."""
    return None if text is None else unicodedata.normalize("NFC", text)
