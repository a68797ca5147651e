"""The codes that eMAG sends, by the name of the tap's code list, which has the documented ones."""

from __future__ import annotations

from tap_emag.streams.codes.table import CODE_TABLES

# Seen by clients of the API.
OBSERVED = {"delivery_modes": {"Livrare 6H"}, "attachment_types": {"13"}}
# Sent by the sandbox in place of codes that eMAG may add, or does not list.
INVENTED = {
    "characteristic_types": {"75"},
    "awb_status_codes": {"NEW", "PCK", "TRN", "CNC"},
    "invoice_category_codes": {"FT"},  # transport: its cancellation is documented
}
# Lists without a table: a flag of the tap, and a key of a resource that the tap does not read.
WITHOUT_TABLE = {
    "courier_account_statuses": {"0", "1"},
    "hotness": {"COLD", "SUPER COLD"},
}
DOCUMENTED = {codes.table.name: {str(entry[0]) for entry in codes.entries} for codes in CODE_TABLES}
CODES = WITHOUT_TABLE | {
    name: codes | OBSERVED.get(name, set()) | INVENTED.get(name, set())
    for name, codes in DOCUMENTED.items()
}
