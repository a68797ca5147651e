{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook='{{ delete_all() }}',
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['offer_key'], 'unique': true}],
) }}

-- Offers as they are now; one that is gone stays, as it was last, with `gone_at`.
select
    offer.offer_key,
    offer.account_key,
    offer.marketplace,
    offer.account_type,
    offer.id as product_id,
    offer.part_number,
    offer.part_number_key,
    offer.name,
    coalesce(offer.brand_name, offer.brand) as brand,
    offer.category_id,
    category.name as category,
    offer.ean,
    offer.status,
    offer.status_label,
    offer.validation_status,
    offer.validation_status_label,
    offer.offer_validation_status,
    offer.offer_validation_status_label,
    offer.translation_validation_status,
    offer.translation_validation_status_label,
    -- Without a check of the translation it is taken for passed, as eMAG sells such offers.
    coalesce(
        offer.gone_at is null
        and offer.status_sellable
        and offer.offer_validation_status_sellable
        and offer.validation_status_sellable
        and coalesce(offer.translation_validation_status_sellable, true)
        and offer.general_stock > 0,
        false
    ) as is_sellable,
    offer.general_stock as stock,
    offer.sale_price as price_net,
    rate.vat_fraction as vat_rate,
    offer.sale_price * (1 + rate.vat_fraction) as price_gross,
    offer.recommended_price as recommended_price_net,
    offer.best_offer_sale_price,
    offer.currency,
    commission.value as commission_percent,
    offer.buy_button_rank,
    offer.gone_at is null and coalesce(offer.buy_button_rank = 1, false) as has_buy_button,
    offer.number_of_offers,
    offer.changed_at,
    offer.gone_at,
    offer.loaded_at
from {{ ref('stg_emag__products') }} as offer
left join {{ ref('stg_emag__categories') }} as category
    on category.category_key = offer.category_key
left join {{ ref('stg_emag__vat_rates') }} as rate on rate.vat_rate_key = offer.vat_rate_key
left join {{ ref('stg_emag__commissions') }} as commission
    on commission.offer_key = offer.offer_key
