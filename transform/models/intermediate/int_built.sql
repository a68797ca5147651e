{{ config(post_hook="truncate {{ ref('int_orders_changed') }}") }}

-- What the marts contain: the note of int_loaded, once all of them are built.
{% for name in [
    'agg_daily_sales', 'agg_monthly_settlement', 'dim_accounts', 'dim_customers', 'dim_dates',
    'dim_offers', 'dim_offers_history', 'fct_buy_button_changes', 'fct_invoice_lines',
    'fct_invoices', 'fct_order_lines', 'fct_orders', 'fct_return_lines', 'fct_returns',
    'fct_stock_days', 'fct_voucher_splits',
] %}
-- depends_on: {{ ref(name) }}
{% endfor %}
select loaded_up_to, basis from {{ ref('int_loaded') }}
