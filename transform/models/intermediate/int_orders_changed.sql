{{ config(post_hook='analyze {{ this }}') }}

-- Orders whose rows differ from those that the marts were built from. fct_orders is the last of the
-- orders' facts and keeps in `version` what it was built from, so an interrupted build is repeated.
-- It is not named by ref(): it follows from this model.
{% set built = adapter.get_relation(this.database, target.schema, 'fct_orders') %}
{% set all_orders = flags.FULL_REFRESH or not built %}

with parts as (
    select marketplace, account_type, order_type, order_id, _sdc_batched_at
    from {{ emag_table('order_lines') }} as line
    union all
    select marketplace, account_type, order_type, order_id, _sdc_batched_at
    from {{ emag_table('order_vouchers') }} as voucher
    union all
    select marketplace, account_type, order_type, order_id, _sdc_batched_at
    from {{ emag_table('order_voucher_splits') }} as split
),

loaded as (
    select
        marketplace,
        account_type,
        order_type,
        order_id,
        count(*) as parts,
        sum(extract(epoch from _sdc_batched_at)) as loaded
    from parts
    group by marketplace, account_type, order_type, order_id
),

now_loaded as (
    select
        o.order_key,
        o.marketplace,
        o.account_type,
        o.type,
        o.id,
        concat_ws(
            '/', extract(epoch from o.loaded_at), loaded.parts, loaded.loaded, fx.units_per_eur
        ) as version
    from {{ ref('stg_emag__orders') }} as o
    left join loaded
        on loaded.marketplace = o.marketplace
        and loaded.account_type = o.account_type
        and loaded.order_type = o.type
        and loaded.order_id = o.id
    left join {{ ref('marketplaces') }} as place on place.marketplace = o.marketplace
    left join {{ ref('int_fx_rates') }} as fx
        on fx.currency = o.currency
        and {{ order_date('o', 'place') }} >= fx.valid_from
        and {{ order_date('o', 'place') }} < fx.valid_to
)

select order_key, marketplace, account_type, type, id, version from now_loaded
{% if not all_orders %}
where not exists (
    select from {{ built }} as built
    where built.order_key = now_loaded.order_key and built.version = now_loaded.version
)
union all
select built.order_key, built.marketplace, built.account_type, built.order_type, built.order_id, null
from {{ built }} as built
where not exists (select from now_loaded where now_loaded.order_key = built.order_key)
{% endif %}
