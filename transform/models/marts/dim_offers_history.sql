{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook="{{ delete_changed('int_offers_changed', 'offer_key') }}",
    post_hook='{{ analyze_new() }}',
    indexes=[{'columns': ['offer_key', 'valid_from'], 'unique': true}],
) }}

-- Each state of an offer, from when to when. Neighbours that are equal are one row, so that a
-- version which a run wrote twice changes nothing. A deletion ends a state; nothing covers the time
-- until the offer comes back.
with events as (
    select
        version.offer_key,
        version.account_key,
        version.marketplace,
        version.account_type,
        version.id as product_id,
        version.changed_at,
        version.loaded_at,
        false as is_deletion,
        version.status,
        version.status_label,
        version.sale_price,
        version.recommended_price,
        version.min_sale_price,
        version.max_sale_price,
        version.best_offer_sale_price,
        version.best_offer_recommended_price,
        version.main_offer_price,
        version.currency,
        version.general_stock,
        version.estimated_stock,
        version.offer_validation_status,
        version.validation_status,
        version.translation_validation_status,
        version.buy_button_rank,
        version.number_of_offers
    from {{ ref('stg_emag__product_history') }} as version
    {{ only_changed_offers('version') }}
    union all
    select
        gone.offer_key, gone.account_key, gone.marketplace, gone.account_type, gone.id,
        gone.changed_at, gone.loaded_at, true,
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null
    from {{ ref('stg_emag__product_deletions') }} as gone
    {{ only_changed_offers('gone') }}
),

-- In jsonb 10.0 and 10.00 are equal.
states as (
    select
        events.*,
        jsonb_build_array(
            is_deletion, status, sale_price, recommended_price, min_sale_price, max_sale_price,
            best_offer_sale_price, best_offer_recommended_price, main_offer_price, currency,
            general_stock, estimated_stock, offer_validation_status, validation_status,
            translation_validation_status, buy_button_rank, number_of_offers
        ) as state
    from events
),

neighbours as (
    select
        states.*,
        lag(state) over (partition by offer_key order by changed_at, is_deletion) as state_before
    from states
),

folded as (
    select
        neighbours.*,
        lead(changed_at) over (partition by offer_key order by changed_at, is_deletion) as valid_to
    from neighbours
    where state is distinct from state_before
)

select
    offer_key || ':' || {{ time_in_key('changed_at') }} as offer_version_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    changed_at as valid_from,
    valid_to,
    valid_to is null as is_current,
    status,
    status_label,
    sale_price as price_net,
    recommended_price as recommended_price_net,
    min_sale_price as min_price_net,
    max_sale_price as max_price_net,
    best_offer_sale_price,
    best_offer_recommended_price,
    main_offer_price,
    currency,
    general_stock as stock,
    estimated_stock,
    offer_validation_status,
    validation_status,
    translation_validation_status,
    buy_button_rank,
    coalesce(buy_button_rank = 1, false) as has_buy_button,
    number_of_offers,
    loaded_at
from folded
where not is_deletion
