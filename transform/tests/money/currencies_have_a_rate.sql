{{ config(severity='warn') }}
-- Currencies of orders without a rate: their amounts in euro are null. Add them to fx_rates.
select currency, count(*) as orders, min(local_date) as first_date
from {{ ref('fct_orders') }}
where currency is not null and units_per_eur is null
group by currency
