{# The loader never deletes a row. These conditions leave out what has gone, each by an anti-join. #}

{#
    An order that changes its type comes under a new key and stays under the old one. Of the two
    rows with the same id and date, the one that changed last counts.
#}
{% macro is_current_order(o) -%}
    not exists (
        select from {{ emag_table('orders') }} as other
        where other.marketplace = {{ o }}.marketplace
            and other.account_type = {{ o }}.account_type
            and other.id = {{ o }}.id
            and other.type = case {{ o }}.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from {{ o }}.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce({{ o }}.modified, '-infinity'),
                coalesce({{ o }}._sdc_batched_at, '-infinity'),
                {{ o }}.type
            )
    )
{%- endmacro %}

{#
    All rows of an order are written again when it changes; one with an older `order_modified` has
    left it. CASE gives Postgres an estimate of one half; for the bare comparison it would expect
    that hardly a row remains.
#}
{% macro is_current_in_order(t, parent) -%}
    not exists (
        select from {{ emag_table('orders') }} as its_order
        where its_order.marketplace = {{ t }}.marketplace
            and its_order.account_type = {{ t }}.account_type
            and its_order.type = {{ t }}.order_type
            and its_order.id = {{ t }}.order_id
            and case when its_order.modified is distinct from {{ t }}.order_modified then true end
    )
    and {{ is_current_order(parent) }}
{%- endmacro %}

{# Likewise for the rows of a return, by its fingerprint. #}
{% macro is_current_in_return(t) -%}
    not exists (
        select from {{ emag_table('returns') }} as its_return
        where its_return.marketplace = {{ t }}.marketplace
            and its_return.account_type = {{ t }}.account_type
            and its_return.emag_id = {{ t }}.return_emag_id
            and case when its_return.fingerprint is distinct from {{ t }}.fingerprint then true end
    )
{%- endmacro %}

{# The latest answer has all products of an order. #}
{% macro is_latest_volumetry(t) -%}
    not exists (
        select from {{ emag_table('order_volumetry') }} as later
        where later.marketplace = {{ t }}.marketplace
            and later.account_type = {{ t }}.account_type
            and later.order_type = {{ t }}.order_type
            and later.order_id = {{ t }}.order_id
            and later.read_at > {{ t }}.read_at
    )
{%- endmacro %}

{% macro gone_at(t) -%}
    (
        select min(gone.changed_at)
        from {{ emag_table('product_deletions') }} as gone
        where gone.marketplace = {{ t }}.marketplace
            and gone.account_type = {{ t }}.account_type
            and gone.id = {{ t }}.id
            and gone.changed_at > {{ t }}.changed_at
    )
{%- endmacro %}
