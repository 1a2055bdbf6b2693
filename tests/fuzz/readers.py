"""Other people's readers of heads, from strict to very lax: what an upstream may take forwarded bytes for."""

import contextlib
import email.parser
import http.client
import http.cookies
import io
import re

Fields = list[tuple[str, str]]  # names folded to A-Z, 0-9 and "-"


def cgi(head: bytes) -> Fields:
    """CGI, WSGI and PHP: any character that is no letter or digit is "_"; here also with any line end, and folding."""
    fields: Fields = []
    for line in re.split(rb"\r\n|\n|\r|\x0b|\x0c|\x85", head[:-4])[1:]:
        text = line.decode("latin-1")
        if text[:1] in (" ", "\t") and fields:
            name, value = fields.pop()
            fields.append((name, f"{value} {text.strip()}"))
            continue
        name, _, value = text.partition(":")
        fields.append((folded(name.strip(" \t\0\x0b\x0c")), value.strip()))
    return fields


def exact(head: bytes) -> Fields:
    """A strict reader: names differ in case only."""
    pairs = [line.decode("latin-1").partition(":") for line in head[:-4].split(b"\r\n")[1:]]
    return [(name.upper(), value.strip()) for name, _, value in pairs]


def library(head: bytes) -> Fields:
    """http.client, which reads fields as those of a mail."""
    stream = io.BytesIO(head)
    stream.readline()
    try:
        message = http.client.parse_headers(stream)
    except http.client.HTTPException:  # more than it takes
        return exact(head)
    return [(name.upper(), str(value).strip()) for name, value in message.items()]


def mail(head: bytes) -> Fields:
    """The laxest: what looks like a header of a mail, in text with universal line ends."""
    text = head[:-2].decode("latin-1").partition("\n")[2]
    message = email.parser.HeaderParser().parsestr(text)
    return [(folded(name), str(value).strip()) for name, value in message.items()]


READERS = (cgi, library, mail)


def folded(name: str) -> str:
    """As the laxest compare names."""
    return re.sub(r"[^A-Z0-9]", "-", name.upper())


def all_of(fields: Fields, name: str) -> list[str]:
    """The values of one name."""
    return [value for key, value in fields if key == name]


def cookie_names(header: str) -> set[str]:
    """Every name that some reader of cookies sees in a Cookie field."""
    names: set[str] = set()
    for piece in re.split(r"[;,]", header):  # RFC 2109 servers end pairs at commas too
        name, equals, _ = piece.partition("=")
        if equals:
            names.add(name.strip(" \t\0\r\n\x0b\x0c\"'"))
            names.update(word.strip("\"'") for word in name.split()[-1:])
    for piece in header.split("; "):
        names.add(piece.partition("=")[0])
    jar = http.cookies.SimpleCookie()
    with contextlib.suppress(http.cookies.CookieError):
        jar.load(header)
    names.update(jar)
    return names
