"""Words for the names of invented goods, people and places; none of them is real."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

GOODS: Final = (
    "Cană ceramică", "Lanternă LED", "Husă telefon", "Încărcător rapid", "Șosete groase",
    "Țesătură decorativă", "Pernă ergonomică", "Tigaie antiaderentă", "Cutie depozitare",
    "Lampă de birou", "Rucsac școlar", "Mănuși de iarnă", "Trotinetă pliabilă", "Scăunel înalt",
    "Prelungitor cu întrerupător", "Cafea măcinată", "Apă minerală", "Suc de mere",
    "Detergent lichid", "Joc de societate", "Cârlige perete", "Vopsea lavabilă",
)  # fmt: skip
KINDS: Final = (
    "alb", "negru", "roșu", "verde închis", "albastru", "bej", "8 bucăți", "set 2 în 1",
    "mărime 36", "pentru copii", "XXL", "cu capac", "fără fir", "500 ml", "ediție aniversară",
)  # fmt: skip
BRANDS: Final = ("DemoBrand", "Exemplar", "Probă & Co", "Țintar", "Știucă Test", "Inventat")
GIVEN: Final = ("Client", "Ștefănița", "Țuțu", "Îngerel", "Probă", "Anonima", "Persoana", "Ionică")
FAMILY: Final = ("Unu", "Doi", "Trei", "Exemplu", "Exemplescu", "Inventatu", "Închipuit", "Țintă")
TOWNS: Final = (
    "Oraș Test", "Brădeni de Probă", "Târgu Exemplu", "Șoimușul Inventat", "Valea Demo",
    "Țigănașul Fictiv", "Întorsura Probei", "Băile Test",
)  # fmt: skip
COUNTIES: Final = ("Județ Test", "Județul Exemplu", "Ținutul Demo", "Județ Probă")
STREETS: Final = ("Strada Exemplu", "Strada Mărului Demo", "Bulevardul Fictiv", "Aleea Științei")
NOTES: Final = (
    "Sunați înainte de livrare, vă rog!", "Lăsați coletul la vecin", "Interfon 00, scara „B”",
    "Împachetare cadou & felicitare", "Livrare după ora 18\nMulțumesc",
)  # fmt: skip
ROMANIAN: Final = {
    1: "Lipsă stoc", 2: "Anulat de client", 3: "Clientul nu poate fi contactat",
    15: "Termen livrare curier prea mare", 23: "Clientul s-a răzgândit",
    24: "La cererea clientului", 25: "Livrare eșuată", 21: "Alt motiv",
}  # fmt: skip
REASONS: Final = tuple(
    (code, ROMANIAN.get(code, f"Motivul {code}")) for code in (1, 2, 3, *range(15, 44))
)
VALIDATIONS: Final = (
    (9, "Approved documentation"), (11, "Update awaiting approval"), (12, "Update rejected"),
    (8, "Rejected documentation"), (4, "New documentation pending"), (3, "Pending EAN approval"),
    (1, "Marketplace validation"), (10, "Blocked"), (0, "Draft"), (2, "Brand validation"),
    (5, "Rejected brand"), (6, "Rejected EAN"),
)  # fmt: skip
TRANSLATIONS: Final = (
    *VALIDATIONS, (13, "Waiting for a saleable offer"), (15, "Translation in progress"),
    (16, "Translation queued"), (17, "Partially translated"), (14, "Translation failed"),
)  # fmt: skip
DESCRIPTIONS: Final = (
    "<p>Produs &icirc;ncercat &amp; potrivit &ndash; bun de d&#259;ruit.</p>",
    "<ul><li>Ușor de curățat</li><li>Greutate &lt; 1&nbsp;kg</li></ul>",
    "<p><strong>Atenție!</strong> Nu lăsați la îndemâna copiilor sub 3&nbsp;ani.</p>",
    '<div class="demo">Lungime: 30&nbsp;cm x 20&nbsp;cm<br/>Culoare: „țiglă”</div>',
    "<p>Garanție 24 luni. Întrebări? Scrieți la <em>ajutor@example.invalid</em></p>",
)
UNKNOWN: Final = ("loyalty_tier", "green_points", "source_app", "routing_hint")
HUGE_PRICE: Final = Decimal("123456789012.3457")
