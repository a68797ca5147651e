{{ config(severity='warn') }}
-- To the cent; eMAG sends both, the voucher of an order and its parts.
with splits as (
    select order_key, voucher_id, sum(value) as value, sum(vat_value) as vat_value
    from {{ ref('stg_emag__order_voucher_splits') }}
    group by order_key, voucher_id
),

vouchers as (
    select order_key, voucher_id, sum(sale_price) as value, sum(sale_price_vat) as vat_value
    from {{ ref('stg_emag__order_vouchers') }}
    group by order_key, voucher_id
)

select vouchers.order_key, vouchers.voucher_id
from vouchers
left join splits
    on splits.order_key = vouchers.order_key and splits.voucher_id = vouchers.voucher_id
where abs(vouchers.value - coalesce(splits.value, 0)) >= 0.01
    or abs(vouchers.vat_value - coalesce(splits.vat_value, 0)) >= 0.01
