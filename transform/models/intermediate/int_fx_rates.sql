{{ config(materialized='view') }}

-- The rate of each currency, from a day on until the next rate.
select
    currency,
    valid_from,
    lead(valid_from, 1, 'infinity') over (partition by currency order by valid_from) as valid_to,
    units_per_eur
from {{ ref('fx_rates') }} as rate
