"""What the API says is one printable line without personal data, wherever it comes out."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emag_sandbox import Sandbox, SandboxConfig
from orchestrate.meltano.output import Output
from tap_emag.quoting import quote, quote_key
from tap_emag.state.store import StateStore
from tests.support.command import run
from tests.support.receiver import Receiver
from tests.support.stores import totals

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Finished

FORGED = "CRITICAL | forged line"
PERSONAL = (
    "ana.pop@example.invalid",
    "0722 123 456",
    "Ion Popescu",
    "RO49 AAAA 1B31 0075 9384 0000",
)
EVIL = (
    f"no\n2026-01-01 00:00:00,000 | {FORGED}\x1b[2J\x1b]0;title\x07\r\u202e<!channel> @here"
    f" <http://evil.invalid|click> name: {PERSONAL[2]}, {PERSONAL[0]} {PERSONAL[1]} {PERSONAL[3]}"
    f" {'long ' * 2000}end"
)
SHOP = SandboxConfig(orders=5, offers=3, history_days=10, scalars="native", limits=False)

MASKED = [
    ("ana@example.invalid is locked", "… is locked"),
    ("ana\u200b@example.invalid", "…"),
    ("ana\uff20example.invalid", "…"),
    ("call +40 722 123 456 now", "call … now"),
    ("call (021) 312-34-56", "call …"),
    ("call 0722.123.456", "call …"),
    ("order 4300000001", "order …"),
    ("order ٤٣٠٠٠٠٠", "order …"),
    ("card 4111 1111 1111 1111", "card …"),
    ("to RO49AAAA1B31007593840000", "to …"),
    ("to RO49 AAAA 1B31 0075 9384 0000.", "to …."),
    ('{"customer_name": "Ion Popescu", "id": 7}', '{"customer_name": "…", "id": 7}'),
    ("nume: Ștefan Ion; x", "nume: …; x"),
    ("sent to Str. Mihai Viteazu nr. 4, Cluj", "sent to …, Cluj"),
]
KEPT = [
    "Field name: brand_id is required",
    "modifiedAfter 2026-01-31 08:00:00 is too early",
    "HTTP 500, 3 of 12 rows; at most 28 days",
    "Too many requests. Please slow down",
    "price 12.50 is below 12.49",
]


@pytest.mark.parametrize(("said", "shown"), MASKED)
def test_what_may_be_a_persons_is_masked(said: str, shown: str) -> None:
    assert quote(said) == shown


@pytest.mark.parametrize("said", KEPT)
def test_what_says_what_to_do_stays(said: str) -> None:
    assert quote(said) == said


@given(st.text(max_size=300) | st.text("ab 0123456789@.\n\x1b", max_size=600))
def test_any_text_becomes_one_short_printable_line(text: str) -> None:
    shown = quote(text)
    assert shown.isprintable()
    assert len(shown) <= 200
    assert not re.search(r"\d{6}|\S@\S", shown)
    assert quote_key(text).isprintable()
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for sign in shown)


def test_a_text_of_megabytes_takes_no_time() -> None:
    assert len(quote("a" * 5_000_000 + "@b")) <= 200
    assert len(quote("1-" * 2_000_000)) <= 200


def harmless(text: str, ended: Finished | None = None) -> None:
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\u202e" not in text
    assert not re.search(rf"(?m)^\S+ \S+ \| {re.escape(FORGED)}", text)
    assert not [each for each in PERSONAL if each in text]
    assert len(text) < (len(EVIL) + 20_000 if ended else 4000)


@pytest.fixture
def refusing() -> Sandbox:
    return Sandbox(replace(SHOP, refusal_text=EVIL, faults={"is_error": 1}))


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_refusal_comes_to_log_and_webhook_as_one_clean_line(
    tmp_path: Path, refusing: Sandbox, form: str
) -> None:
    with Receiver() as receiver, refusing as sandbox:
        values: dict[str, Any] = {"webhook_url": receiver.url, "streams": "orders"}
        ended = run(tmp_path / "1", sandbox, log_format=form, **values)
        slack = run(tmp_path / "2", sandbox, webhook_format="slack", **values)
        told, chat = (delivery.body.decode() for delivery in receiver.received)
    assert (ended.code, slack.code) == (1, 1)
    assert "eMAG refused the request: no 2026-01-01" in ended.log
    harmless(ended.log, ended)
    message = json.loads(told)["message"]
    assert "eMAG refused the request: no 2026-01-01" in message
    harmless(message)
    assert message.isprintable()
    [text] = [b["text"]["text"] for b in json.loads(chat)["blocks"] if "refused" in str(b)]
    harmless(text)
    assert "<!channel>" not in chat
    assert "<http" not in chat
    assert "&lt;!channel&gt;" in text


def test_a_key_comes_to_log_and_metrics_in_quotation_marks(tmp_path: Path) -> None:
    with Sandbox(replace(SHOP, unknown_keys=True, unknown_key=EVIL)) as sandbox:
        ended = run(
            tmp_path, sandbox, streams="orders", metrics_textfile=str(tmp_path / "emag.prom")
        )
    assert ended.code == 0, ended.log
    [line] = [line for line in ended.log.splitlines() if "orders: 'no " in line]
    assert "is not known yet" in line
    assert len(line) < 250
    harmless(ended.log, ended)
    page = (tmp_path / "emag.prom").read_text()
    assert 'emag_unknown_fields{account_type="main"' in page
    harmless(page, ended)
    assert "forged" not in page
    harmless(totals(StateStore(tmp_path / "state")), ended)
    kept = [row for row in ended.rows("orders") if EVIL in (row["extra"] or {})]
    assert kept  # in its table the key is as eMAG sent it


def test_what_an_orchestrator_logs_of_meltano_forges_no_line() -> None:
    output = Output()
    event = json.dumps({"event": EVIL, "level": "error", "name": "x\ny"})
    for raw in (event, f"\x1b[31m{EVIL}"):
        line = output.read(raw)
        assert "\x1b" not in str(line)
        assert not re.search(rf"(?m)^\S+ \S+ \| {re.escape(FORGED)}", str(line))
