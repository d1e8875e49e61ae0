"""The hash of a statement: SHA-256 over its content, the same wherever and whenever it is computed.

What is hashed may only grow with a new scheme: what was closed by an earlier one is verified by that one for ever.
Neither scheme covers `state` and the hash itself: a provisional statement that is closed keeps its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from decimal import Decimal

from meterbook.domain.emission import Emission
from meterbook.domain.instant import iso
from meterbook.domain.interval import Shares
from meterbook.domain.quota import QuotaStanding
from meterbook.domain.statement import Line, Statement


def fingerprint(statement: Statement) -> str:
    """The hash of a statement by the newest scheme, as 64 hexadecimal digits."""
    return _digest(_whole(statement))


def scheme_of(statement: Statement) -> int | None:
    """The scheme by which a statement's hash fits its content; None where it fits by none: one of them was changed."""
    return next((scheme for scheme, content in _SCHEMES.items() if _digest(content(statement)) == statement.hash), None)


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _first(statement: Statement) -> Mapping[str, object]:
    """Lines, `total` and `payable`."""
    return {
        "department": statement.department,
        "month": statement.month,
        "currency": statement.currency,
        "total": _text(statement.total),
        "payable": _text(statement.payable),
        "lines": [_line(line) for line in statement.lines],
    }


def _whole(statement: Statement) -> Mapping[str, object]:
    """Everything a statement says but its state; emissions only where there are any, as there were none at first."""
    emissions = [_emission(one) for one in statement.emissions]
    return {
        "scheme": 2,
        **_first(statement),
        "revision": statement.revision,
        "subtree_total": _text(statement.subtree_total),
        "quality": _shares(statement.quality),
        "remarks": list(statement.remarks),
        "quota": [_standing(standing) for standing in statement.quota],
        **({"emissions": emissions} if emissions else {}),
    }


_SCHEMES: Mapping[int, Callable[[Statement], Mapping[str, object]]] = {2: _whole, 1: _first}


def _line(line: Line) -> list[object]:
    return [
        line.id, line.utility, line.kind, line.meter, _text(line.quantity), line.unit, _text(line.share),
        _text(line.charge), line.tariff, line.band, iso(line.start), iso(line.end), *_shares(line.quality),
    ]  # fmt: skip


def _standing(one: QuotaStanding) -> list[object]:
    return [
        one.department, one.utility, one.unit, one.year, iso(one.at), _text(one.declared), _text(one.amount),
        _text(one.planned), _text(one.used), _text(one.warning), one.runs_out and one.runs_out.isoformat(),
    ]  # fmt: skip


def _emission(one: Emission) -> list[object]:
    return [one.utility, _text(one.quantity), one.unit, _text(one.kgco2e), _text(one.kgce)]


def _shares(shares: Shares) -> list[str | None]:
    return [_text(shares.measured), _text(shares.estimated), _text(shares.missing)]


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
