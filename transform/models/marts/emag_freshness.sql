-- How new the rows of each account and table are. A shop in which nothing happens gets no new rows,
-- so an old time does not by itself mean that runs fail.
{% set shown = {
    'orders': 'modified', 'order_lines': 'modified', 'products': 'changed_at',
    'product_history': 'changed_at', 'returns': 'date', 'return_lines': none, 'awbs': none,
    'invoices': 'date', 'customer_invoices': 'date', 'categories': none, 'rejected_rows': 'seen_at',
} %}
{% for name, changed in shown.items() %}
select
    marketplace || ':' || account_type || ':{{ name }}' as freshness_key,
    marketplace || ':' || account_type as account_key,
    marketplace,
    account_type,
    '{{ name }}' as table_name,
    count(*) as rows,
    max({{ changed or 'null' }})::timestamptz as newest_change_at,
    max(_sdc_batched_at) as newest_row_loaded_at,
    now() as checked_at
from {{ emag_table(name) }} as t
group by marketplace, account_type
{{ 'union all' if not loop.last }}
{% endfor %}
