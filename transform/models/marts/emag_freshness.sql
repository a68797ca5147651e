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
        ended as last_sync_at,
        state as last_sync_state,
        complete as is_complete,
        read_up_to
    from {{ ref('stg_emag__syncs') }} as sync
    order by account_key, stream, ended desc, started desc
)

select
    tables.*,
    syncs.last_sync_at,
    syncs.last_sync_state,
    syncs.is_complete,
    syncs.read_up_to,
    now() as checked_at
from tables
left join syncs on syncs.freshness_key = tables.freshness_key
