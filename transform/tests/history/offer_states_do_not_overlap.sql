-- One state at a time, and one state of now.
select one.offer_version_key
from {{ ref('dim_offers_history') }} as one
inner join {{ ref('dim_offers_history') }} as other
    on other.offer_key = one.offer_key and other.valid_from > one.valid_from
where other.valid_from < coalesce(one.valid_to, 'infinity')
