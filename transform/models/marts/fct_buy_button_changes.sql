{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ delete_changed('int_offers_changed', 'offer_key') }}",
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['offer_version_key'], 'unique': true},
        {'columns': ['offer_key']},
        {'columns': ['account_key', 'local_date']},
    ],
) }}

-- Each time an offer won or lost the buy button, with the prices before and after.
with versions as (
    select
        version.*,
        lag(version.has_buy_button) over following as had_buy_button,
        lag(version.buy_button_rank) over following as rank_before,
        lag(version.price_net) over following as price_net_before,
        lag(version.best_offer_sale_price) over following as best_offer_sale_price_before,
        lag(version.stock) over following as stock_before,
        lag(version.number_of_offers) over following as number_of_offers_before,
        lag(version.valid_to) over following as valid_to_before
    from {{ ref('dim_offers_history') }} as version
    {{ only_changed('version', 'int_offers_changed', 'offer_key') }}
    window following as (partition by version.offer_key order by version.valid_from)
)

select
    offer_version_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    valid_from as changed_at,
    (valid_from at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
    case when has_buy_button then 'won' else 'lost' end as change,
    rank_before,
    buy_button_rank as rank_after,
    price_net_before,
    price_net as price_net_after,
    case
        when price_net > price_net_before then 'raised'
        when price_net < price_net_before then 'lowered'
        else 'unchanged'
    end as own_price,
    best_offer_sale_price_before,
    best_offer_sale_price as best_offer_sale_price_after,
    stock_before,
    stock as stock_after,
    number_of_offers_before,
    number_of_offers as number_of_offers_after,
    is_current,
    currency
from versions
left join {{ ref('marketplaces') }} as place using (marketplace)
where had_buy_button is distinct from has_buy_button
    and had_buy_button is not null
    -- An offer that was gone in between did not change its rank: it came back.
    and valid_to_before = valid_from
