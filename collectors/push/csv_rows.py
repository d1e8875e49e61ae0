"""CSV: the columns of the files that `import` takes, long or wide; stamps carry their offset. Pure."""

from __future__ import annotations

from io import StringIO

from collectors.files.cells import decimals
from collectors.files.delimited import rows
from collectors.files.table import Judge, NotReadable, layout
from collectors.normalise import Normaliser
from collectors.push.body import SOURCE, NotUnderstood, Pushed, instant, text_of
from meterbook.domain.instant import Instant
from meterbook.domain.reading import Reading
from meterbook.domain.site import Site


def decode(body: bytes, site: Site, normaliser: Normaliser, now: Instant) -> Pushed:
    """The rows of a body; the line after the heading is row 0. Raises NotUnderstood, TooManyRows.

    An unknown column of a wide table is refused as row -1, the heading.
    """
    lines = StringIO(text_of(body), newline="")
    found = rows(next(lines, ""), lines)
    header = next(found, None)
    pushed = Pushed()
    try:
        if header is None:
            raise NotReadable("there is nothing in it")
        judge = Judge(SOURCE, site, normaliser, instant, decimals("point"), now)
        for judged in judge.read(layout(header.cells), found):
            line = 0 if isinstance(judged, Reading) else int(judged.subject.removeprefix("line "))
            pushed.add(line - 2, judged)
    except NotReadable as error:
        raise NotUnderstood(str(error)) from None
    return pushed
