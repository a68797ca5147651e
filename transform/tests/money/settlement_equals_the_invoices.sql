-- No invoice is left out of the months, in any currency.
with invoices as (
    select account_key, month_start, currency, round(sum(cost_net), 2) as costs
    from {{ ref('fct_invoices') }}
    where month_start is not null
    group by account_key, month_start, currency
)

select invoices.account_key, invoices.month_start, invoices.currency
from invoices
left join {{ ref('agg_monthly_settlement') }} as month
    on month.account_key = invoices.account_key
    and month.month_start = invoices.month_start
    and month.currency = invoices.currency
where month.emag_costs_net is distinct from invoices.costs
    or abs(
        month.emag_costs_net - month.commission_net - month.transport_net - month.other_costs_net
    ) > 0.02
