{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook=['{{ join_freely() }}', '{{ delete_changed_customers() }}'],
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['customer_key'], 'unique': true}],
) }}

-- Customers by the hash of their id at eMAG: when they bought first and last, and how often.
-- An order that was cancelled does not count. Without date an order counts, but is neither.
select
    customer_key,
    marketplace,
    count(*) as placed_orders,
    count(*) filter (where not is_cancelled) as orders,
    count(distinct account_key) as accounts,
    min(ordered_at) filter (where not is_cancelled) as first_ordered_at,
    min(local_date) filter (where not is_cancelled) as first_order_date,
    max(local_date) filter (where not is_cancelled) as last_order_date,
    count(*) filter (where not is_cancelled) > 1 as is_returning
from {{ ref('fct_orders') }} as o
where customer_key is not null
{% if is_incremental() %}
    and customer_key in ({{ changed_customers() }})
{% endif %}
group by customer_key, marketplace
