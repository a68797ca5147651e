{{ config(post_hook='analyze {{ this }}') }}

-- depends_on: {{ ref('int_orders_changed') }}
-- Returns of which a row was loaded since the last build, or whose order changed, and its prices.
{% set since = loaded_since() %}
{% set built = adapter.get_relation(this.database, target.schema, 'fct_return_lines') %}
{# A view of that name is of `emag-ops create-views`, and goes in this build. #}
{% set built = built if built and built.is_table else none %}

with touched as (
    select marketplace, account_type, emag_id
    from {{ emag_table('returns') }} as r
    {% if since and built %}
    where _sdc_batched_at > {{ since }}
    union
    select marketplace, account_type, return_emag_id
    from {{ emag_table('return_lines') }} as line
    where _sdc_batched_at > {{ since }}
    union
    select marketplace, account_type, return_id
    from {{ built }} as built
    where order_key in (select order_key from {{ ref('int_orders_changed') }})
    {% endif %}
)

select
    marketplace || ':' || account_type || ':' || emag_id as return_key,
    marketplace,
    account_type,
    emag_id
from touched
