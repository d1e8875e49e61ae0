"""The books on a PostgreSQL server: how it is reached, how a transaction begins, what its errors ask for."""

from __future__ import annotations

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

_REACH: dict[str, object] = {
    "application_name": "meterbook",
    "client_encoding": "utf8",
    "connect_timeout": 10,  # seconds
    # A server that vanished without a word is missed within half a minute, not within the two hours of TCP's defaults.
    "keepalives_idle": 10,  # seconds
    "tcp_user_timeout": 30_000,  # milliseconds
}

# One writer at a time, as in SQLite. Numbers of the arrival log are drawn before a commit and seen after it: of two
# writers at once, the one with the higher number may be seen first, and whoever follows the log would pass over the
# other for ever. In a line that cannot happen, nor can two writers decide on the same incident or row.
# - The line is an advisory lock of the database, held until the transaction has ended; its number is ours ("mbooks").
# - It is drawn up in READ COMMITTED: in a stricter isolation, whoever waited would then see what was before the wait.
# - Who hangs in mid-transaction, or lost power, gives way after a minute; who waits for ten seconds says so.
# - A commit is on disk when it returns, also where the server's owner preferred it to be fast.
_STAND_IN_LINE = """
SELECT set_config('lock_timeout', '10s', true),
       set_config('idle_in_transaction_session_timeout', '60s', true),
       set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true),
       pg_advisory_xact_lock(x'6d626f6f6b73'::bigint)
"""

_NEXT_STEPS = {
    "22P05": "the database cannot hold every letter: create it anew with ENCODING 'UTF8'",
    "25006": "this server only follows another one: name the one that takes writes",
    "42501": "let the database belong to this user",
    "42P07": "the database holds something else: give the books one of their own",
    "42P01": "the books were never opened for writing: start the service once",
    "53100": "make room on the server's disk",
    "55P03": "another Meterbook has been writing for long: end it, or wait until it is done",
}
"""By SQLSTATE."""

_NOT_CONNECTED = {
    "password": "check the user and the password: in the address, in PGPASSWORD or in ~/.pgpass",
    "pg_hba.conf": "let this user and machine in: pg_hba.conf on the server",
    "does not exist": "create the user and the database first",
    "too many": "end some of the server's other clients, or raise its max_connections",
}
"""By what the server said before there was a connection; it sends no SQLSTATE then."""


def open_engine(url: URL, writes: str) -> Engine:
    """Transactions that see one moment, or (where the execution option `writes` is set) one writer at a time.

    Connections that a restart of the server broke are replaced. Raises ImportError without the driver psycopg.
    """
    engine = create_engine(
        url, connect_args=_REACH, pool_pre_ping=True, isolation_level="READ COMMITTED", hide_parameters=True
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if writes in connection.get_execution_options():
            connection.exec_driver_sql(_STAND_IN_LINE)
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def next_step(error: DBAPIError) -> str | None:
    """What to do about an error; None where it is a mistake of the caller, not of the database."""
    known = _NEXT_STEPS.get(getattr(error.orig, "sqlstate", None) or "")
    if known is not None:
        return known
    if error.statement is not None and isinstance(error, (DataError, IntegrityError, ProgrammingError)):
        return None
    for word, step in _NOT_CONNECTED.items():
        if word in str(error.orig):
            return step
    return "check the address, and that the server is started and can be reached from this machine"
