{{ config(materialized='view') }}

-- eMAG's invoices to the seller and the seller's to customers, in one form. `factor` gives lines
-- the sign of their invoice: a storno takes back, whichever sign eMAG sends it with.
select
    invoice_key,
    account_key,
    marketplace,
    account_type,
    'eMAG' as issued_by,
    number,
    category,
    coalesce(name, category_label) as category_label,
    null::bigint as order_id,
    null::text as reverses_number,
    date,
    is_storno,
    case when is_storno and total_with_vat > 0 then -1 else 1 end as factor,
    signed_total_without_vat as net,
    signed_total_vat_value as vat,
    signed_total_with_vat as gross,
    currency,
    loaded_at
from {{ ref('stg_emag__invoices') }} as invoice
union all
select
    customer_invoice_key || ':customer' as invoice_key,
    account_key,
    marketplace,
    account_type,
    'seller' as issued_by,
    number,
    category,
    category_label,
    order_id,
    reversal_for as reverses_number,
    date,
    is_storno,
    case when is_storno and total_with_vat > 0 then -1 else 1 end as factor,
    signed_total_without_vat as net,
    signed_total_vat_value as vat,
    signed_total_with_vat as gross,
    currency,
    loaded_at
from {{ ref('stg_emag__customer_invoices') }} as invoice
