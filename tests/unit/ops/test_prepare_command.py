"""`emag-ops prepare-tables` finds login, schema, selection and maps as a job gets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from meltano.core.utils import expand_env_vars

from tap_emag.ops.cli import run
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.ops.tables.declared import declared_tables, selections

if TYPE_CHECKING:
    from pathlib import Path

    from emag_sandbox.postgres.server import Postgres

PROJECT: dict[str, Any] = {
    "default_environment": "dev",
    "plugins": {
        "extractors": [
            {
                "name": "tap-emag",
                "namespace": "tap_emag",
                "executable": "tap-emag",
                "select": ["*.*", "!order_volumetry.*"],
                "config": {
                    "stream_map_config": {"salt": "$SALT"},
                    "stream_maps": {"orders": {"customer": "__NULL__"}},
                },
            },
            {
                "name": "tap-emag-returns",
                "inherit_from": "tap-emag",
                "select": ["returns.*"],
                "config": {"stream_maps": {"returns": {"customer_name": "__NULL__"}}},
            },
            {"name": "tap-other", "namespace": "tap_other", "executable": "tap-other"},
        ],
        "loaders": [
            {
                "name": "target-postgres",
                "settings": [
                    {"name": "host"},
                    {"name": "port", "value": 5432},
                    {"name": "user"},
                    {"name": "password"},
                    {"name": "database"},
                    {"name": "sqlalchemy_url"},
                    {"name": "default_target_schema", "value": "emag"},
                    {"name": "add_record_metadata", "value": True},
                ],
                "config": {"host": "${DB_HOST}"},
            },
            {"name": "second", "inherit_from": "target-postgres"},
        ],
    },
    "environments": [
        {"name": "dev"},
        {
            "name": "prod",
            "config": {
                "plugins": {
                    "loaders": [
                        {"name": "target-postgres", "config": {"default_target_schema": "shop"}}
                    ],
                    "extractors": [{"name": "tap-emag-returns", "select": ["products.*"]}],
                }
            },
        },
    ],
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(PROJECT), encoding="utf-8")
    monkeypatch.setenv("MELTANO_PROJECT_ROOT", str(tmp_path))
    return tmp_path


def loader(root: Path, name: str = "target-postgres", **variables: str) -> dict[str, Any]:
    return PluginConfig(root, "loaders", variables).config(name)


def test_variables_come_before_the_environment_before_the_plugin(root: Path) -> None:
    assert loader(root, DB_HOST="db") == {
        "host": "db",
        "port": 5432,
        "default_target_schema": "emag",
        "add_record_metadata": True,
    }
    production = {"MELTANO_ENVIRONMENT": "prod", "TARGET_POSTGRES_HOST": "other"}
    found = loader(root, **production)
    assert (found["host"], found["default_target_schema"]) == ("other", "shop")
    production["TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA"] = "mine"
    assert loader(root, **production)["default_target_schema"] == "mine"
    assert loader(root, "second", **production, SECOND_HOST="third")["host"] == "third"
    assert loader(root, "second", **production)["host"] == "other"
    assert loader(root, "nowhere") == {}


@pytest.mark.parametrize(
    "text",
    [
        "$DB_HOST",
        "a${DB_HOST}b",
        "$db_host",
        "$uper",
        "a$DB_HOSTb",
        r"\$DB_HOST",
        r"\${db}",
        "$NONE.a",
        "${none}a",
        "$1",
        "a$",
        "$$DB_HOST",
        "${}",
    ],
)
def test_a_value_of_the_project_is_expanded_as_meltano_does(root: Path, text: str) -> None:
    document = {"plugins": {"loaders": [{"name": "other", "config": {"database": text}}]}}
    (root / "meltano.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    variables = {"DB_HOST": "db", "db_host": "lower"}
    assert loader(root, "other", **variables)["database"] == expand_env_vars(text, variables)


def test_selections_are_those_of_the_tap_s_plugins(root: Path) -> None:
    first, second = selections(root, {"SALT": "x"})
    assert first.patterns == ("*.*", "!order_volumetry.*")
    assert first.map_config == {"salt": "x"}
    assert second.patterns == ("returns.*",)
    assert second.maps.keys() == {"orders", "returns"}
    _, second = selections(root, {"MELTANO_ENVIRONMENT": "prod"})
    assert second.patterns == ("products.*",)
    given = {"TAP_EMAG__SELECT": '["orders.id"]', "TAP_EMAG_STREAM_MAPS": '{"orders": null}'}
    first, second = selections(root, given)
    assert first.patterns == ("orders.id",)
    assert first.maps == {"orders": None}
    assert second.patterns == ("returns.*",)


def test_a_column_that_one_plugin_loads_is_created(root: Path) -> None:
    tables = declared_tables(selections(root, {}))
    assert "customer" not in tables["orders"].loaded
    assert "customer_name" in tables["returns"].loaded, "the first plugin does not drop it"
    assert tables["order_volumetry"].loaded == set()


@pytest.mark.usefixtures("root")
def test_the_command_prepares_the_schema_of_the_loader(
    database: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "emag-ops")
    for name, text in database.environment().items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA", "shop")
    assert run(["prepare-tables"]) == 0
    assert any(line.startswith("tables created: ") for line in caplog.messages)
    caplog.clear()
    assert run(["prepare-tables"]) == 0
    assert caplog.messages == []
    with database.connect() as connection:
        query = "SELECT schemaname FROM pg_tables WHERE tablename = 'orders'"
        assert connection.execute(query).fetchall() == [("shop",)]
        connection.execute("ALTER TABLE shop.orders DROP COLUMN marketplace CASCADE")
        connection.commit()
    assert run(["prepare-tables"]) == 1
    assert run(["prepare-tables", "--keep-going"]) == 0
    assert all("shop.orders lacks key columns" in line for line in caplog.messages)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("variables", "code", "text"),
    [
        ({"TARGET_POSTGRES_PORT": "1"}, 1, "nothing listens at this host and port"),
        ({"TARGET_POSTGRES_SQLALCHEMY_URL": "nothing"}, 2, "SQLALCHEMY_URL: is not an address"),
    ],
)
def test_a_database_that_cannot_be_reached_stops_no_job(
    variables: dict[str, str],
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    login = {"HOST": "127.0.0.1", "PORT": "1", "USER": "u", "PASSWORD": "secret", "DATABASE": "d"}
    for name, value in {
        **{f"TARGET_POSTGRES_{k}": v for k, v in login.items()},
        **variables,
    }.items():
        monkeypatch.setenv(name, value)
    assert run(["prepare-tables"]) == code
    assert text in caplog.text
    caplog.clear()
    assert run(["prepare-tables", "--keep-going"]) == 0
    assert text in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("root")
def test_another_loader_is_no_reason_to_stop_a_job(caplog: pytest.LogCaptureFixture) -> None:
    assert run(["prepare-tables", "--loader", "target-jsonl"]) == 2
    assert run(["prepare-tables", "--loader", "target-jsonl", "--keep-going"]) == 0
    assert "the project has no 'target-jsonl'" in caplog.text
