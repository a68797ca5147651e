{{ config(post_hook='analyze {{ this }}') }}

-- Offers of which a version was loaded since the last build, with the day of the earliest one.
{% set since = loaded_since() %}

with versions as (
    select offer_key, marketplace, account_type, id, changed_at, loaded_at
    from {{ ref('stg_emag__product_history') }}
    union all
    select offer_key, marketplace, account_type, id, changed_at, loaded_at
    from {{ ref('stg_emag__product_deletions') }}
)

select
    version.offer_key,
    version.marketplace,
    version.account_type,
    version.id,
    {{ "min(" ~ local_date('version.changed_at') ~ ")" if since else "date '-infinity'" }} as from_day
from versions as version
left join {{ ref('marketplaces') }} as place on place.marketplace = version.marketplace
{% if since %}where version.loaded_at > {{ since }}{% endif %}
group by version.offer_key, version.marketplace, version.account_type, version.id
