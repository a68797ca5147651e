"""Loads the text of the table, and collects what is wrong with it.

No message repeats a line of the text, which may contain a secret.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

from tap_emag.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULTS: Final = "defaults"  # also the key: no account has this name
MERGE: Final = "tag:yaml.org,2002:merge"
TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"


@dataclass
class Problems:
    """Collects sentences, each with the account and the key that it is about."""

    source: str
    texts: list[str] = field(default_factory=list)

    def add(self, account: str, key: str, problem: str) -> None:
        """Add `problem; what to write instead`, once: what defaults have, no account repeats."""
        text = self._text(account, key, problem)
        if not {text, self._text(DEFAULTS, key, problem)} & {*self.texts}:
            self.texts.append(text)

    def _text(self, account: str, key: str, problem: str) -> str:
        place = account if account == DEFAULTS else f"account {account}" if account else ""
        return ": ".join(part for part in (self.source, place, key, problem) if part)

    def mapping(self, account: str, key: str, given: object) -> dict[str, Any]:
        """Return a mapping with texts as keys; add a problem if it is something else."""
        if given is None:
            return {}
        if not isinstance(given, dict):
            self.add(account, key, "is not a mapping; write `key: value` lines below it")
            return {}
        return {str(each): value for each, value in given.items()}

    def check_keys(self, account: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
        """Add a problem for each key that is unknown."""
        for key in given:
            if key not in known:
                self.add(account, shown(key), unknown(key, known))

    def raise_any(self) -> None:
        """Raise what was collected.

        Raises:
            ConfigurationError: There is a problem.
        """
        if self.texts:
            raise ConfigurationError(self.texts)


def unknown(key: str, known: tuple[str, ...]) -> str:
    """Return the problem of an unknown key, with the known one that is most like it."""
    near = difflib.get_close_matches(key, known, 1)
    return f"is unknown; write {near[0]}" if near else f"is unknown; use one of {', '.join(known)}"


def shown(key: str) -> str:
    """Return a key as a message may repeat it: a line without a key may be a secret."""
    return key if re.fullmatch(r"[a-z][a-z_-]{0,39}", key) else "a key"


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, and leaves dates as they are written.

    YAML itself would take the last key, and fail at a date such as 2026-02-30.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        keys = [key.value for key, _ in node.value if key.tag != MERGE]
        if len({*map(str, keys)}) != len(keys):
            raise yaml.constructor.ConstructorError(
                problem="a key is there twice", problem_mark=node.start_mark
            )
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def loaded(text: str, source: str) -> dict[str, Any]:
    """Return the mapping that a text in YAML or JSON contains.

    Raises:
        ConfigurationError: It contains something else.
    """
    # The error does not quote the line: it may contain a secret.
    try:
        found = _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        twice = "a key is there twice" in str(getattr(error, "problem", ""))
        what = "a key is there twice" if twice else "is not YAML"
        where = f", see line {mark.line + 1}" if mark else ""
        raise ConfigurationError([f"{source}: {what}{where}; correct it"]) from None
    if found is not None and not isinstance(found, dict):
        raise ConfigurationError([f"{source}: is not a table; begin it with `accounts:`"])
    return {str(key): value for key, value in (found or {}).items()}
