{# An order has a currency since November 2025; before, its lines alone have one. #}
{% macro currency_of_order(o) -%}
    coalesce(
        {{ o }}.currency,
        (
            select min(line.currency)
            from {{ emag_table('order_lines') }} as line
            where line.marketplace = {{ o }}.marketplace
                and line.account_type = {{ o }}.account_type
                and line.order_type = {{ o }}.type
                and line.order_id = {{ o }}.id
        )
    )
{%- endmacro %}

{% macro time_in_key(time) -%}
    to_char({{ time }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}

{#
    A name for a customer that shows nothing of it. The salt belongs into the environment, and only
    into tables: anyone may read the text of a view.
#}
{% macro customer_key(marketplace, customer_id) -%}
    encode(
        sha256(convert_to(
            {{ marketplace }} || ':' || {{ customer_id }} || ':' || {{ customer_salt() }},
            'UTF8'
        )),
        'hex'
    )
{%- endmacro %}

{% macro customer_salt() -%}
    coalesce(current_setting('emag.customer_salt', true), '')
{%- endmacro %}

{#
    A hook: the text of a model is written into files and pages of docs, and must not have the salt.
    Where `emag-ops create-views` made one, it counts until EMAG_CUSTOMER_SALT is set.
#}
{% macro set_customer_salt() -%}
    {%- if execute -%}
        {%- set salt = env_var("EMAG_CUSTOMER_SALT", "") | replace("'", "''") -%}
        {%- set made = adapter.get_relation(target.database, ref('int_orders_changed').schema, 'customer_salt') -%}
        {%- if not salt and not made -%}
            {%- do exceptions.warn(
                "EMAG_CUSTOMER_SALT is not set, so that customer_key hides no customer's number: set it to a"
                ~ " long random text in .env, then run `meltano run dbt:rebuild`"
            ) -%}
        {%- endif -%}
        select set_config(
            'emag.customer_salt',
            {% if made and not salt %}(select salt from {{ made }}){% else %}'{{ salt }}'{% endif %},
            true
        )
    {%- endif -%}
{%- endmacro %}

{# A rate that is sent as percent or as a fraction, as a fraction. #}
{% macro fraction(rate) -%}
    case when {{ rate }} > 1 then {{ rate }} / 100 else {{ rate }} end
{%- endmacro %}

{# An amount in euro; null where fx_rates has no rate for its currency and day. #}
{% macro in_eur(amount, rate='units_per_eur') -%}
    round({{ amount }} / {{ rate }}, 4)
{%- endmacro %}

{# The day on which the marketplace's calendar has an order, or null. #}
{% macro local_date(time, place='place') -%}
    ({{ time }} at time zone coalesce({{ place }}.timezone, 'UTC'))::date
{%- endmacro %}

{# The day whose rate an order's amounts are converted with: some orders come without a date. #}
{% macro order_date(o, place='place') -%}
    {{ local_date('coalesce(' ~ o ~ '.date, ' ~ o ~ '.created, ' ~ o ~ '.modified)', place) }}
{%- endmacro %}

{% macro known_sum(amount) -%}
    case when count(*) = count({{ amount }}) then round(sum({{ amount }}), 2) end
{%- endmacro %}
