"""What a channel may show of a text: no mention, no masked link, no foreign markup, and no more than fits. Pure.

apprise escapes for the markup that it writes itself (Telegram's HTML, Slack's entities). It does not know that Discord
and Mattermost render what they are sent as plain text, and it takes no mention out of any text.
"""

from __future__ import annotations

import re
import string
import unicodedata

MACHINES = frozenset({"json", "jsons", "xml", "xmls", "form", "forms"})  # read by a program: sent as it is
MARKDOWN = frozenset({"discord", "mmost", "mmosts", "rocket", "rockets"})  # render Markdown in plain text
MENTION = re.compile(r"@(?=\w|&|!)|<(?=[@!#:/a-z])|\](?=\()", re.IGNORECASE)  # a person, a channel, a masked link
PUNCTUATION = re.compile(r"([\\`*_~|\[\]()<>#{}])|^([ \t]*)([-+.!])", re.MULTILINE)
BREAK = "\u200b"  # zero-width space: it is not seen, and what it stands in is no mention any more
CUT = " [...]"
HTML = {"&": 5, "<": 4, ">": 4, "\n": 5}  # characters as HTML (&amp; &lt; &gt; <br/>) or as Slack's entities


def clean(text: str) -> str:
    """Without control characters, without characters that are not seen or that turn the direction of writing, and with
    one empty line where there are several."""
    seen = "".join(c for c in text.replace("\t", " ") if c == "\n" or unicodedata.category(c)[0] != "C")
    return re.sub(r"\n{3,}", "\n\n", seen)


def escaped(text: str, scheme: str, *, plain: bool = True) -> str:
    """The text for the channel of this apprise scheme. `plain`: apprise sends it as plain text and escapes nothing."""
    if scheme in MACHINES:
        return text
    text = MENTION.sub(lambda found: found[0] + BREAK, text)
    if plain and scheme in MARKDOWN:
        text = PUNCTUATION.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", text)
    return text


def width(text: str, *, plain: bool = True) -> int:
    """The most UTF-16 units that it takes in any channel. If it is not plain, apprise may escape all punctuation."""
    doubled = "" if plain else string.punctuation
    return sum(HTML.get(c, 2 if c in doubled or ord(c) > 0xFFFF else 1) for c in text)


def fitted(text: str, scheme: str, room: int, *, plain: bool = True) -> str:
    """The longest beginning that takes at most `room` characters once it is escaped; escaped, and marked if cut."""
    whole = escaped(text, scheme, plain=plain)
    if width(whole, plain=plain) <= room:
        return whole
    low, high = 0, min(len(text), max(0, room))
    while low < high:
        middle = (low + high + 1) // 2
        if width(escaped(text[:middle] + CUT, scheme, plain=plain), plain=plain) <= room:
            low = middle
        else:
            high = middle - 1
    return escaped(text[:low] + CUT, scheme, plain=plain) if low else ""
