"""What the kill loop looks at after each run tells of every kind of loss, and of nothing else."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from psycopg import sql

from tests.crash.loop import unlike_the_shop
from tests.crash.promises import History, rows_behind_the_state
from tests.crash.server import mortal_postgres
from tests.crash.shop import MovingShop, moving_shop
from tests.crash.stage import PAIR, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import LiteralString

    from emag_sandbox.postgres.server import Postgres

pytestmark = pytest.mark.meltano

ONE = "ctid = (SELECT max(ctid) FROM emag.{})"


@dataclass(frozen=True)
class Loaded:
    """A shop that was read once, and where to."""

    stage: Stage
    state: dict[str, Any]
    history: History

    @property
    def shop(self) -> MovingShop:
        return self.stage.shop

    def copy(self, damage: LiteralString = "SELECT 1") -> Postgres:
        """Return a database with the same tables, except for some damage."""
        name = f"copy_{uuid4().hex[:12]}"
        make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with self.stage.server.at("postgres").connect() as connection:
            made = make.format(sql.Identifier(name), sql.Identifier(self.stage.server.database))
            connection.execute(made)
        database = self.stage.server.at(name)
        with database.connect() as connection:
            assert connection.execute(damage).rowcount == 1
        return database

    def behind(self, database: Postgres) -> list[str]:
        return rows_behind_the_state(database, self.shop.sandbox.world, self.state)


@pytest.fixture(scope="module")
def loaded(
    meltano_plugins: Any,  # noqa: ANN401 - a path
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Loaded]:
    chance = random.Random(1)
    with mortal_postgres() as server, moving_shop(chance) as shop:
        folder = tmp_path_factory.mktemp("loaded")
        stage = Stage.set_up(folder, meltano_plugins, shop, server, "sqlite")
        stage.project.run(*PAIR)
        state, history = stage.state(), History(shop)
        history.follow(server, state, state)  # as if it had not been the first run
        yield Loaded(stage, state, history)


def test_where_nothing_is_damaged_nothing_is_told(loaded: Loaded) -> None:
    copy = loaded.copy()
    assert unlike_the_shop(copy, loaded.shop) == []
    assert loaded.behind(copy) == []
    assert loaded.history.twice(copy) == (0, [])
    assert loaded.history.untold(copy) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (f"DELETE FROM emag.orders WHERE {ONE.format('orders')}", "is missing, bookmark"),
        (f"DELETE FROM emag.order_lines WHERE {ONE.format('order_lines')}", "not all of its lines"),
        (
            f"UPDATE emag.orders SET modified = '2020-01-01' WHERE {ONE.format('orders')}",
            "is an old version",
        ),
        (f"DELETE FROM emag.products WHERE {ONE.format('products')}", "and is not there"),
    ],
)
def test_a_state_that_is_ahead_of_its_rows_is_told(
    loaded: Loaded, damage: LiteralString, told: str
) -> None:
    copy = loaded.copy(damage)
    [only] = loaded.behind(copy)
    assert told in only
    assert unlike_the_shop(copy, loaded.shop)


@pytest.mark.parametrize(
    "damage",
    [
        f"UPDATE emag.products SET sale_price = -1 WHERE {ONE.format('products')}",
        f"DELETE FROM emag.returns WHERE {ONE.format('returns')}",
        f"DELETE FROM emag.return_lines WHERE {ONE.format('return_lines')}",
        f"DELETE FROM emag.return_events WHERE {ONE.format('return_events')}",
    ],
)
def test_what_is_unlike_the_shop_is_told(loaded: Loaded, damage: LiteralString) -> None:
    assert len(unlike_the_shop(loaded.copy(damage), loaded.shop)) == 1


TWICE: LiteralString = f"""
    CREATE TEMPORARY TABLE again AS
        SELECT * FROM emag.product_history WHERE {ONE.format("product_history")};
    UPDATE again SET changed_at = changed_at + interval '1 hour';
    INSERT INTO emag.product_history SELECT * FROM again
"""


def test_a_version_that_is_told_twice_is_counted(loaded: Loaded) -> None:
    number, wrong = loaded.history.twice(loaded.copy(TWICE))
    assert number == 1
    assert len(wrong) == 1


def test_a_version_may_be_told_twice_where_its_first_run_had_no_state(loaded: Loaded) -> None:
    lost = History(loaded.shop)
    lost.follow(loaded.stage.server, {}, {})
    assert lost.twice(loaded.copy(TWICE)) == (1, [])


def test_a_version_that_comes_back_after_a_change_is_not_twice(loaded: Loaded) -> None:
    copy = loaded.copy(TWICE)
    [message] = loaded.history.twice(copy)[1]
    shop = MovingShop(loaded.shop.sandbox, random.Random(1))
    shop._note([int(message.split()[1])])
    assert History(shop, loaded.history.told, loaded.history.had_state).twice(copy) == (0, [])


def test_an_offer_that_goes_untold_is_told(loaded: Loaded) -> None:
    copy = loaded.copy()
    [gone] = loaded.shop.sandbox.world.withdraw_offers(1)
    loaded.shop.withdrawn.add(gone)
    assert loaded.history.untold(copy) == [f"offer {gone} is gone, and was not told"]
