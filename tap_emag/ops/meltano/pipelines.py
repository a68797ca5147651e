"""Finds the runs in Meltano's database that belong to this project's eMAG plugins.

Several projects may share one database, and one project may have other taps. Meltano's table does
not name the project or the plugin, but the state id contains the plugins' names. So a run belongs
to this project when Meltano makes its state id of an environment, an extractor that is this tap,
and a loader, all three declared in meltano.yml. A state id that a user chose does not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml

from tap_emag.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FILE: Final = "meltano.yml"
NAMESPACE, EXECUTABLE = "tap_emag", "tap-emag"
# The one in C reads fifty accounts in a tenth of the time; not every build of PyYAML has it.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
EPHEMERAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}--")  # `meltano el` without a state id


@dataclass(frozen=True)
class OwnPipelines:
    """The environments and loaders of a project, and those of its extractors that are this tap."""

    environments: frozenset[str]
    extractors: frozenset[str]
    loaders: frozenset[str]

    @classmethod
    def of_project(cls, root: Path) -> OwnPipelines:
        """Read meltano.yml, and the files that it includes.

        Raises:
            ConfigurationError: One of them cannot be read.
        """
        found = list(documents(root))
        extractors = {each["name"]: each for each in plugins_of(found, "extractors")}
        return cls(
            frozenset(each["name"] for each in named_in(found, "environments")),
            frozenset(name for name in extractors if is_this_tap(name, extractors)),
            frozenset(each["name"] for each in plugins_of(found, "loaders")),
        )

    def own(self, state_id: str) -> bool:
        """Return whether a run of this state id belongs to this project's eMAG plugins."""
        begin = EPHEMERAL.match(state_id)
        if begin:
            return self._is_pair(state_id[begin.end() :], "--")
        environment, _, rest = state_id.partition(":")
        return environment in self.environments and self._is_pair(rest.partition(":")[0], "-to-")

    def own_of(self, state_ids: Iterable[str]) -> list[str]:
        """Return the state ids that belong to this project's eMAG plugins."""
        return [state_id for state_id in state_ids if self.own(state_id)]

    def _is_pair(self, text: str, between: str) -> bool:
        return any(
            text == f"{extractor}{between}{loader}"
            for extractor in self.extractors
            for loader in self.loaders
        )


def is_this_tap(name: str, extractors: Mapping[str, Mapping[str, Any]]) -> bool:
    """Follow `inherit_from` to the plugin that names the command, and check that it is this tap."""
    known = set()
    while name in extractors and name not in known:
        known.add(name)
        plugin = extractors[name]
        if plugin.get("namespace") == NAMESPACE:
            return True
        executable = plugin.get("executable")
        if executable:
            return str(executable).rpartition("/")[2] == EXECUTABLE
        name = str(plugin.get("inherit_from"))
    return False


def documents(root: Path, without: Path | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield the contents of meltano.yml, and of the files that it includes, `without` one of them.

    Raises:
        ConfigurationError: One of them cannot be read.
    """
    document = _read(root / FILE)
    yield document
    for pattern in document.get("include_paths") or []:
        for path in sorted(root.glob(str(pattern))):
            if path not in {root / FILE, without}:
                yield _read(path)


def safe_load(text: str) -> Any:  # noqa: ANN401 - any value of YAML
    """Return what a YAML text contains, as plain values.

    Raises:
        YAMLError: It is not YAML.
    """
    return LOADER(text).get_single_data()


def _read(path: Path) -> Mapping[str, Any]:
    # The error does not quote what cannot be parsed: it may contain a secret.
    try:
        found = safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = str(error.strerror)
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = "not YAML" + (f", see line {mark.line + 1}" if mark else "")
    else:
        return found if isinstance(found, dict) else {}
    problem = (
        f"{path}: cannot be read ({reason}); emag-ops looks there for the names of the project's"
        " eMAG plugins, so that it leaves other runs alone"
    )
    raise ConfigurationError([problem])


def plugins_of(documents: list[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield the plugins of a kind in the files of a project."""
    return named_in([document.get("plugins") or {} for document in documents], kind)


def named_in(documents: list[Mapping[str, Any]], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of a list in the files of a project that have a name."""
    for document in documents:
        for each in document.get(key) or []:
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                yield each
