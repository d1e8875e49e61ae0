"""Names and addresses of machines, as people write them. Pure."""

from __future__ import annotations

import ipaddress
import re

LONGEST = 253
"""Characters of a name, according to RFC 1035."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)").fullmatch
_WITH_PORT = re.compile(r"\[[0-9A-Fa-f:.]+\](?::[0-9]+)?|[^:]*:[0-9]+").fullmatch


def host_fault(text: str) -> str | None:
    """Why a text is neither an IP address nor a host's name, or None; names may be of any script (RFC 3490)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return _fault(text)
    return None


def _fault(text: str) -> str | None:
    if any(sign.isspace() for sign in text):
        return "there is a space in it"
    if "://" in text or "/" in text:
        return "it is a whole address; only the host in it is meant"
    if _WITH_PORT(text):
        return "the port is written apart, and an address without brackets"
    try:
        name = text.removesuffix(".").encode("idna").decode()
    except UnicodeError:
        return "a part between two dots is empty, or has more than 63 characters"
    labels = name.split(".")
    if not all(_LABEL(label) for label in labels):
        return "a name has letters, digits and hyphens, with a dot between its parts"
    if len(name) > LONGEST:
        return f"a name has at most {LONGEST} characters"
    # A last part of digits makes an address of a name, and this one is none.
    return "four numbers from 0 to 255 are an address, and other numbers are none" if labels[-1].isdecimal() else None
