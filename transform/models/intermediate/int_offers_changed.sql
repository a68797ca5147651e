{{ config(post_hook='analyze {{ this }}') }}

-- From which day on fct_stock_days has to be built again, for each offer: from its last day, which
-- was not over, or from the earliest version that was loaded since.
{% set built = adapter.get_relation(this.database, target.schema, 'fct_stock_days') %}
{% set all_days = flags.FULL_REFRESH or not built %}

with versions as (
    select marketplace, offer_key, changed_at, loaded_at from {{ ref('stg_emag__product_history') }}
    union all
    select marketplace, offer_key, changed_at, loaded_at from {{ ref('stg_emag__product_deletions') }}
),

days as (
    select
        version.offer_key,
        {{ local_date('version.changed_at') }} as day,
        version.loaded_at
    from versions as version
    left join {{ ref('marketplaces') }} as place on place.marketplace = version.marketplace
)

{% if all_days %}
select offer_key, date '-infinity' as from_day, max(loaded_at) as loaded_at
from days
group by offer_key
{% else %}
, built as (
    select offer_key, max(local_date) as last_day, max(loaded_at) as loaded_at
    from {{ built }}
    group by offer_key
)

select
    days.offer_key,
    coalesce(
        least(
            min(built.last_day),
            min(days.day) filter (where days.loaded_at > built.loaded_at)
        ),
        '-infinity'
    ) as from_day,
    max(days.loaded_at) as loaded_at
from days
left join built on built.offer_key = days.offer_key
group by days.offer_key
{% endif %}
