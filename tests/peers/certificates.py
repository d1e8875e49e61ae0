"""Certificates for tests, made by the openssl command: an authority, and what it signs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

MISSING = None if shutil.which("openssl") else "openssl is not installed"
"""Why there can be no certificates, or None."""

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Authority:
    """An authority with its files in `directory`; `ca` is what one has to trust."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        _openssl(
            "req", "-x509", *_KEY, "-days", "2", "-subj", "/CN=Test authority", "-keyout", self._key, "-out", self.ca
        )

    def sign(self, name: str, *, address: str = "127.0.0.1", days: int = 2) -> tuple[Path, Path]:
        """(certificate, key) for an address; with days below zero it expired that long ago."""
        certificate, key, asked = (self._directory / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        named = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{address}"]
        _openssl("req", *_KEY, *named, "-keyout", key, "-out", asked)
        signer = ["-CA", self.ca, "-CAkey", self._key, "-CAcreateserial", "-copy_extensions", "copy"]
        _openssl("x509", "-req", "-in", asked, *signer, "-days", str(days), "-out", certificate)
        return certificate, key


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=30)
