"""Finds the settings of the loader that a command connects with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_emag.errors import ConfigurationError
from tap_emag.ops.doctor.meltano import Meltano
from tap_emag.ops.meltano.plugin_config import PluginConfig
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
        config = Meltano(root).config_of(loader)
    wrong = login_problem(config)
    if wrong:
        raise ConfigurationError(["; ".join(wrong)])
    if str((config.get("ssh_tunnel") or {}).get("enable")).lower() == "true":
        problem = "ssh_tunnel: the loader's own tunnel is not used here; open one outside of it"
        raise ConfigurationError([problem])
    return config
