"""Site directories: the only reader (and writer) of what an organisation declares about itself.

Owns
    the format of the files (`models`, one module per file, and the JSON schemas made from them), finding profiles and
    rule packs, every check of a declaration against the others (`check`), and turning declarations into the resolved
    `meterbook.domain.site.Site` (`build`).

Does not own
    what the words mean (that is `meterbook.domain`), secrets (only whether they are there), readings, money, incidents.

The way of a directory::

    files   -> tree    YAML and CSV as plain values that know their file, line and key        tree, sheet, files
            -> models  one pydantic model per file; every mistake becomes a Problem           validate, models
            -> draft   what could be read of all files, with the names they declare           draft
            -> check   references, trees, schedules: across files                             check
            -> Site    only when nothing is wrong                                             build

A file is hostile until parsed: nothing here raises for what a file holds.
"""
