"""Reads the settings of a project's plugins from meltano.yml and the environment.

Meltano itself takes a second or more to print the settings of one plugin. A command that is part of
every job reads them here, in Meltano's order: variables, then the environment's part of
meltano.yml, then the plugin, then the plugin that it inherits from, then the default. What only
Meltano knows, such as settings in its database, is not found here.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tap_emag.meltano.variables import REFERENCE
from tap_emag.ops.meltano.pipelines import documents, named_in, plugins_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Json = dict[str, Any]

ALL: Final = ("*.*",)
VARIABLE: Final = re.compile(rf"(\\)?{REFERENCE.pattern}")  # not after a backslash


class PluginConfig:
    """The plugins of one kind in a project."""

    def __init__(
        self, root: Path, kind: str, environment: Mapping[str, str], *, without: Path | None = None
    ) -> None:
        """Read meltano.yml and the files that it includes.

        Args:
            root: The project's folder.
            kind: extractors, loaders.
            environment: Variables, as Meltano passes them to a plugin.
            without: An included file to leave out.

        Raises:
            ConfigurationError: One of the files cannot be read.
        """
        found = list(documents(root, without))
        active = environment.get("MELTANO_ENVIRONMENT") or next(
            (str(each["default_environment"]) for each in found if "default_environment" in each),
            "",
        )
        parts = [
            each.get("config") or {}
            for each in named_in(found, "environments")
            if each["name"] == active
        ]
        self._variables = environment
        self._plugins = {each["name"]: each for each in plugins_of(found, kind)}
        self._of_environment = {each["name"]: each for each in plugins_of(parts, kind)}

    def config(self, name: str) -> Json:
        """Return the settings of a plugin."""
        merged: Json = {}
        for level in reversed(list(self._lineage(name))):
            plugin, active = self._plugins[level], self._of_environment.get(level, {})
            for setting in plugin.get("settings") or []:
                if "value" in setting:
                    merged.setdefault(setting["name"], setting["value"])
            _merge(merged, self._expanded(plugin.get("config") or {}))
            _merge(merged, self._expanded(active.get("config") or {}))
            _merge(merged, dict(self._of_variables(level, name)))
        return merged

    def select(self, name: str) -> tuple[str, ...]:
        """Return the patterns by which a plugin selects streams and columns."""
        for level in self._lineage(name):
            given = _json(self._variables.get(f"{_prefix(level)}__SELECT"))
            for part in (self._of_environment.get(level, {}), self._plugins[level]):
                given = given or part.get("select")
            if given:
                return tuple(map(str, given))
        return ALL

    def _lineage(self, name: str) -> Iterator[str]:
        """Yield a plugin, the plugin that it inherits from, and so on."""
        known: set[str] = set()
        while name in self._plugins and name not in known:
            known.add(name)
            yield name
            name = str(self._plugins[name].get("inherit_from"))

    def _of_variables(self, level: str, name: str) -> Iterator[tuple[str, Any]]:
        """Yield the settings that variables of one plugin set."""
        declared = (self._plugins[each].get("settings") or [] for each in self._lineage(name))
        known = {str(each["name"]) for settings in declared for each in settings}
        for setting in known | {"stream_maps", "stream_map_config"}:
            text = self._variables.get(f"{_prefix(level)}_{setting.upper()}")
            if text:
                yield setting, _json(text) if setting.startswith("stream_map") else text

    def _expanded(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if isinstance(value, str):
            return VARIABLE.sub(self._value_of, value)
        if isinstance(value, dict):
            return {key: self._expanded(each) for key, each in value.items()}
        return value

    def _value_of(self, found: re.Match[str]) -> str:
        escaped, *names = found.groups()
        return found[0][1:] if escaped else self._variables.get(names[0] or names[1], "")


def _merge(into: Json, given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _prefix(plugin: str) -> str:
    return re.sub(r"\W", "_", plugin).upper()


def _json(text: str | None) -> Any:  # noqa: ANN401 - any JSON value
    with suppress(ValueError):
        return json.loads(text or "null")
    return None
