"""The tables of (83) 水电财字第215号, typed from the regulation number by number: nothing here is computed.

For each standard the part of the page that takes off and the part that puts on, one row for each 0.01 of the power
factor; the last row of the first holds up to 1.00, and below the last of the second each further 0.01 puts on 2 %.
"""

from __future__ import annotations

from decimal import Decimal

_TAKES_OFF = {
    "0.90": """
        0.90 0.00  0.91 0.15  0.92 0.30  0.93 0.45  0.94 0.60  0.95 0.75
    """,
    "0.85": """
        0.85 0.00  0.86 0.10  0.87 0.20  0.88 0.30  0.89 0.40  0.90 0.50  0.91 0.65  0.92 0.80  0.93 0.95  0.94 1.10
    """,
    "0.80": """
        0.80 0.00  0.81 0.10  0.82 0.20  0.83 0.30  0.84 0.40  0.85 0.50  0.86 0.60  0.87 0.70  0.88 0.80  0.89 0.90
        0.90 1.00  0.91 1.15  0.92 1.30
    """,
}
_PUTS_ON = {
    "0.90": """
        0.89 0.5  0.88 1.0  0.87 1.5  0.86 2.0  0.85 2.5  0.84 3.0  0.83 3.5  0.82 4.0  0.81 4.5  0.80 5.0
        0.79 5.5  0.78 6.0  0.77 6.5  0.76 7.0  0.75 7.5  0.74 8.0  0.73 8.5  0.72 9.0  0.71 9.5  0.70 10.0
        0.69 11.0  0.68 12.0  0.67 13.0  0.66 14.0  0.65 15.0
    """,
    "0.85": """
        0.84 0.5  0.83 1.0  0.82 1.5  0.81 2.0  0.80 2.5  0.79 3.0  0.78 3.5  0.77 4.0  0.76 4.5  0.75 5.0
        0.74 5.5  0.73 6.0  0.72 6.5  0.71 7.0  0.70 7.5  0.69 8.0  0.68 8.5  0.67 9.0  0.66 9.5  0.65 10.0
        0.64 11.0  0.63 12.0  0.62 13.0  0.61 14.0  0.60 15.0
    """,
    "0.80": """
        0.79 0.5  0.78 1.0  0.77 1.5  0.76 2.0  0.75 2.5  0.74 3.0  0.73 3.5  0.72 4.0  0.71 4.5  0.70 5.0
        0.69 5.5  0.68 6.0  0.67 6.5  0.66 7.0  0.65 7.5  0.64 8.0  0.63 8.5  0.62 9.0  0.61 9.5  0.60 10.0
        0.59 11.0  0.58 12.0  0.57 13.0  0.56 14.0  0.55 15.0
    """,
}
_BELOW = """
    2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32 34 36 38 40 42 44 46 48 50 52 54 56 58 60 62 64 66 68 70 72 74 76 78 80
    82 84 86 88 90 92 94 96 98 100 102 104 106 108 110 112 114 116 118 120 122 124 126 128 130
"""
STANDARDS = tuple(_PUTS_ON)


def _rows(text: str) -> list[tuple[Decimal, Decimal]]:
    words = [Decimal(word) for word in text.split()]
    return list(zip(words[::2], words[1::2], strict=True))


def table(standard: str) -> dict[int, Decimal]:
    """The per cent put on (below zero: taken off) at each of the 101 hundredths of the power factor."""
    better, worse = _rows(_TAKES_OFF[standard]), _rows(_PUTS_ON[standard])
    found = {int(at * 100): percent for at, percent in worse}
    found |= {int(at * 100): -percent for at, percent in better}
    found |= dict.fromkeys(range(max(found), 101), -better[-1][1])
    lowest = min(found)
    return found | {
        lowest - step: worse[-1][1] + Decimal(more)
        for step, more in zip(range(1, lowest + 1), _BELOW.split(), strict=False)
    }
