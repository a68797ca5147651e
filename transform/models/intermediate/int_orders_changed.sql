{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook='{{ join_freely() }}',
    post_hook='analyze {{ this }}',
) }}

-- Orders whose rows differ from those that the marts were built from, with what fct_orders had of
-- them: aggregates lose it. fct_orders is the last of the orders' facts and keeps in `version` what
-- it was built from; it is not named by ref(), as it follows from this model. Rows stay until
-- int_built empties the table, so that an interrupted build is repeated.
{% set since = loaded_since() %}
{% set built = adapter.get_relation(this.database, target.schema, 'fct_orders') %}
{# A view of that name is of `emag-ops create-views`, and goes in this build. #}
{% set built = built if built and built.is_table else none %}
{% set built = none if flags.FULL_REFRESH else built %}
{% set since = since if built else none %}
{% set parts_of_orders = ['order_lines', 'order_vouchers', 'order_voucher_splits'] %}

with touched as (
    select marketplace, account_type, type, id
    from {{ emag_table('orders') }} as o
    {% if since %}
    where _sdc_batched_at > {{ since }}
    {% for name in parts_of_orders %}
    union
    select marketplace, account_type, order_type, order_id
    from {{ emag_table(name) }} as part
    where _sdc_batched_at > {{ since }}
    {% endfor %}
    {% endif %}
    {% if built %}
    union
    select marketplace, account_type, order_type, order_id
    from {{ built }} as built
    where not exists (
        select from {{ emag_table('orders') }} as o
        where o.marketplace = built.marketplace
            and o.account_type = built.account_type
            and o.type = built.order_type
            and o.id = built.order_id
    )
    {% endif %}
),

-- Of the two rows of an order that changes its type, the one that came later counts.
keys as (
    select marketplace, account_type, type, id from touched
    {% if built %}
    union
    select marketplace, account_type, case type when 2 then 3 when 3 then 2 end, id from touched
    {% endif %}
),

parts as (
    {% for name in parts_of_orders %}
    select
        part.marketplace, part.account_type, part.order_type, part.order_id, part._sdc_batched_at
    from {{ emag_table(name) }} as part
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

now_loaded as (
    select
        keys.marketplace || ':' || keys.account_type || ':' || keys.type || ':' || keys.id as order_key,
        keys.*,
        case when o.id is not null then
            concat_ws('/', extract(epoch from o._sdc_batched_at), loaded.rows, loaded.loaded)
        end as version
    from keys
    left join {{ emag_table('orders') }} as o
        on o.marketplace = keys.marketplace
        and o.account_type = keys.account_type
        and o.type = keys.type
        and o.id = keys.id
        and {{ is_current_order('o') }}
    -- The parts of few orders are looked up, those of all are counted at once.
    left join {{ 'lateral' if since }} (
        select
            parts.marketplace,
            parts.account_type,
            parts.order_type,
            parts.order_id,
            count(*) as rows,
            sum(extract(epoch from parts._sdc_batched_at)) as loaded
        from parts
        {% if since %}
        where parts.marketplace = keys.marketplace
            and parts.account_type = keys.account_type
            and parts.order_type = keys.type
            and parts.order_id = keys.id
        {% endif %}
        group by parts.marketplace, parts.account_type, parts.order_type, parts.order_id
    ) as loaded
        on loaded.marketplace = keys.marketplace
        and loaded.account_type = keys.account_type
        and loaded.order_type = keys.type
        and loaded.order_id = keys.id
)

select
    now_loaded.order_key,
    now_loaded.marketplace,
    now_loaded.account_type,
    now_loaded.type,
    now_loaded.id,
    now_loaded.version,
    {{ 'built.account_key' if built else 'null::text' }} as account_key,
    {{ 'built.customer_key' if built else 'null::text' }} as customer_key,
    {{ 'built.local_date' if built else 'null::date' }} as local_date,
    {{ 'built.currency' if built else 'null::text' }} as currency
from now_loaded
{% if built %}
left join {{ built }} as built on built.order_key = now_loaded.order_key
where {{ 'built.version is distinct from now_loaded.version' if since else 'true' }}
    and (built.order_key is not null or now_loaded.version is not null)
{% else %}
where now_loaded.version is not null
{% endif %}
{% if is_incremental() %}
except select * from {{ this }}
{% endif %}
