{{ config(materialized='view') }}

-- How new the rows of each account and table are, and how its last sync ended. A shop in which
-- nothing happens gets no new rows, so an old time does not by itself mean that runs fail. A view: it
-- shows what is true when it is asked, and not when it was built.
{% set shown = {
    'orders': 'modified', 'order_lines': 'modified', 'products': 'changed_at',
    'product_history': 'changed_at', 'returns': 'date', 'return_lines': none, 'awbs': none,
    'invoices': 'date', 'customer_invoices': 'date', 'categories': none, 'rejected_rows': 'seen_at',
} %}
with tables as (
    {% for name, changed in shown.items() %}
    select
        marketplace || ':' || account_type || ':{{ name }}' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        '{{ name }}' as table_name,
        count(*) as rows,
        max({{ changed or 'null' }})::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {{ emag_table(name) }} as t
    group by marketplace, account_type
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

syncs as (
    select distinct on (account_key, stream)
        account_key || ':' || stream as freshness_key,
        account_key,
        marketplace,
        account_type,
        stream as table_name,
        ended as last_sync_at,
        state as last_sync_state,
        complete as is_complete,
        read_up_to
    from {{ ref('stg_emag__syncs') }} as sync
    where stream in ('{{ shown.keys() | join("', '") }}')
    order by account_key, stream, ended desc, started desc
)

-- A table that was read and has no rows has a line as well.
select
    coalesce(tables.freshness_key, syncs.freshness_key) as freshness_key,
    coalesce(tables.account_key, syncs.account_key) as account_key,
    coalesce(tables.marketplace, syncs.marketplace) as marketplace,
    coalesce(tables.account_type, syncs.account_type) as account_type,
    coalesce(tables.table_name, syncs.table_name) as table_name,
    coalesce(tables.rows, 0) as rows,
    tables.newest_change_at,
    tables.newest_row_loaded_at,
    syncs.last_sync_at,
    syncs.last_sync_state,
    syncs.is_complete,
    syncs.read_up_to,
    now() as checked_at
from tables
full join syncs on syncs.freshness_key = tables.freshness_key
