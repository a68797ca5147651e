{{ config(
    materialized='incremental', incremental_strategy='append', pre_hook='{{ delete_all() }}'
) }}

-- Every day from the first order, invoice or version of an offer up to the end of next year.
with first_day as (
    select least(
        (select min(local_date) from {{ ref('agg_daily_sales') }} as t),
        (select min(date) from {{ ref('fct_invoices') }} as t),
        (select min(local_date) from {{ ref('fct_stock_days') }} as t),
        current_date
    ) as day
),

days as (
    select generate_series(
        date_trunc('year', first_day.day),
        date_trunc('year', current_date) + interval '2 years' - interval '1 day',
        interval '1 day'
    )::date as date_day
    from first_day
)

select
    date_day,
    extract(year from date_day)::int as year,
    extract(quarter from date_day)::int as quarter,
    extract(month from date_day)::int as month,
    date_trunc('month', date_day)::date as month_start,
    extract(isoyear from date_day)::int as iso_year,
    extract(week from date_day)::int as iso_week,
    date_trunc('week', date_day)::date as week_start,
    extract(isodow from date_day)::int as iso_day_of_week,
    extract(isodow from date_day) > 5 as is_weekend
from days
