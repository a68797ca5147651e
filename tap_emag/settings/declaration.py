"""How a setting is declared: as a field of `Settings`, with metadata that all else follows from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from tap_emag.meltano.variables import variable
from tap_emag.settings.kinds import InvalidError, is_quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from tap_emag.settings.kinds import Kind

    # Takes the settings declared before, checked, and the present moment.
    Derived = Callable[[Mapping[str, Any], datetime], Any]

ABBREVIATIONS = frozenset({"api", "ttl", "url"})  # written in capitals in a label
PLACEHOLDER = "-"  # for a required setting that is wrong, where settings only serve to report that


@dataclass(frozen=True)
class Setting:
    """One declared setting.

    `derived` returns the default where it depends on something; `shown` describes such a one, and
    the meaning of none.
    """

    name: str
    kind: Kind
    description: str
    default: Any = None
    required: bool = False
    secret: bool = False
    derived: Derived | None = None
    shown: str = "none"

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of this setting, with the keys that Singer tools read."""
        schema = {**self.kind.schema(), "title": self.label, "description": self.description}
        if not self.required:
            schema["type"] = [*schema["type"], "null"]
        if self.plain_default is not None:
            schema["default"] = self.plain_default
        return schema | ({"secret": True} if self.secret else {})

    @property
    def label(self) -> str:
        """Return the name as people write it, such as `Webhook URL`."""
        words = [each.upper() if each in ABBREVIATIONS else each for each in self.name.split("_")]
        return " ".join([words[0][0].upper() + words[0][1:], *words[1:]])

    @property
    def plain_default(self) -> Any:  # noqa: ANN401 - any JSON value
        """The default as JSON has it, None where there is none or it is derived."""
        return list(self.default) if isinstance(self.default, tuple) else self.default

    def check(
        self, given: object, before: Mapping[str, Any], now: datetime
    ) -> tuple[Any, str | None]:
        """Return the value, and what is wrong with the given one: the default takes its place.

        Args:
            given: As it was written; absent, null and "" all mean the default.
            before: The settings declared before, checked.
            now: The present moment, aware.
        """
        default = self.derived(before, now) if self.derived else self.default
        if self.required:
            default = PLACEHOLDER
        if given is None or given == "":
            missing = f"is missing; set it, or {variable(self.name)}"
            return default, missing if self.required else None
        if is_quoted(given) and not self.kind.verbatim:
            shown = "" if self.secret else f"{given} "
            return default, f"{shown}has quotation marks round it; write it without them"
        try:
            return self.kind.read(given), None
        except InvalidError as error:
            return default, str(error)


def setting(
    kind: Kind,
    description: str,
    **more: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 - the field's own type
    """Declare a field of `Settings`; a secret one is not shown.

    Args:
        kind: What its values are.
        description: A sentence for users.
        more: `default`, `required`, `secret`, `derived`, `shown`.
    """
    metadata = {"kind": kind, "description": description, **more}
    return field(repr=not more.get("secret"), metadata=metadata)


def declared(owner: type) -> tuple[Setting, ...]:
    """Return the settings that a dataclass declares."""
    return tuple(Setting(each.name, **each.metadata) for each in fields(owner))
