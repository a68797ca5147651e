"""`python -m benchmarks.questions`: how long each of the twelve questions takes in a large shop.

The real pipeline loads a shop of 100,000 orders. The marts are plain views first, then tables that
dbt builds. Versions of offers are added by SQL, as a year of runs would have written them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.others import Others
from benchmarks.page_parts import put
from benchmarks.report import Machine
from benchmarks.runs import ROOT
from benchmarks.shop import open_shop
from emag_sandbox.demo.pipeline import Pipeline, PipelineError
from emag_sandbox.postgres.server import open_postgres
from tap_emag.ops.report.answers import ask, questions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.postgres.server import Postgres
    from tap_emag.ops.report.answers import Answer

PAGE: Final = ROOT / "docs" / "questions.md"
BEGIN, END = "<!-- speed begins -->\n", "<!-- speed ends -->"
MOST: Final = 1.0  # seconds of a question
ROUNDS: Final = 5
DAYS: Final = 365
OFFERS, RETURNS = 2500, 300
VERSIONS: Final = 40  # of each offer, in the past year
HISTORY: Final = """
INSERT INTO emag.product_history (
    marketplace, account_type, id, changed_at, change, status, sale_price, currency,
    general_stock, buy_button_rank, number_of_offers, _sdc_batched_at
)
SELECT marketplace, account_type, id, changed_at - make_interval(days => 9 * version), 'updated',
    status, sale_price * (100 + (id + version) %% 7) / 100, currency, (id * version) %% 50,
    1 + (id + version / 5) %% 3, 4, _sdc_batched_at
FROM emag.products CROSS JOIN generate_series(1, %s) AS version
"""


@dataclass(frozen=True)
class Timed:
    """A question, the number of rows of its answer, and its seconds.

    Attributes:
        name: Of the question.
        rows: Of the answer.
        seconds: On tables: the median of all rounds.
        of_views: On plain views, once.
    """

    name: str
    rows: int
    seconds: float
    of_views: float


def main() -> int:
    """Measure and print; return 1 if a question takes too long or the pipeline failed."""
    parser = argparse.ArgumentParser(prog="benchmarks.questions", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="of the plugins")
    parser.add_argument("--write", action="store_true", help="also write docs/questions.md")
    options = parser.parse_args()
    others = Others()
    try:
        timed = measure(options.orders, options.folder.resolve())
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    text = section(timed, options.orders, Machine.this(others.share()))
    print(text)
    if options.write:
        put(PAGE, BEGIN, END, f"{BEGIN}{text}{END}\n")
    return int(any(each.seconds >= MOST for each in timed))


def measure(orders: int, folder: Path) -> list[Timed]:
    """Load a shop, build its marts, and ask.

    Raises:
        PipelineError: Meltano failed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="tap-emag-questions-") as scratch,
        open_postgres() as postgres,
        open_shop(
            orders=orders,
            offers=OFFERS,
            returns=RETURNS,
            history_days=DAYS,
            categories=90,
            localities=90,
            extreme_amount=False,
            limits=False,
        ) as shop,
    ):
        environment = {
            **postgres.environment(),
            "TAP_EMAG_API_URL": shop.url,
            "TAP_EMAG_USERNAME": "demo",
            "TAP_EMAG_PASSWORD": "demo",
            "TAP_EMAG_START_DATE": (
                datetime.now(timezone.utc) - timedelta(days=DAYS + 1)
            ).isoformat(),
            "MELTANO_DATABASE_URI": f"sqlite:///{scratch}/meltano.db",
            "XDG_STATE_HOME": scratch,
        }
        folder.mkdir(exist_ok=True)
        pipeline = Pipeline(folder / "project", environment, folder / "questions.log")
        _step("plugins", pipeline.install().seconds)
        blocks = ("emag-ops:prepare-tables", "tap-emag", "target-postgres")
        _step("load", pipeline.run(*blocks).seconds)
        with postgres.connect() as connection:
            connection.execute(HISTORY, [VERSIONS])
        _step("views", pipeline.call("invoke", "emag-ops", "create-views").seconds)
        of_views = {each.question.name: each.seconds for each in _ask(postgres)}
        with postgres.connect() as connection:
            connection.execute("ANALYZE")
            connection.execute("DROP SCHEMA emag_marts, emag_staging CASCADE")
        built = pipeline.call("invoke", "dbt", "build", "--exclude-resource-type", "test")
        _step("build", built.seconds)
        rounds = zip(*(_ask(postgres) for _ in range(ROUNDS)), strict=True)
        return [_timed(answers, of_views) for answers in rounds]


def _ask(postgres: Postgres) -> list[Answer]:
    with postgres.connect() as connection:
        return [ask(connection, "emag_marts", question) for question in questions()]


def _timed(answers: Sequence[Answer], of_views: Mapping[str, float]) -> Timed:
    name, rows = answers[0].question.name, len(answers[0].rows)
    return Timed(name, rows, statistics.median(each.seconds for each in answers), of_views[name])


def _step(name: str, seconds: float) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {seconds:.0f} s", file=sys.stderr)


def section(timed: list[Timed], orders: int, machine: Machine) -> str:
    """Return the page's part about speed."""
    rows = "\n".join(
        f"| `{each.name}` | {each.rows:,} | {each.seconds:.3f} | {each.of_views:.1f} |"
        for each in timed
    )
    shop = f"{orders:,} orders, {OFFERS:,} offers of {VERSIONS + 1} versions"
    slowest = max(each.seconds for each in timed)
    verdict = "kept" if slowest < MOST else "MISSED"
    return f"""
## How long they take

`python -m benchmarks.questions --write` has written this part: {machine}.

| {shop} | rows | seconds, marts of dbt | seconds, plain views |
| --- | ---: | ---: | ---: |
{rows}
| slowest; promise: below {MOST:.0f} ({verdict}) | | {slowest:.3f} | |

Until the last row has come; on marts of dbt the median of {ROUNDS} rounds, on plain views once.

"""


if __name__ == "__main__":
    sys.exit(main())
