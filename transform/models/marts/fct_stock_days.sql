{{ config(
    materialized='incremental',
    incremental_strategy='append',
    pre_hook='{{ delete_stock_days() }}',
    post_hook='{{ analyze_new() }}',
    indexes=[
        {'columns': ['offer_key', 'local_date'], 'unique': true},
        {'columns': ['account_key', 'local_date']},
        {'columns': ['local_date']},
    ],
) }}

-- depends_on: {{ ref('int_offers_changed') }}
-- A row for each offer and day, from the first version that a run saw, up to today. The last days
-- that are built were not over, and are built again; so are those since a version that came late.
with versions as (
    select
        version.*,
        {% if is_incremental() %}
        greatest(
            {{ local_date('version.valid_from') }},
            least(changed.from_day, {{ first_open_day() }})
        ) as first_day,
        {% else %}
        {{ local_date('version.valid_from') }} as first_day,
        {% endif %}
        -- The moment at which a version ends belongs to the next one.
        (
            (coalesce(version.valid_to, now()) - interval '1 microsecond')
            at time zone coalesce(place.timezone, 'UTC')
        )::date as last_day
    from {{ ref('dim_offers_history') }} as version
    {% if is_incremental() %}
    left join {{ ref('int_offers_changed') }} as changed on changed.offer_key = version.offer_key
    {% endif %}
    left join {{ ref('marketplaces') }} as place on place.marketplace = version.marketplace
),

days as (
    select
        versions.*,
        day::date as local_date,
        row_number() over (
            partition by versions.offer_key, day order by versions.valid_from desc
        ) as from_last,
        min(versions.stock) over (partition by versions.offer_key, day) as lowest_stock,
        bool_or(versions.has_buy_button) over (partition by versions.offer_key, day)
            as had_buy_button
    from versions
    cross join lateral generate_series(
        versions.first_day::timestamp, versions.last_day::timestamp, interval '1 day'
    ) as day
)

select
    offer_key || ':' || local_date as stock_day_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    local_date,
    stock as closing_stock,
    lowest_stock,
    coalesce(lowest_stock <= 0, false) as was_out_of_stock,
    price_net,
    currency,
    status,
    buy_button_rank,
    has_buy_button,
    had_buy_button,
    loaded_at
from days
where from_last = 1
