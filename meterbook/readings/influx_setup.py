"""What a database needs around it on its server: that it is there, forgets nothing, and answers InfluxQL.

Each step looks and says; with `fix` it mends what it can. Version 3 makes a database when it is first written to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from meterbook.readings.fault import NotThere
from meterbook.readings.influx import Server


class Finding(NamedTuple):
    """What a look at one thing found: whether it is as it should be, and a sentence, with the next step if not."""

    subject: str
    fine: bool
    sentence: str


def examine(server: Server, *, fix: bool = False) -> Iterator[Finding]:
    """Look at the server and its database; raises Away or Rejected where it does not answer as it should."""
    version = server.version()
    yield Finding("server", True, f"{server.address} is version {version}")
    if version.startswith("1."):
        yield from _database(server, fix=fix)
    elif version.startswith("2."):
        yield from _bucket(server, fix=fix)
    else:
        yield Finding("database", True, "version 3 makes it with the first reading, and keeps it without an end")


def _database(server: Server, *, fix: bool) -> Iterator[Finding]:
    """Version 1: the database, and that its default retention policy has no end."""
    name = server.address.database
    if name not in {row.columns["name"] for row in server.rows("SHOW DATABASES")}:
        if not fix:
            yield Finding("database", False, f"there is no database {name}; `meterbook doctor SITE --fix` makes it")
            return
        list(server.rows(f'CREATE DATABASE "{name}" WITH DURATION INF'))
    yield Finding("database", True, f"database {name} is there")
    for row in list(server.rows(f'SHOW RETENTION POLICIES ON "{name}"')):
        policy, duration = row.columns["name"], row.columns["duration"]
        if not row.columns["default"]:
            continue
        finite = duration not in {"0s", "0"}
        if finite and fix:
            list(server.rows(f'ALTER RETENTION POLICY "{policy}" ON "{name}" DURATION INF'))
        yield _retention(f"policy {policy}", duration if finite else "", fix=fix)


def _bucket(server: Server, *, fix: bool) -> Iterator[Finding]:
    """Version 2: the bucket, that it keeps everything, and the mapping by which InfluxQL finds it."""
    name, org = server.address.database, server.address.org
    found = _get(server, "/api/v2/orgs", org=org).get("orgs")
    if not found:
        yield Finding("organisation", False, f"there is no organisation {org}; mend storage.readings.influxdb.org")
        return
    org_id = found[0]["id"]
    buckets = _get(server, "/api/v2/buckets", name=name, orgID=org_id).get("buckets")
    if not buckets and not fix:
        yield Finding("bucket", False, f"there is no bucket {name}; `meterbook doctor SITE --fix` makes it")
        return
    wanted = {"name": name, "orgID": org_id, "retentionRules": []}
    bucket = buckets[0] if buckets else _send(server, "POST", "/api/v2/buckets", wanted)
    yield Finding("bucket", True, f"bucket {name} is there")
    seconds = sum(int(rule["everySeconds"]) for rule in bucket.get("retentionRules", ()))
    if seconds and fix:
        _send(server, "PATCH", f"/api/v2/buckets/{bucket['id']}", {"retentionRules": []})
    yield _retention(f"bucket {name}", f"{seconds} s" if seconds else "", fix=fix)
    yield _mapping(server, org_id, bucket["id"], fix=fix)


def _mapping(server: Server, org_id: str, bucket_id: str, *, fix: bool) -> Finding:
    name = server.address.database
    mapped = _get(server, "/api/v2/dbrps", orgID=org_id, db=name).get("content", ())
    if any(mapping["bucketID"] == bucket_id and mapping["default"] for mapping in mapped):
        return Finding("mapping", True, f"InfluxQL finds the bucket as {name}")
    if not fix:
        return Finding("mapping", False, f"InfluxQL does not find {name}; `meterbook doctor SITE --fix` maps it")
    wanted = {"orgID": org_id, "bucketID": bucket_id, "database": name, "retention_policy": "autogen", "default": True}
    _send(server, "POST", "/api/v2/dbrps", wanted)
    return Finding("mapping", True, f"InfluxQL finds the bucket as {name} from now on")


def _retention(what: str, duration: str, *, fix: bool) -> Finding:
    if not duration:
        return Finding("retention", True, f"{what} keeps readings without an end")
    if fix:
        return Finding("retention", True, f"{what} kept readings for {duration}, and does without an end from now on")
    step = "`meterbook doctor SITE --fix` lets it keep them"
    return Finding("retention", False, f"{what} deletes after {duration} what statements stand on; {step}")


def _get(server: Server, path: str, **asked: str) -> Any:
    """The answer to a question of the version 2 API; nothing found is an empty answer, not an error."""
    try:
        return orjson.loads(server.ask("GET", f"{path}?{urlencode(asked)}").data)
    except NotThere:
        return {}


def _send(server: Server, method: str, path: str, content: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    return orjson.loads(server.ask(method, path, orjson.dumps(content), headers).data)
