"""Finds the settings of the loader, and connects with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from tap_emag.errors import ConfigurationError
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.ops.warehouse import WAIT, parameters_of
from tap_emag.postgres_errors import login_problem, missing_login

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def loader_config(root: Path, loader: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the loader's settings; those that are not in meltano.yml come from Meltano.

    Raises:
        ConfigurationError: There is no such loader, or a login is incomplete.
    """
    plugins = PluginConfig(root, "loaders", environment)
    config = plugins.config(loader)
    if not config:
        problem = f"--loader: the project has no {loader!r}; tables are prepared for Postgres only"
        raise ConfigurationError([problem])
    if missing_login(config):
        from tap_emag.ops.doctor.meltano import Meltano  # noqa: PLC0415 - a large import

        config = Meltano(root).config_of(loader)
    wrong = login_problem(config)
    if wrong:
        raise ConfigurationError(["; ".join(wrong)])
    if str((config.get("ssh_tunnel") or {}).get("enable")).lower() == "true":
        problem = "ssh_tunnel: the loader's own tunnel is not used here; open one outside of it"
        raise ConfigurationError([problem])
    return config


def schema_of(config: Mapping[str, Any]) -> str:
    """Return the schema of the loader's tables.

    Raises:
        ConfigurationError: It is not set.
    """
    schema = str(config.get("default_target_schema") or "")
    if not schema:
        raise ConfigurationError(["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA: is not set; write emag"])
    return schema


def connect(config: Mapping[str, Any], loader: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection with autocommit, logged in as the loader.

    Raises:
        ConfigurationError: Its address cannot be read.
        psycopg.Error: Postgres does not answer, or refuses the login.
    """
    try:
        given = parameters_of(config)
    except (psycopg.ProgrammingError, ValueError):
        raise ConfigurationError([f"{loader}: its address cannot be read"]) from None
    return psycopg.connect(**given, connect_timeout=WAIT, autocommit=True)
