"""Which files a site directory has, read into trees."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from meterbook.settings import Settings
from meterbook.site import sheet
from meterbook.site.models.allocations import AllocationsFile
from meterbook.site.models.devices import DevicesFile
from meterbook.site.models.maintenance import MaintenanceFile
from meterbook.site.models.meters import MetersFile
from meterbook.site.models.quotas import QuotasFile
from meterbook.site.models.rules import RulesFile
from meterbook.site.models.scores import ScoresFile
from meterbook.site.models.site import SiteFile
from meterbook.site.models.tariffs import TariffsFile
from meterbook.site.problem import Problem, nearest
from meterbook.site.tree import Section, Unreadable, Where, read

MODELS: dict[str, type[BaseModel]] = {
    "site": SiteFile,
    "devices": DevicesFile,
    "meters": MetersFile,
    "allocations": AllocationsFile,
    "tariffs": TariffsFile,
    "quotas": QuotasFile,
    "scores": ScoresFile,
    "maintenance": MaintenanceFile,
    "rules": RulesFile,
    "service": Settings,
}
"""What each file holds, by its name without `.yaml`."""

REQUIRED = ("site", "meters")
SHEETS = ("meters", "quotas")
"""Files that may be CSV instead."""

READABLE = (".yaml", ".yml", ".csv", ".tsv", ".json", ".toml")
"""Endings of files that look as if they were read; others, and hidden ones, are nobody's business."""

MAX_BYTES = 8 * 1024 * 1024


@dataclass
class Files:
    """Files as trees, by name; a name that is in `unreadable` is there, and nobody knows what it says."""

    trees: dict[str, Section] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    _hash: hashlib._Hash = field(default_factory=hashlib.sha256)

    @property
    def version(self) -> str:
        """SHA-256 over the names and bytes of all that was read."""
        return self._hash.hexdigest()

    def text(self, path: Path, file: str) -> str | None:
        """The text of a file, None (and a problem) if it is too big or no UTF-8."""
        try:
            if path.stat().st_size > MAX_BYTES:
                self.problems.append(Problem(file, None, "", "is too big", f"at most {MAX_BYTES // 2**20} MiB"))
                return None
            content = path.read_bytes()
        except OSError as error:
            self.problems.append(Problem(file, None, "", f"cannot be read: {error.strerror}", "a readable file"))
            return None
        self._hash.update(f"{file}\0{len(content)}\0".encode() + content)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.problems.append(
                Problem(file, line, "", f"byte {error.start + 1} is no UTF-8", "a file saved as UTF-8")
            )
            return None

    def yaml(self, path: Path, file: str) -> Section | None:
        """The mapping a YAML file holds, None (and a problem) if it holds something else."""
        text = self.text(path, file)
        if text is None:
            return None
        try:
            tree = read(text, Where(file, 1), self.problems)
        except Unreadable as error:
            self.problems.append(error.problem)
            return None
        if tree is None:
            return Section(Where(file, 1))
        if not isinstance(tree, Section):
            self.problems.append(Problem(file, 1, "", "does not begin with a key", "keys such as 'meters:'"))
            return None
        return tree


def read_directory(directory: Path) -> Files:
    """All files of a site directory; whatever cannot be read becomes a problem."""
    files = Files()
    names = _names(directory, files)
    for name in MODELS:
        forms = [form for form in _forms(name) if form in names]
        if len(forms) == 2:
            files.problems.append(Problem(forms[1], None, "", f"stands beside {forms[0]}", "one of the two"))
        if not forms and name in REQUIRED and name not in files.unreadable:
            files.problems.append(
                Problem(f"{name}.yaml", None, "", "is missing", f"{' and '.join(REQUIRED)} in every site")
            )
        if forms and (tree := _tree(directory, forms[0], name, files)) is not None:
            files.trees[name] = tree
        elif forms or name in REQUIRED:
            files.unreadable.add(name)
    return files


def _names(directory: Path, files: Files) -> set[str]:
    """The known files that are there. What looks like one and is none would switch off what it says: an error."""
    try:
        is_file = {path.name: path.is_file() for path in directory.iterdir()}
    except OSError as error:
        files.problems.append(
            Problem(str(directory), None, "", f"cannot be read: {error.strerror}", "a site directory")
        )
        return set()
    known = {form: name for name in MODELS for form in _forms(name)}
    for file in sorted(is_file):
        if file.startswith(".") or not file.lower().endswith(READABLE):
            continue
        name = known.get(file, file.rpartition(".")[0].lower())
        if file in known and not is_file[file]:
            files.problems.append(Problem(file, None, "", "is no file", "a file that can be read"))
        elif file not in known and name in MODELS:
            files.problems.append(Problem(file, None, "", "is not read", f"the name {' or '.join(_forms(name))}"))
        elif file not in known:
            one_of = f"one of {', '.join(sorted(known))}"
            files.problems.append(Problem(file, None, "", "is not read", one_of, nearest(file, known), "warning"))
        if name in MODELS and not (file in known and is_file[file]):
            files.unreadable.add(name)
    return {file for file in is_file if file in known and is_file[file]}


def _forms(name: str) -> tuple[str, ...]:
    return (f"{name}.yaml", f"{name}.csv") if name in SHEETS else (f"{name}.yaml",)


def _tree(directory: Path, file: str, name: str, files: Files) -> Section | None:
    if file.endswith(".yaml"):
        return files.yaml(directory / file, file)
    text = files.text(directory / file, file)
    if text is None:
        return None
    tree = Section(Where(file, 1))
    tree[name], problems = sheet.rows(text, file, name)
    tree.lines[name] = 1
    files.problems.extend(problems)
    return tree
