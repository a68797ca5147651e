-- `make generate` writes this file from the dbt models in transform/.

-- seed marts.fx_rates of (): 
(currency text, valid_from date, units_per_eur numeric, source text)
values
    ('EUR', '1999-01-01', '1', 'by definition'),
    ('BGN', '1999-01-01', '1.95583', 'fixed by law until the euro took its place')

-- seed marts.invoice_kinds of (): 
(category text, kind text, effect text)
values
    ('FC', 'commission', 'charge'),
    ('FCA', 'commission', 'credit'),
    ('FCSA', 'commission', 'recharge'),
    ('FCD', 'commission', 'charge'),
    ('FT', 'transport', 'charge'),
    ('FTA', 'transport', 'credit')

-- seed marts.marketplaces of (): 
(marketplace text, country text, timezone text)
values
    ('emag_ro', 'RO', 'Europe/Bucharest'),
    ('emag_bg', 'BG', 'Europe/Sofia'),
    ('emag_hu', 'HU', 'Europe/Budapest'),
    ('fashiondays_ro', 'RO', 'Europe/Bucharest'),
    ('fashiondays_bg', 'BG', 'Europe/Sofia')

-- view staging.int_fx_rates of (): 
-- The rate of each currency, from a day on until the next rate.
select
    currency,
    valid_from,
    lead(valid_from, 1, 'infinity') over (partition by currency order by valid_from) as valid_to,
    units_per_eur
from {fx_rates} as rate

-- view staging.int_return_reasons of (return_reasons): 
-- Each reason of a return with the two above it, the widest first.
with reasons as (
    select marketplace, account_type, code, label, level, parent_code
    from {return_reasons} as reason
)
select
    reason.marketplace,
    reason.account_type,
    reason.code,
    coalesce(top.label, middle.label, reason.label) as reason_1,
    case reason.level when 3 then middle.label when 2 then reason.label end as reason_2,
    case reason.level when 3 then reason.label end as reason_3
from reasons as reason
left join reasons as middle
    on middle.marketplace = reason.marketplace
    and middle.account_type = reason.account_type
    and middle.code = reason.parent_code
left join reasons as top
    on top.marketplace = middle.marketplace
    and top.account_type = middle.account_type
    and top.code = middle.parent_code

-- view staging.stg_emag__addresses of (addresses): An address of the seller.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.address_id as address_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.locality_id as locality_key,
    t.marketplace,
    t.account_type,
    t.address_id,
    t.country_id,
    t.country_code,
    t.address_type_id,
    address_type_id_codes.label as address_type_label,
    t.locality_id,
    t.suburb,
    t.city,
    t.address,
    t.zipcode,
    t.quarter,
    t.floor,
    t.is_default,
    t._sdc_batched_at as loaded_at
from {addresses} as t
left join {address_types} as address_type_id_codes
    on address_type_id_codes.marketplace = t.marketplace
    and address_type_id_codes.account_type = t.account_type
    and address_type_id_codes.code = t.address_type_id

-- view staging.stg_emag__awb_packages of (awb_packages): A package that the seller has predefined for shipments.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.label as awb_package_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.label,
    label_codes.label as label_meaning,
    t.length,
    t.width,
    t.height,
    t.weight,
    t.is_default,
    t._sdc_batched_at as loaded_at
from {awb_packages} as t
left join {package_labels} as label_codes
    on label_codes.marketplace = t.marketplace
    and label_codes.account_type = t.account_type
    and label_codes.code = t.label

-- view staging.stg_emag__awb_parcels of (awb_parcels): A parcel of a shipment.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.awb_emag_id || ':' || t.emag_id as awb_parcel_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.awb_emag_id as awb_key,
    t.marketplace,
    t.account_type,
    t.awb_emag_id,
    t.emag_id,
    t.awb_number,
    t.awb_barcode,
    t._sdc_batched_at as loaded_at
from {awb_parcels} as t

-- view staging.stg_emag__awbs of (awbs): A shipment of a return.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as awb_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.reservation_id,
    t.return_emag_id,
    t.order_id,
    t.rma_id,
    t.type,
    type_codes.label as type_label,
    t.awb_type,
    awb_type_codes.label as awb_type_label,
    t.cash_on_delivery,
    t.currency,
    t.weight,
    t.status_code,
    status_code_codes.label as status_label,
    t.status_name,
    t.status_description,
    t.courier_account_id,
    t.courier_id,
    t.courier_name,
    t._sdc_batched_at as loaded_at
from {awbs} as t
left join {order_types} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {awb_types} as awb_type_codes
    on awb_type_codes.marketplace = t.marketplace
    and awb_type_codes.account_type = t.account_type
    and awb_type_codes.code = t.awb_type
left join {awb_status_codes} as status_code_codes
    on status_code_codes.marketplace = t.marketplace
    and status_code_codes.account_type = t.account_type
    and status_code_codes.code = t.status_code

-- view staging.stg_emag__categories of (categories): A category of eMAG's catalogue.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as category_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.parent_id,
    t.name,
    t.is_allowed,
    t.is_ean_mandatory,
    t.is_warranty_mandatory,
    t.scm_id,
    t._sdc_batched_at as loaded_at
from {categories} as t

-- view staging.stg_emag__category_characteristics of (category_characteristics): A characteristic that offers of a category may or must have.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.id || ':' || t.position as category_characteristic_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.id,
    t.position,
    t.name,
    t.type_id,
    type_id_codes.label as type_label,
    type_id_codes.takes_several as type_takes_several,
    t.display_order,
    t.is_mandatory,
    t.is_mandatory_for_mktp,
    t.is_filter,
    t.allow_new_value,
    t.tags,
    t.value_tags,
    t._sdc_batched_at as loaded_at
from {category_characteristics} as t
left join {characteristic_types} as type_id_codes
    on type_id_codes.marketplace = t.marketplace
    and type_id_codes.account_type = t.account_type
    and type_id_codes.code = t.type_id

-- view staging.stg_emag__category_family_types of (category_family_types): A family type: characteristics in which variants may differ.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.id || ':' || t.position as category_family_type_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.id,
    t.position,
    t.name,
    t.characteristic_id,
    t.characteristic_type,
    t.characteristic_family_type_id,
    characteristic_family_type_id_codes.label as characteristic_family_type_label,
    t.is_foldable,
    t.display_order,
    t._sdc_batched_at as loaded_at
from {category_family_types} as t
left join {family_displays} as characteristic_family_type_id_codes
    on characteristic_family_type_id_codes.marketplace = t.marketplace
    and characteristic_family_type_id_codes.account_type = t.account_type
    and characteristic_family_type_id_codes.code = t.characteristic_family_type_id

-- view staging.stg_emag__category_values of (category_values): A value that a characteristic may have. Off by default.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category_id || ':' || t.characteristic_id || ':' || t.characteristic_position || ':' || t.position as category_value_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace,
    t.account_type,
    t.category_id,
    t.characteristic_id,
    t.characteristic_position,
    t.position,
    t.value,
    t._sdc_batched_at as loaded_at
from {category_values} as t

-- view staging.stg_emag__commissions of (commissions): The commission eMAG takes of an offer. Off by default.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.read_at,
    t.value,
    t.estimate_id,
    t.created,
    t.end_date,
    t._sdc_batched_at as loaded_at
from {commissions} as t

-- view staging.stg_emag__courier_accounts of (courier_accounts): A courier account of the seller.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.account_id as courier_account_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.account_id,
    t.account_display_name,
    t.courier_account_type,
    courier_account_type_codes.label as courier_account_type_label,
    t.courier_name,
    t.courier_account_properties,
    t.created,
    t.status,
    t.pickup_country_code,
    t._sdc_batched_at as loaded_at
from {courier_accounts} as t
left join {courier_account_types} as courier_account_type_codes
    on courier_account_type_codes.marketplace = t.marketplace
    and courier_account_type_codes.account_type = t.account_type
    and courier_account_type_codes.code = t.courier_account_type

-- view staging.stg_emag__customer_invoice_lines of (customer_invoice_lines): A line of an invoice to a customer.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number || ':' || t.position as customer_invoice_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.number as customer_invoice_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.position,
    t.product_name,
    t.unit_of_measure,
    t.quantity,
    t.unit_price,
    t.vat_rate,
    t.value,
    t.vat_value,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {customer_invoice_lines} as t
inner join {customer_invoices} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.number = t.number

-- view staging.stg_emag__customer_invoices of (customer_invoices): An invoice of the seller to a customer.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number as customer_invoice_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.category,
    category_codes.label as category_label,
    t.order_id,
    t.date,
    t.is_storno,
    t.reversal_for,
    t.supplier,
    t.supplier_cif,
    t.total_without_vat,
    t.total_vat_value,
    t.total_with_vat,
    t.signed_total_without_vat,
    t.signed_total_vat_value,
    t.signed_total_with_vat,
    t.currency,
    t._sdc_batched_at as loaded_at
from {customer_invoices} as t
left join {customer_invoice_categories} as category_codes
    on category_codes.marketplace = t.marketplace
    and category_codes.account_type = t.account_type
    and category_codes.code = t.category

-- view staging.stg_emag__handling_times of (handling_times): A handling time that an offer may have.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as handling_time_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.value,
    t.name,
    t._sdc_batched_at as loaded_at
from {handling_times} as t

-- view staging.stg_emag__invoice_categories of (invoice_categories): A kind of invoice.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.category as invoice_category_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.category,
    t.name,
    t._sdc_batched_at as loaded_at
from {invoice_categories} as t

-- view staging.stg_emag__invoice_lines of (invoice_lines): A line of an invoice of eMAG.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number || ':' || t.position as invoice_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.number as invoice_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.position,
    t.product_name,
    t.unit_of_measure,
    t.quantity,
    t.unit_price,
    t.vat_rate,
    t.value,
    t.vat_value,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {invoice_lines} as t
inner join {invoices} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.number = t.number

-- view staging.stg_emag__invoices of (invoices): An invoice of eMAG to the seller.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.number as invoice_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.number,
    t.category,
    category_codes.label as category_label,
    t.name,
    t.date,
    t.is_storno,
    t.supplier,
    t.supplier_cif,
    t.customer,
    t.customer_cif,
    t.payment_term,
    t.payment_due_date,
    t.total_without_vat,
    t.total_vat_value,
    t.total_with_vat,
    t.signed_total_without_vat,
    t.signed_total_vat_value,
    t.signed_total_with_vat,
    t.currency,
    t._sdc_batched_at as loaded_at
from {invoices} as t
left join {invoice_category_codes} as category_codes
    on category_codes.marketplace = t.marketplace
    and category_codes.account_type = t.account_type
    and category_codes.code = t.category

-- view staging.stg_emag__localities of (localities): A place that couriers deliver to.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as locality_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.name,
    t.name_latin,
    t.region1,
    t.region1_latin,
    t.region2,
    t.region2_latin,
    t.region3,
    t.region3_latin,
    t.region4,
    t.region4_latin,
    t.geoid,
    t.modified,
    t.zipcode,
    t.country_code,
    country_code_codes.label as country_label,
    t.iso2,
    t._sdc_batched_at as loaded_at
from {localities} as t
left join {locality_countries} as country_code_codes
    on country_code_codes.marketplace = t.marketplace
    and country_code_codes.account_type = t.account_type
    and country_code_codes.code = t.country_code

-- view staging.stg_emag__order_attachments of (order_attachments): A document of an order or of a line: invoice, warranty, AWB.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.order_line_id || ':' || t.url_hash || ':' || t.position as order_attachment_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.order_line_id,
    t.url_hash,
    t.position,
    t.order_modified,
    t.type,
    type_codes.label as type_label,
    t.force_download,
    t.visibility,
    t.order_product_id,
    t._sdc_batched_at as loaded_at
from {order_attachments} as t
inner join {orders} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {attachment_types} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
where not exists (
        select from {orders} as its_order
        where its_order.marketplace = t.marketplace
            and its_order.account_type = t.account_type
            and its_order.type = t.order_type
            and its_order.id = t.order_id
            and case when its_order.modified is distinct from t.order_modified then true end
    )
    and not exists (
        select from {orders} as other
        where other.marketplace = parent.marketplace
            and other.account_type = parent.account_type
            and other.id = parent.id
            and other.type = case parent.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from parent.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(parent.modified, '-infinity'),
                coalesce(parent._sdc_batched_at, '-infinity'),
                parent.type
            )
    )

-- view staging.stg_emag__order_lines of (order_lines): A product in an order.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.id as order_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    order_type_codes.label as order_type_label,
    t.order_id,
    t.id,
    t.order_modified,
    t.product_id,
    t.mkt_id,
    t.name,
    t.part_number,
    t.ext_part_number,
    t.part_number_key,
    t.status,
    status_codes.label as status_label,
    t.quantity,
    t.initial_qty,
    t.storno_qty,
    t.sale_price,
    t.original_price,
    t.currency,
    t.vat,
    t.retained_amount,
    t.reversible_vat_charging,
    t.created,
    t.modified,
    t.details,
    t.recycle_warranties,
    t.serial_numbers,
    t.campaign_id,
    t.campaign_name,
    t._sdc_batched_at as loaded_at
from {order_lines} as t
inner join {orders} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {order_types} as order_type_codes
    on order_type_codes.marketplace = t.marketplace
    and order_type_codes.account_type = t.account_type
    and order_type_codes.code = t.order_type
left join {order_line_statuses} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
where not exists (
        select from {orders} as its_order
        where its_order.marketplace = t.marketplace
            and its_order.account_type = t.account_type
            and its_order.type = t.order_type
            and its_order.id = t.order_id
            and case when its_order.modified is distinct from t.order_modified then true end
    )
    and not exists (
        select from {orders} as other
        where other.marketplace = parent.marketplace
            and other.account_type = parent.account_type
            and other.id = parent.id
            and other.type = case parent.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from parent.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(parent.modified, '-infinity'),
                coalesce(parent._sdc_batched_at, '-infinity'),
                parent.type
            )
    )

-- view staging.stg_emag__order_volumetry of (order_volumetry): The measures of a product in an order. Off by default.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.product_id as order_volumetry_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.product_id,
    t.read_at,
    t.length,
    t.width,
    t.height,
    t.weight,
    t._sdc_batched_at as loaded_at
from {order_volumetry} as t
where not exists (
        select from {order_volumetry} as later
        where later.marketplace = t.marketplace
            and later.account_type = t.account_type
            and later.order_type = t.order_type
            and later.order_id = t.order_id
            and later.read_at > t.read_at
    )

-- view staging.stg_emag__order_voucher_splits of (order_voucher_splits): The part of a voucher that falls on a line, a deposit or the shipping fee.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.level || ':' || t.order_line_id || ':' || t.warranty_position || ':' || t.position as voucher_split_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.level,
    t.order_line_id,
    t.warranty_position,
    t.position,
    t.order_modified,
    t.voucher_id,
    t.value,
    t.vat_value,
    t.vat,
    t.offered_by,
    offered_by_codes.label as offered_by_label,
    t.voucher_name,
    coalesce(
        parent.currency,
        (
            select min(line.currency)
            from {order_lines} as line
            where line.marketplace = parent.marketplace
                and line.account_type = parent.account_type
                and line.order_type = parent.type
                and line.order_id = parent.id
        )
    ) as currency,
    t._sdc_batched_at as loaded_at
from {order_voucher_splits} as t
inner join {orders} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
left join {discount_sponsors} as offered_by_codes
    on offered_by_codes.marketplace = t.marketplace
    and offered_by_codes.account_type = t.account_type
    and offered_by_codes.code = t.offered_by
where not exists (
        select from {orders} as its_order
        where its_order.marketplace = t.marketplace
            and its_order.account_type = t.account_type
            and its_order.type = t.order_type
            and its_order.id = t.order_id
            and case when its_order.modified is distinct from t.order_modified then true end
    )
    and not exists (
        select from {orders} as other
        where other.marketplace = parent.marketplace
            and other.account_type = parent.account_type
            and other.id = parent.id
            and other.type = case parent.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from parent.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(parent.modified, '-infinity'),
                coalesce(parent._sdc_batched_at, '-infinity'),
                parent.type
            )
    )

-- view staging.stg_emag__order_vouchers of (order_vouchers): A voucher that was used in an order.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id || ':' || t.voucher_id || ':' || t.position as order_voucher_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.order_type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.order_type,
    t.order_id,
    t.voucher_id,
    t.position,
    t.order_modified,
    t.id,
    t.voucher_name,
    t.status,
    t.sale_price,
    t.sale_price_vat,
    t.vat,
    t.created,
    t.modified,
    t.issue_date,
    coalesce(
        parent.currency,
        (
            select min(line.currency)
            from {order_lines} as line
            where line.marketplace = parent.marketplace
                and line.account_type = parent.account_type
                and line.order_type = parent.type
                and line.order_id = parent.id
        )
    ) as currency,
    t._sdc_batched_at as loaded_at
from {order_vouchers} as t
inner join {orders} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.type = t.order_type
    and parent.id = t.order_id
where not exists (
        select from {orders} as its_order
        where its_order.marketplace = t.marketplace
            and its_order.account_type = t.account_type
            and its_order.type = t.order_type
            and its_order.id = t.order_id
            and case when its_order.modified is distinct from t.order_modified then true end
    )
    and not exists (
        select from {orders} as other
        where other.marketplace = parent.marketplace
            and other.account_type = parent.account_type
            and other.id = parent.id
            and other.type = case parent.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from parent.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(parent.modified, '-infinity'),
                coalesce(parent._sdc_batched_at, '-infinity'),
                parent.type
            )
    )

-- view staging.stg_emag__orders of (orders): An order, as it is now.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.id as order_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.type,
    type_codes.label as type_label,
    t.id,
    t.vendor_name,
    t.parent_id,
    t.date,
    t.created,
    t.modified,
    t.status,
    status_codes.label as status_label,
    t.is_complete,
    t.payment_mode,
    t.payment_mode_id,
    payment_mode_id_codes.label as payment_mode_label,
    t.detailed_payment_method,
    t.delivery_payment_mode,
    t.delivery_mode,
    delivery_mode_codes.label as delivery_mode_label,
    t.payment_status,
    payment_status_codes.label as payment_status_label,
    t.cashed_co,
    t.cashed_cod,
    t.shipping_tax,
    t.customer_id,
    t.proforms,
    t.is_storno,
    t.reason_cancellation_id,
    reason_cancellation_id_codes.label as reason_cancellation_label,
    t.reason_cancellation_name,
    t.cancellation_request,
    t.has_editable_products,
    t.refunded_amount,
    t.refund_status,
    t.maximum_date_for_shipment,
    t.finalization_date,
    t.late_shipment,
    t.flags,
    t.emag_club,
    t.weekend_delivery,
    t.enforced_vendor_courier_accounts,
    coalesce(
        t.currency,
        (
            select min(line.currency)
            from {order_lines} as line
            where line.marketplace = t.marketplace
                and line.account_type = t.account_type
                and line.order_type = t.type
                and line.order_id = t.id
        )
    ) as currency,
    t._sdc_batched_at as loaded_at
from {orders} as t
left join {order_types} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {order_statuses} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
left join {payment_modes} as payment_mode_id_codes
    on payment_mode_id_codes.marketplace = t.marketplace
    and payment_mode_id_codes.account_type = t.account_type
    and payment_mode_id_codes.code = t.payment_mode_id
left join {payment_statuses} as payment_status_codes
    on payment_status_codes.marketplace = t.marketplace
    and payment_status_codes.account_type = t.account_type
    and payment_status_codes.code = t.payment_status
left join {delivery_modes} as delivery_mode_codes
    on delivery_mode_codes.marketplace = t.marketplace
    and delivery_mode_codes.account_type = t.account_type
    and delivery_mode_codes.code = t.delivery_mode
left join {cancellation_reasons} as reason_cancellation_id_codes
    on reason_cancellation_id_codes.marketplace = t.marketplace
    and reason_cancellation_id_codes.account_type = t.account_type
    and reason_cancellation_id_codes.code = t.reason_cancellation_id
where not exists (
        select from {orders} as other
        where other.marketplace = t.marketplace
            and other.account_type = t.account_type
            and other.id = t.id
            and other.type = case t.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from t.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(t.modified, '-infinity'),
                coalesce(t._sdc_batched_at, '-infinity'),
                t.type
            )
    )

-- view staging.stg_emag__personal_data of (orders, returns, customer_invoices): 
-- The only model with names, addresses, telephones and bank accounts: grant it to those who need it.
select
    'order' as record,
    o.marketplace || ':' || o.account_type || ':' || o.type || ':' || o.id as record_key,
    o.marketplace || ':' || o.account_type as account_key,
    o.customer_id,
    o.customer ->> 'name' as name,
    o.customer ->> 'company' as company,
    o.customer ->> 'code' as tax_code,
    coalesce(nullif(o.customer ->> 'phone_1', ''), o.customer ->> 'shipping_phone') as phone,
    o.customer ->> 'email' as email,
    o.customer ->> 'iban' as iban,
    o.customer ->> 'shipping_country' as country,
    o.customer ->> 'shipping_suburb' as county,
    o.customer ->> 'shipping_city' as city,
    o.customer ->> 'shipping_street' as address,
    o.customer ->> 'shipping_postal_code' as zipcode,
    o.details ->> 'locker_name' as locker,
    o.observation as note
from {orders__personal} as o
where not exists (
        select from {orders} as other
        where other.marketplace = o.marketplace
            and other.account_type = o.account_type
            and other.id = o.id
            and other.type = case o.type when 2 then 3 when 3 then 2 end
            and other.date is not distinct from o.date
            and (
                coalesce(other.modified, '-infinity'),
                coalesce(other._sdc_batched_at, '-infinity'),
                other.type
            ) > (
                coalesce(o.modified, '-infinity'),
                coalesce(o._sdc_batched_at, '-infinity'),
                o.type
            )
    )
union all
select
    'return',
    r.marketplace || ':' || r.account_type || ':' || r.emag_id,
    r.marketplace || ':' || r.account_type,
    null::bigint,
    r.customer_name,
    r.customer_company,
    null,
    r.customer_phone,
    r.customer_email,
    r.customer_account_iban,
    r.pickup_country,
    r.pickup_suburb,
    r.pickup_city,
    r.pickup_address,
    r.pickup_zipcode,
    null,
    r.observations
from {returns__personal} as r
union all
select
    'customer_invoice',
    i.marketplace || ':' || i.account_type || ':' || i.number,
    i.marketplace || ':' || i.account_type,
    null::bigint,
    i.customer ->> 'name',
    null,
    coalesce(i.customer ->> 'tax_code', i.customer_cif),
    null,
    null,
    i.customer ->> 'iban',
    i.customer ->> 'country',
    null,
    null,
    i.customer ->> 'address',
    null,
    null,
    null
from {customer_invoices__personal} as i

-- view staging.stg_emag__product_deletions of (product_deletions): An offer that was found gone, and when.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id || ':' || to_char(t.changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as offer_deletion_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.changed_at,
    t._sdc_batched_at as loaded_at
from {product_deletions} as t

-- view staging.stg_emag__product_history of (product_history): A version of an offer's price, stock, status and rank.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id || ':' || to_char(t.changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as offer_version_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.changed_at,
    t.change,
    t.status,
    status_codes.label as status_label,
    t.sale_price,
    t.recommended_price,
    t.min_sale_price,
    t.max_sale_price,
    t.best_offer_sale_price,
    t.best_offer_recommended_price,
    t.main_offer_price,
    t.currency,
    t.general_stock,
    t.estimated_stock,
    t.offer_validation_status,
    offer_validation_status_codes.label as offer_validation_status_label,
    t.validation_status,
    validation_status_codes.label as validation_status_label,
    t.translation_validation_status,
    translation_validation_status_codes.label as translation_validation_status_label,
    t.buy_button_rank,
    t.number_of_offers,
    t._sdc_batched_at as loaded_at
from {product_history} as t
left join {offer_statuses} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
left join {offer_validation_statuses} as offer_validation_status_codes
    on offer_validation_status_codes.marketplace = t.marketplace
    and offer_validation_status_codes.account_type = t.account_type
    and offer_validation_status_codes.code = t.offer_validation_status
left join {validation_statuses} as validation_status_codes
    on validation_status_codes.marketplace = t.marketplace
    and validation_status_codes.account_type = t.account_type
    and validation_status_codes.code = t.validation_status
left join {validation_statuses} as translation_validation_status_codes
    on translation_validation_status_codes.marketplace = t.marketplace
    and translation_validation_status_codes.account_type = t.account_type
    and translation_validation_status_codes.code = t.translation_validation_status

-- view staging.stg_emag__products of (products): An offer of the seller, as it is now or, if it is gone, as it was last.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.category_id as category_key,
    t.marketplace || ':' || t.account_type || ':' || t.vat_id as vat_rate_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.changed_at,
    t.part_number_key,
    t.part_number,
    t.name,
    t.brand,
    t.brand_name,
    t.description,
    t.url,
    t.source_language,
    t.category_id,
    t.vendor_category_id,
    t.family_id,
    t.family_name,
    t.family_type_id,
    t.ean,
    t.barcode,
    t.images,
    t.attachments,
    t.characteristics,
    t.weight,
    t.content_details,
    t.offer_properties,
    t.auto_translated,
    t.ownership,
    t.ownership_code,
    ownership_code_codes.label as ownership_label,
    t.sale_price,
    t.recommended_price,
    t.min_sale_price,
    t.max_sale_price,
    t.best_offer_sale_price,
    t.best_offer_recommended_price,
    t.main_offer_price,
    t.currency,
    t.currency_type,
    t.offer_price_other_currency,
    t.start_date_other_currency,
    t.start_date,
    t.commission,
    t.vat_id,
    t.reversible_vat_charging,
    t.green_tax,
    t.rrp_guidelines,
    t.status,
    status_codes.label as status_label,
    status_codes.sellable as status_sellable,
    t.general_stock,
    t.estimated_stock,
    t.stock,
    t.handling_time,
    t.availability,
    t.supply_lead_time,
    t.warranty,
    t.warranty_type,
    t.offer_details_id,
    t.emag_club,
    t.genius_eligibility,
    t.genius_eligibility_type,
    genius_eligibility_type_codes.label as genius_eligibility_type_label,
    t.genius_computed,
    genius_computed_codes.label as genius_computed_label,
    t.has_smart_deals_badge,
    t.number_of_offers,
    t.buy_button_rank,
    t.offer_validation_status,
    offer_validation_status_codes.label as offer_validation_status_label,
    offer_validation_status_codes.sellable as offer_validation_status_sellable,
    t.offer_validation_status_description,
    t.offer_validation_status_errors,
    t.validation_status,
    validation_status_codes.label as validation_status_label,
    validation_status_codes.sellable as validation_status_sellable,
    t.validation_status_description,
    t.validation_status_errors,
    t.translation_validation_status,
    translation_validation_status_codes.label as translation_validation_status_label,
    translation_validation_status_codes.sellable as translation_validation_status_sellable,
    t.translation_validation_status_description,
    t.translation_validation_status_errors,
    t.doc_errors,
    t.has_manufacturer,
    t.manufacturer,
    t.has_eu_representative,
    t.eu_representative,
    t.safety_information,
    t.recycle_warranties,
    (
        select min(gone.changed_at)
        from {product_deletions} as gone
        where gone.marketplace = t.marketplace
            and gone.account_type = t.account_type
            and gone.id = t.id
            and gone.changed_at > t.changed_at
    ) as gone_at,
    t._sdc_batched_at as loaded_at
from {products} as t
left join {offer_statuses} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
left join {offer_validation_statuses} as offer_validation_status_codes
    on offer_validation_status_codes.marketplace = t.marketplace
    and offer_validation_status_codes.account_type = t.account_type
    and offer_validation_status_codes.code = t.offer_validation_status
left join {validation_statuses} as validation_status_codes
    on validation_status_codes.marketplace = t.marketplace
    and validation_status_codes.account_type = t.account_type
    and validation_status_codes.code = t.validation_status
left join {validation_statuses} as translation_validation_status_codes
    on translation_validation_status_codes.marketplace = t.marketplace
    and translation_validation_status_codes.account_type = t.account_type
    and translation_validation_status_codes.code = t.translation_validation_status
left join {genius_eligibility_types} as genius_eligibility_type_codes
    on genius_eligibility_type_codes.marketplace = t.marketplace
    and genius_eligibility_type_codes.account_type = t.account_type
    and genius_eligibility_type_codes.code = t.genius_eligibility_type
left join {genius_eligibility_types} as genius_computed_codes
    on genius_computed_codes.marketplace = t.marketplace
    and genius_computed_codes.account_type = t.account_type
    and genius_computed_codes.code = t.genius_computed
left join {content_ownerships} as ownership_code_codes
    on ownership_code_codes.marketplace = t.marketplace
    and ownership_code_codes.account_type = t.account_type
    and ownership_code_codes.code = t.ownership_code

-- view staging.stg_emag__rejected_rows of (rejected_rows): A row that its table could not take, as it came.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.stream || ':' || t.row_hash as rejected_row_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.stream,
    t.row_hash,
    t.reason,
    t.partition,
    t.seen_at,
    t._sdc_batched_at as loaded_at
from {rejected_rows} as t

-- view staging.stg_emag__return_events of (return_events): What happened to a return: a state, a refund, an action.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id || ':' || t.kind || ':' || t.parent_position || ':' || t.position as return_event_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace,
    t.account_type,
    t.return_emag_id,
    t.kind,
    t.parent_position,
    t.position,
    t.fingerprint,
    t.date,
    t.code,
    t.amount,
    t.currency,
    t.refund_type,
    t.refund_status,
    t.status_date,
    t.rma_id,
    t.id,
    t.action,
    t.action_type,
    t.source,
    t._sdc_batched_at as loaded_at
from {return_events} as t
inner join {returns} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.emag_id = t.return_emag_id
where not exists (
        select from {returns} as its_return
        where its_return.marketplace = t.marketplace
            and its_return.account_type = t.account_type
            and its_return.emag_id = t.return_emag_id
            and case when its_return.fingerprint is distinct from t.fingerprint then true end
    )

-- view staging.stg_emag__return_lines of (return_lines): A product in a return.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id || ':' || t.id as return_line_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.return_emag_id as return_key,
    t.marketplace || ':' || t.account_type || ':' || t.product_id as offer_key,
    t.marketplace,
    t.account_type,
    t.return_emag_id,
    t.id,
    t.fingerprint,
    t.product_emag_id,
    t.product_id,
    t.product_name,
    t.quantity,
    t.return_reason,
    return_reason_codes.label as return_reason_label,
    return_reason_codes.level as return_reason_level,
    return_reason_codes.parent_code as return_reason_parent_code,
    t.diagnostic,
    t.reject_reason,
    t.retained_amount,
    t.refund_value,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {return_lines} as t
inner join {returns} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.emag_id = t.return_emag_id
left join {return_reasons} as return_reason_codes
    on return_reason_codes.marketplace = t.marketplace
    and return_reason_codes.account_type = t.account_type
    and return_reason_codes.code = t.return_reason
where not exists (
        select from {returns} as its_return
        where its_return.marketplace = t.marketplace
            and its_return.account_type = t.account_type
            and its_return.emag_id = t.return_emag_id
            and case when its_return.fingerprint is distinct from t.fingerprint then true end
    )

-- view staging.stg_emag__returns of (returns): A return, as it is now.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.emag_id as return_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace || ':' || t.account_type || ':' || t.type || ':' || t.order_id as order_key,
    t.marketplace,
    t.account_type,
    t.emag_id,
    t.fingerprint,
    t.id,
    t.vendor_id,
    t.order_id,
    t.type,
    type_codes.label as type_label,
    t.return_parent_id,
    t.date,
    t.request_status,
    request_status_codes.label as request_status_label,
    request_status_codes.is_open as is_open,
    t.request_status_reason,
    t.return_type,
    return_type_codes.label as return_type_label,
    t.return_reason,
    return_reason_codes.label as return_reason_label,
    return_reason_codes.level as return_reason_level,
    return_reason_codes.parent_code as return_reason_parent_code,
    t.is_full_fbe,
    t.is_club,
    t.is_fast,
    t.finalized_with_incident,
    t.invoice_number,
    t.country,
    t.pickup_method,
    pickup_method_codes.label as pickup_method_label,
    t.pickup_date,
    t.pickup_at,
    t.address_type,
    t.courier_name,
    t.awbs,
    t.return_address_id,
    t.return_address_snapshot,
    t.maximum_finalization_date,
    t.first_pickup_date,
    t.estimated_product_pickup,
    t.estimated_product_reception,
    t.replacement_product_emag_id,
    t.replacement_product_id,
    t.replacement_product_name,
    t.replacement_product_quantity,
    t.swap,
    t.return_tax_value,
    t.currency,
    t._sdc_batched_at as loaded_at
from {returns} as t
left join {order_types} as type_codes
    on type_codes.marketplace = t.marketplace
    and type_codes.account_type = t.account_type
    and type_codes.code = t.type
left join {return_statuses} as request_status_codes
    on request_status_codes.marketplace = t.marketplace
    and request_status_codes.account_type = t.account_type
    and request_status_codes.code = t.request_status
left join {return_types} as return_type_codes
    on return_type_codes.marketplace = t.marketplace
    and return_type_codes.account_type = t.account_type
    and return_type_codes.code = t.return_type
left join {return_reasons} as return_reason_codes
    on return_reason_codes.marketplace = t.marketplace
    and return_reason_codes.account_type = t.account_type
    and return_reason_codes.code = t.return_reason
left join {pickup_methods} as pickup_method_codes
    on pickup_method_codes.marketplace = t.marketplace
    and pickup_method_codes.account_type = t.account_type
    and pickup_method_codes.code = t.pickup_method

-- view staging.stg_emag__smart_deals of (smart_deals): The price at which an offer would carry the Smart Deals badge. Off by default.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id as offer_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.id,
    t.read_at,
    t.smart_deals_price,
    parent.currency as currency,
    t._sdc_batched_at as loaded_at
from {smart_deals} as t
left join {products} as parent
    on parent.marketplace = t.marketplace
    and parent.account_type = t.account_type
    and parent.id = t.id

-- view staging.stg_emag__syncs of (syncs): What a run did with a stream.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.run_id || ':' || t.stream || ':' || t.started as sync_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.run_id,
    t.stream,
    t.started,
    t.ended,
    t.state,
    t.mode,
    t.complete,
    t.read_up_to,
    t.rows_written,
    t.rows_created,
    t.rows_updated,
    t.rows_unchanged,
    t.rows_rejected,
    t.requests,
    t.error,
    t.tap_version,
    t._sdc_batched_at as loaded_at
from {syncs} as t

-- view staging.stg_emag__vat_rates of (vat_rates): A VAT rate.
-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.vat_id as vat_rate_key,
    t.marketplace || ':' || t.account_type as account_key,
    t.marketplace,
    t.account_type,
    t.vat_id,
    t.vat_rate,
    t.vat_fraction,
    t.is_default,
    t.name,
    t._sdc_batched_at as loaded_at
from {vat_rates} as t

-- view marts.dim_offers of (products): An offer as it is now; one that is gone stays as it was last.
-- Offers as they are now; one that is gone stays, as it was last, with `gone_at`.
select
    offer.offer_key,
    offer.account_key,
    offer.marketplace,
    offer.account_type,
    offer.id as product_id,
    offer.part_number,
    offer.part_number_key,
    offer.name,
    coalesce(offer.brand_name, offer.brand) as brand,
    offer.category_id,
    category.name as category,
    offer.ean,
    offer.status,
    offer.status_label,
    offer.validation_status,
    offer.validation_status_label,
    offer.offer_validation_status,
    offer.offer_validation_status_label,
    offer.translation_validation_status,
    offer.translation_validation_status_label,
    -- Without a check of the translation it is taken for passed, as eMAG sells such offers.
    coalesce(
        offer.gone_at is null
        and offer.status_sellable
        and offer.offer_validation_status_sellable
        and offer.validation_status_sellable
        and coalesce(offer.translation_validation_status_sellable, true)
        and offer.general_stock > 0,
        false
    ) as is_sellable,
    offer.general_stock as stock,
    offer.sale_price as price_net,
    rate.vat_fraction as vat_rate,
    offer.sale_price * (1 + rate.vat_fraction) as price_gross,
    offer.recommended_price as recommended_price_net,
    offer.best_offer_sale_price,
    offer.currency,
    commission.value as commission_percent,
    offer.buy_button_rank,
    offer.gone_at is null and coalesce(offer.buy_button_rank = 1, false) as has_buy_button,
    offer.number_of_offers,
    offer.changed_at,
    offer.gone_at,
    offer.loaded_at
from {stg_emag__products} as offer
left join {stg_emag__categories} as category
    on category.category_key = offer.category_key
left join {stg_emag__vat_rates} as rate on rate.vat_rate_key = offer.vat_rate_key
left join {stg_emag__commissions} as commission
    on commission.offer_key = offer.offer_key

-- view marts.dim_offers_history of (product_history): A state of an offer's price, stock, status and rank, from valid_from up to valid_to.
-- Each state of an offer, from when to when. Neighbours that are equal are one row, so that a
-- version which a run wrote twice changes nothing. A deletion ends a state; nothing covers the time
-- until the offer comes back.
with events as (
    select
        version.offer_key,
        version.account_key,
        version.marketplace,
        version.account_type,
        version.id as product_id,
        version.changed_at,
        version.loaded_at,
        false as is_deletion,
        version.status,
        version.status_label,
        version.sale_price,
        version.recommended_price,
        version.min_sale_price,
        version.max_sale_price,
        version.best_offer_sale_price,
        version.best_offer_recommended_price,
        version.main_offer_price,
        version.currency,
        version.general_stock,
        version.estimated_stock,
        version.offer_validation_status,
        version.validation_status,
        version.translation_validation_status,
        version.buy_button_rank,
        version.number_of_offers
    from {stg_emag__product_history} as version
    union all
    select
        gone.offer_key, gone.account_key, gone.marketplace, gone.account_type, gone.id,
        gone.changed_at, gone.loaded_at, true,
        null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
        null, null
    from {stg_emag__product_deletions} as gone
),
-- In jsonb 10.0 and 10.00 are equal.
states as (
    select
        events.*,
        jsonb_build_array(
            is_deletion, status, sale_price, recommended_price, min_sale_price, max_sale_price,
            best_offer_sale_price, best_offer_recommended_price, main_offer_price, currency,
            general_stock, estimated_stock, offer_validation_status, validation_status,
            translation_validation_status, buy_button_rank, number_of_offers
        ) as state
    from events
),
neighbours as (
    select
        states.*,
        lag(state) over (partition by offer_key order by changed_at, is_deletion) as state_before
    from states
),
folded as (
    select
        neighbours.*,
        lead(changed_at) over (partition by offer_key order by changed_at, is_deletion) as valid_to
    from neighbours
    where state is distinct from state_before
)
select
    offer_key || ':' || to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as offer_version_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    changed_at as valid_from,
    valid_to,
    valid_to is null as is_current,
    status,
    status_label,
    sale_price as price_net,
    recommended_price as recommended_price_net,
    min_sale_price as min_price_net,
    max_sale_price as max_price_net,
    best_offer_sale_price,
    best_offer_recommended_price,
    main_offer_price,
    currency,
    general_stock as stock,
    estimated_stock,
    offer_validation_status,
    validation_status,
    translation_validation_status,
    buy_button_rank,
    coalesce(buy_button_rank = 1, false) as has_buy_button,
    number_of_offers,
    loaded_at
from folded
where not is_deletion

-- view marts.emag_freshness of (orders, order_lines, products, product_history, returns, return_lines, awbs, invoices, customer_invoices, categories, rejected_rows): How new the rows of an account and table are, and how its last sync ended.
-- How new the rows of each account and table are, and how its last sync ended. A shop in which
-- nothing happens gets no new rows, so an old time does not by itself mean that runs fail. A view: it
-- shows what is true when it is asked, and not when it was built.
with tables as (
    select
        marketplace || ':' || account_type || ':orders' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'orders' as table_name,
        count(*) as rows,
        max(modified)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {orders} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':order_lines' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'order_lines' as table_name,
        count(*) as rows,
        max(modified)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {order_lines} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':products' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'products' as table_name,
        count(*) as rows,
        max(changed_at)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {products} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':product_history' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'product_history' as table_name,
        count(*) as rows,
        max(changed_at)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {product_history} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':returns' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'returns' as table_name,
        count(*) as rows,
        max(date)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {returns} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':return_lines' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'return_lines' as table_name,
        count(*) as rows,
        max(null)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {return_lines} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':awbs' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'awbs' as table_name,
        count(*) as rows,
        max(null)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {awbs} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':invoices' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'invoices' as table_name,
        count(*) as rows,
        max(date)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {invoices} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':customer_invoices' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'customer_invoices' as table_name,
        count(*) as rows,
        max(date)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {customer_invoices} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':categories' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'categories' as table_name,
        count(*) as rows,
        max(null)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {categories} as t
    group by marketplace, account_type
    union all
    select
        marketplace || ':' || account_type || ':rejected_rows' as freshness_key,
        marketplace || ':' || account_type as account_key,
        marketplace,
        account_type,
        'rejected_rows' as table_name,
        count(*) as rows,
        max(seen_at)::timestamptz as newest_change_at,
        max(_sdc_batched_at) as newest_row_loaded_at
    from {rejected_rows} as t
    group by marketplace, account_type
),
syncs as (
    select distinct on (account_key, stream)
        account_key || ':' || stream as freshness_key,
        account_key,
        marketplace,
        account_type,
        stream as table_name,
        ended as last_sync_at,
        state as last_sync_state,
        complete as is_complete,
        read_up_to
    from {stg_emag__syncs} as sync
    where stream in ('orders', 'order_lines', 'products', 'product_history', 'returns', 'return_lines', 'awbs', 'invoices', 'customer_invoices', 'categories', 'rejected_rows')
    order by account_key, stream, ended desc, started desc
)
-- A table that was read and has no rows has a line as well.
select
    coalesce(tables.freshness_key, syncs.freshness_key) as freshness_key,
    coalesce(tables.account_key, syncs.account_key) as account_key,
    coalesce(tables.marketplace, syncs.marketplace) as marketplace,
    coalesce(tables.account_type, syncs.account_type) as account_type,
    coalesce(tables.table_name, syncs.table_name) as table_name,
    coalesce(tables.rows, 0) as rows,
    tables.newest_change_at,
    tables.newest_row_loaded_at,
    syncs.last_sync_at,
    syncs.last_sync_state,
    syncs.is_complete,
    syncs.read_up_to,
    now() as checked_at
from tables
full join syncs on syncs.freshness_key = tables.freshness_key

-- view marts.fct_buy_button_changes of (product_history): A moment at which an offer won or lost the buy button.
-- Each time an offer won or lost the buy button, with the prices before and after.
with versions as (
    select
        version.*,
        lag(version.has_buy_button) over following as had_buy_button,
        lag(version.buy_button_rank) over following as rank_before,
        lag(version.price_net) over following as price_net_before,
        lag(version.best_offer_sale_price) over following as best_offer_sale_price_before,
        lag(version.stock) over following as stock_before,
        lag(version.number_of_offers) over following as number_of_offers_before,
        lag(version.valid_to) over following as valid_to_before
    from {dim_offers_history} as version
    window following as (partition by version.offer_key order by version.valid_from)
)
select
    offer_version_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    valid_from as changed_at,
    (valid_from at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
    case when has_buy_button then 'won' else 'lost' end as change,
    rank_before,
    buy_button_rank as rank_after,
    price_net_before,
    price_net as price_net_after,
    case
        when price_net > price_net_before then 'raised'
        when price_net < price_net_before then 'lowered'
        else 'unchanged'
    end as own_price,
    best_offer_sale_price_before,
    best_offer_sale_price as best_offer_sale_price_after,
    stock_before,
    stock as stock_after,
    number_of_offers_before,
    number_of_offers as number_of_offers_after,
    is_current,
    currency
from versions
left join {marketplaces} as place using (marketplace)
where had_buy_button is distinct from has_buy_button
    and had_buy_button is not null
    -- An offer that was gone in between did not change its rank: it came back.
    and valid_to_before = valid_from

-- view marts.fct_returns of (returns): A return as it is now.
select
    r.return_key,
    r.account_key,
    r.order_key,
    r.marketplace,
    r.account_type,
    r.emag_id as return_id,
    r.type as order_type,
    r.type_label as order_type_label,
    r.order_id,
    r.date as opened_at,
    (r.date at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
    r.request_status as status,
    r.request_status_label as status_label,
    r.is_open,
    r.return_type,
    r.return_type_label,
    r.return_reason as reason_code,
    reason.reason_1,
    reason.reason_2,
    reason.reason_3,
    r.pickup_method,
    r.pickup_method_label,
    r.is_full_fbe,
    r.is_fast,
    r.finalized_with_incident,
    r.maximum_finalization_date as finalize_by,
    coalesce(lines.lines, 0) as lines,
    coalesce(lines.pieces, 0) as pieces,
    r.return_tax_value as fee_gross,
    r.currency,
    r.loaded_at
from {stg_emag__returns} as r
-- The rows of few returns are looked up, those of all are added up at once.
left join  (
    select line.return_key, count(*) as lines, sum(line.quantity) as pieces
    from {stg_emag__return_lines} as line
    group by line.return_key
) as lines on lines.return_key = r.return_key
left join {marketplaces} as place on place.marketplace = r.marketplace
left join {int_return_reasons} as reason
    on reason.marketplace = r.marketplace
    and reason.account_type = r.account_type
    and reason.code = r.return_reason

-- view marts.fct_stock_days of (product_history): An offer on a day, from the first version that a run saw.
-- A row for each offer and day, from the first version that a run saw, up to today. The last days
-- that are built were not over, and are built again; so are those since a version that came late.
with versions as (
    select
        version.*,
        (version.valid_from at time zone coalesce(place.timezone, 'UTC'))::date as first_day,
        -- The moment at which a version ends belongs to the next one.
        (
            (coalesce(version.valid_to, now()) - interval '1 microsecond')
            at time zone coalesce(place.timezone, 'UTC')
        )::date as last_day
    from {dim_offers_history} as version
    left join {marketplaces} as place on place.marketplace = version.marketplace
),
days as (
    select
        versions.*,
        day::date as local_date,
        row_number() over (
            partition by versions.offer_key, day order by versions.valid_from desc
        ) as from_last,
        min(versions.stock) over (partition by versions.offer_key, day) as lowest_stock,
        bool_or(versions.has_buy_button) over (partition by versions.offer_key, day)
            as had_buy_button
    from versions
    cross join lateral generate_series(
        versions.first_day::timestamp, versions.last_day::timestamp, interval '1 day'
    ) as day
)
select
    offer_key || ':' || local_date as stock_day_key,
    offer_key,
    account_key,
    marketplace,
    account_type,
    product_id,
    local_date,
    stock as closing_stock,
    lowest_stock,
    coalesce(lowest_stock <= 0, false) as was_out_of_stock,
    price_net,
    currency,
    status,
    buy_button_rank,
    has_buy_button,
    had_buy_button,
    loaded_at
from days
where from_last = 1

-- view marts.fct_voucher_splits of (order_voucher_splits): The part of a voucher that falls on a line, a deposit or the shipping fee.
select
    split.voucher_split_key,
    split.order_key,
    split.account_key,
    case when split.order_line_id <> 0 then split.order_key || ':' || split.order_line_id end
        as order_line_key,
    split.marketplace,
    split.account_type,
    (o.date at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
    split.level,
    split.voucher_id,
    split.voucher_name,
    coalesce(split.offered_by, 'unknown') as sponsor,
    o.status = 0 as is_cancelled,
    split.vat as vat_rate,
    split.value as discount_net,
    split.vat_value as discount_vat,
    split.value + coalesce(split.vat_value, 0) as discount_gross,
    split.currency,
    round(split.value / fx.units_per_eur, 4) as discount_net_eur,
    round((split.value + coalesce(split.vat_value, 0)) / fx.units_per_eur, 4)
        as discount_gross_eur,
    greatest(split.loaded_at, o.loaded_at) as loaded_at
from {stg_emag__order_voucher_splits} as split
inner join {stg_emag__orders} as o
    on o.marketplace = split.marketplace
    and o.account_type = split.account_type
    and o.type = split.order_type
    and o.id = split.order_id
left join {marketplaces} as place on place.marketplace = split.marketplace
left join {int_fx_rates} as fx
    on fx.currency = split.currency
    and (coalesce(o.date, o.created, o.modified) at time zone coalesce(place.timezone, 'UTC'))::date >= fx.valid_from
    and (coalesce(o.date, o.created, o.modified) at time zone coalesce(place.timezone, 'UTC'))::date < fx.valid_to

-- view staging.int_invoice_lines of (customer_invoice_lines, invoice_lines): 
-- The lines of both kinds of invoices, with the sign that eMAG sends.
select
    invoice_line_key,
    invoice_key,
    position,
    product_name,
    unit_of_measure,
    quantity,
    unit_price,
    vat_rate,
    value,
    vat_value,
    loaded_at
from {stg_emag__invoice_lines} as line
union all
select
    customer_invoice_line_key || ':customer' as invoice_line_key,
    customer_invoice_key || ':customer' as invoice_key,
    position,
    product_name,
    unit_of_measure,
    quantity,
    unit_price,
    vat_rate,
    value,
    vat_value,
    loaded_at
from {stg_emag__customer_invoice_lines} as line

-- view staging.int_invoices of (customer_invoices, invoices): 
-- eMAG's invoices to the seller and the seller's to customers, in one form. `factor` gives lines
-- the sign of their invoice: a storno takes back, whichever sign eMAG sends it with.
select
    invoice_key,
    account_key,
    marketplace,
    account_type,
    'eMAG' as issued_by,
    number,
    category,
    coalesce(name, category_label) as category_label,
    null::bigint as order_id,
    null::text as reverses_number,
    date,
    is_storno,
    case when is_storno and total_with_vat > 0 then -1 else 1 end as factor,
    signed_total_without_vat as net,
    signed_total_vat_value as vat,
    signed_total_with_vat as gross,
    currency,
    loaded_at
from {stg_emag__invoices} as invoice
union all
select
    customer_invoice_key || ':customer' as invoice_key,
    account_key,
    marketplace,
    account_type,
    'seller' as issued_by,
    number,
    category,
    category_label,
    order_id,
    reversal_for as reverses_number,
    date,
    is_storno,
    case when is_storno and total_with_vat > 0 then -1 else 1 end as factor,
    signed_total_without_vat as net,
    signed_total_vat_value as vat,
    signed_total_with_vat as gross,
    currency,
    loaded_at
from {stg_emag__customer_invoices} as invoice

-- view marts.fct_invoice_lines of (invoice_lines, customer_invoice_lines): A line of an invoice, with the sign of its invoice.
select
    line.invoice_line_key,
    line.invoice_key,
    invoice.account_key,
    invoice.marketplace,
    invoice.account_type,
    invoice.issued_by,
    invoice.number,
    line.position,
    invoice.category,
    invoice.date,
    invoice.is_storno,
    line.product_name,
    line.unit_of_measure,
    line.quantity,
    line.unit_price,
    line.vat_rate / 100 as vat_rate,
    line.value * invoice.factor as net,
    line.vat_value * invoice.factor as vat,
    (line.value + line.vat_value) * invoice.factor as gross,
    invoice.currency,
    round((line.value * invoice.factor) / fx.units_per_eur, 4) as net_eur,
    greatest(line.loaded_at, invoice.loaded_at) as loaded_at
from {int_invoice_lines} as line
inner join {int_invoices} as invoice on invoice.invoice_key = line.invoice_key
left join {int_fx_rates} as fx
    on fx.currency = invoice.currency
    and invoice.date >= fx.valid_from
    and invoice.date < fx.valid_to

-- view marts.fct_invoices of (invoices, customer_invoices): An invoice: eMAG's to the seller, or the seller's to a customer.
-- Both kinds of invoices, with the sign that sums need. The last of the two facts of invoices:
-- int_invoices_changed takes an invoice for built when it is in here.
select
    invoice.invoice_key,
    invoice.account_key,
    invoice.marketplace,
    invoice.account_type,
    invoice.issued_by,
    invoice.number,
    invoice.category,
    invoice.category_label,
    case when invoice.issued_by = 'eMAG' then coalesce(kind.kind, 'other') else 'sale' end as kind,
    invoice.order_id,
    invoice.reverses_number,
    invoice.date,
    date_trunc('month', invoice.date)::date as month_start,
    invoice.is_storno,
    invoice.net,
    invoice.vat,
    invoice.gross,
    -- What the invoice adds to the seller's costs: a credit lowers them, and the storno of a credit
    -- charges again, although both are stornos.
    case
        when invoice.issued_by <> 'eMAG' then 0
        when kind.effect = 'recharge' then abs(invoice.net)
        when kind.effect = 'credit' then -abs(invoice.net)
        else invoice.net
    end as cost_net,
    case
        when invoice.issued_by <> 'eMAG' then 0
        when kind.effect = 'recharge' then abs(invoice.vat)
        when kind.effect = 'credit' then -abs(invoice.vat)
        else invoice.vat
    end as cost_vat,
    invoice.currency,
    round(invoice.net / fx.units_per_eur, 4) as net_eur,
    round(invoice.gross / fx.units_per_eur, 4) as gross_eur,
    invoice.loaded_at,
    null::text as version
from {int_invoices} as invoice
left join {invoice_kinds} as kind on kind.category = invoice.category
left join {int_fx_rates} as fx
    on fx.currency = invoice.currency
    and invoice.date >= fx.valid_from
    and invoice.date < fx.valid_to

-- view marts.fct_order_lines of (order_lines): A line that its order has now.
-- Amounts without VAT are exact; nothing is rounded before it is added up.
with lines as (
    select
        line.*,
        o.date as ordered_at,
        o.status as order_status,
        o.loaded_at as order_loaded_at,
        (coalesce(o.date, o.created, o.modified) at time zone coalesce(place.timezone, 'UTC'))::date as fx_date,
        (o.date at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
        coalesce(o.status <> 0 and line.status = 1, false) as is_sold,
        -- Under reverse charge the buyer owes the VAT, so that the price has none.
        case when line.reversible_vat_charging then 0 else line.vat end as vat_rate
    from {stg_emag__order_lines} as line
    inner join {stg_emag__orders} as o
        on o.marketplace = line.marketplace
        and o.account_type = line.account_type
        and o.type = line.order_type
        and o.id = line.order_id
    left join {marketplaces} as place on place.marketplace = line.marketplace
)
select
    line.order_line_key,
    line.order_key,
    line.account_key,
    line.offer_key,
    line.marketplace,
    line.account_type,
    line.order_type,
    line.order_type_label,
    line.order_id,
    line.id as line_id,
    line.product_id,
    line.name as product_name,
    line.part_number,
    line.part_number_key,
    line.campaign_id,
    line.ordered_at,
    line.local_date,
    line.order_status,
    line.status,
    line.status_label,
    line.is_sold,
    line.vat_rate,
    line.initial_qty as ordered_pieces,
    line.storno_qty as returned_pieces,
    case when line.is_sold then line.quantity else 0 end as sold_pieces,
    line.sale_price as unit_price_net,
    line.initial_qty * line.sale_price as ordered_net,
    line.initial_qty * line.sale_price * (1 + line.vat_rate) as ordered_gross,
    case when line.is_sold then line.storno_qty * line.sale_price else 0 end as returned_net,
    case when line.is_sold then line.quantity * line.sale_price else 0 end as revenue_net,
    case when line.is_sold then line.quantity * line.sale_price * line.vat_rate else 0 end
        as revenue_vat,
    case when line.is_sold then line.quantity * line.sale_price * (1 + line.vat_rate) else 0 end
        as revenue_gross,
    coalesce(deposit.net, 0) as deposit_net,
    coalesce(deposit.gross, 0) as deposit_gross,
    coalesce(discounts.discount_net, 0) as discount_net,
    coalesce(discounts.seller_discount_net, 0) as seller_discount_net,
    coalesce(discounts.emag_discount_net, 0) as emag_discount_net,
    coalesce(discounts.discount_gross, 0) as discount_gross,
    line.initial_qty * line.sale_price * (1 + line.vat_rate)
        + coalesce(deposit.gross, 0)
        + coalesce(discounts.discount_gross, 0) as due_gross,
    line.currency,
    round(case when line.is_sold then line.quantity * line.sale_price else 0 end / fx.units_per_eur, 4)
        as revenue_net_eur,
    round(case when line.is_sold then line.quantity * line.sale_price * (1 + line.vat_rate) else 0 end / fx.units_per_eur, 4)
        as revenue_gross_eur,
    greatest(line.loaded_at, line.order_loaded_at) as loaded_at
from lines as line
left join lateral (
    select
        sum((each ->> 'quantity')::numeric * (each ->> 'sale_price')::numeric) as net,
        sum(
            (each ->> 'quantity')::numeric
            * (each ->> 'sale_price')::numeric
            * (1 + coalesce(case when (each ->> 'vat_rate')::numeric > 1 then (each ->> 'vat_rate')::numeric / 100 else (each ->> 'vat_rate')::numeric end, 0))
        ) as gross
    from jsonb_array_elements(
        case jsonb_typeof(line.recycle_warranties) when 'array' then line.recycle_warranties end
    ) as each
) as deposit on true
-- The rows of few orders are looked up, those of all are added up at once.
left join  (
    select
        split.order_line_key,
        sum(split.discount_net) as discount_net,
        sum(split.discount_gross) as discount_gross,
        sum(split.discount_net) filter (where split.sponsor = 'seller') as seller_discount_net,
        sum(split.discount_net) filter (where split.sponsor = 'eMAG') as emag_discount_net
    from {fct_voucher_splits} as split
    where split.order_line_key is not null
    group by split.order_line_key
) as discounts on discounts.order_line_key = line.order_line_key
left join {int_fx_rates} as fx
    on fx.currency = line.currency and line.fx_date >= fx.valid_from and line.fx_date < fx.valid_to

-- view marts.fct_orders of (orders): An order as it is now, with what its lines, vouchers and shipping add up to.
-- The last of the orders' facts: int_orders_changed takes an order for built when it is in here.
with orders as (
    select
        o.*,
        null::text as version,
        (o.date at time zone coalesce(place.timezone, 'UTC'))::date as local_date,
        (o.finalization_date at time zone coalesce(place.timezone, 'UTC'))::date as finalized_date,
        fx.units_per_eur
    from {stg_emag__orders} as o
    left join {marketplaces} as place on place.marketplace = o.marketplace
    left join {int_fx_rates} as fx
        on fx.currency = o.currency
        and (coalesce(o.date, o.created, o.modified) at time zone coalesce(place.timezone, 'UTC'))::date >= fx.valid_from
        and (coalesce(o.date, o.created, o.modified) at time zone coalesce(place.timezone, 'UTC'))::date < fx.valid_to
)
select
    o.order_key,
    o.account_key,
    encode(
        sha256(convert_to(
            o.marketplace || ':' || o.customer_id || ':' || (select salt from {customer_salt} as given),
            'UTF8'
        )),
        'hex'
    ) as customer_key,
    o.marketplace,
    o.account_type,
    o.type as order_type,
    o.type_label as order_type_label,
    case o.type when 2 then 'eMAG' when 3 then 'seller' end as fulfilled_by,
    o.id as order_id,
    o.status,
    o.status_label,
    o.status = 0 as is_cancelled,
    o.reason_cancellation_id,
    coalesce(o.reason_cancellation_label, o.reason_cancellation_name) as cancellation_reason,
    o.date as ordered_at,
    o.local_date,
    o.modified as modified_at,
    o.finalization_date as finalized_at,
    o.finalized_date,
    o.maximum_date_for_shipment as ship_by,
    o.late_shipment as is_late,
    o.payment_mode_id,
    o.payment_mode_label,
    o.payment_status,
    o.payment_status_label,
    o.delivery_mode,
    o.delivery_mode_label,
    o.emag_club as is_genius,
    coalesce(lines.lines, 0) as lines,
    coalesce(lines.ordered_pieces, 0) as ordered_pieces,
    coalesce(lines.returned_pieces, 0) as returned_pieces,
    coalesce(lines.sold_pieces, 0) as sold_pieces,
    coalesce(lines.ordered_net, 0) as ordered_net,
    coalesce(lines.returned_net, 0) as returned_net,
    coalesce(lines.revenue_net, 0) as revenue_net,
    case when coalesce(lines.has_vat, true) then coalesce(lines.revenue_vat, 0) end as revenue_vat,
    case when coalesce(lines.has_vat, true) then coalesce(lines.revenue_net + lines.revenue_vat, 0) end
        as revenue_gross,
    coalesce(lines.deposit_net, 0) as deposit_net,
    coalesce(o.shipping_tax, 0) as shipping_gross,
    coalesce(discounts.discount_net, 0) as discount_net,
    coalesce(discounts.discount_gross, 0) as discount_gross,
    coalesce(discounts.seller_discount_net, 0) as seller_discount_net,
    coalesce(discounts.emag_discount_net, 0) as emag_discount_net,
    -- What the customer owes for the order as it was placed.
    case
        when coalesce(lines.has_vat, true) then
            coalesce(lines.due_gross, 0)
            + coalesce(o.shipping_tax, 0)
            + coalesce(discounts.of_shipping_gross, 0)
    end as due_gross,
    coalesce(o.cashed_co, 0) + coalesce(o.cashed_cod, 0) as cashed,
    coalesce(o.refunded_amount, 0) as refunded,
    o.currency,
    o.units_per_eur,
    round(coalesce(lines.revenue_net, 0) / o.units_per_eur, 4) as revenue_net_eur,
    case when coalesce(lines.has_vat, true) then
        round(coalesce(lines.revenue_net + lines.revenue_vat, 0) / o.units_per_eur, 4)
    end as revenue_gross_eur,
    o.loaded_at,
    o.version
from orders as o
-- The rows of few orders are looked up, those of all are added up at once.
left join  (
    select
        line.order_key,
        count(*) as lines,
        -- A line without VAT rate leaves the order's gross amounts unknown, instead of too small.
        count(*) = count(line.vat_rate) as has_vat,
        sum(line.ordered_pieces) as ordered_pieces,
        sum(line.returned_pieces) as returned_pieces,
        sum(line.sold_pieces) as sold_pieces,
        sum(line.ordered_net) as ordered_net,
        sum(line.returned_net) as returned_net,
        sum(line.revenue_net) as revenue_net,
        sum(line.revenue_vat) as revenue_vat,
        sum(line.deposit_net) as deposit_net,
        sum(line.due_gross) as due_gross
    from {fct_order_lines} as line
    group by line.order_key
) as lines on lines.order_key = o.order_key
left join  (
    select
        split.order_key,
        sum(split.discount_net) as discount_net,
        sum(split.discount_gross) as discount_gross,
        sum(split.discount_net) filter (where split.sponsor = 'seller') as seller_discount_net,
        sum(split.discount_net) filter (where split.sponsor = 'eMAG') as emag_discount_net,
        sum(split.discount_gross) filter (where split.level = 'shipping') as of_shipping_gross
    from {fct_voucher_splits} as split
    group by split.order_key
) as discounts on discounts.order_key = o.order_key

-- view marts.fct_return_lines of (return_lines): A product in a return.
-- Lines with what their pieces cost in the order, where the order has one price for the product.
with returned as (
    select
        line.*,
        r.order_key,
        r.type as order_type,
        r.order_id,
        r.date as opened_at,
        r.request_status,
        r.request_status_label,
        (r.date at time zone coalesce(place.timezone, 'UTC'))::date as local_date
    from {stg_emag__return_lines} as line
    inner join {stg_emag__returns} as r on r.return_key = line.return_key
    left join {marketplaces} as place on place.marketplace = r.marketplace
)
select
    line.return_line_key,
    line.return_key,
    line.account_key,
    line.order_key,
    line.offer_key,
    line.marketplace,
    line.account_type,
    line.return_emag_id as return_id,
    line.id as line_id,
    line.product_id,
    line.product_emag_id,
    line.product_name,
    line.opened_at,
    line.local_date,
    line.request_status as status,
    line.request_status_label as status_label,
    line.return_reason as reason_code,
    reason.reason_1,
    reason.reason_2,
    reason.reason_3,
    line.quantity as pieces,
    prices.unit_price_net,
    line.quantity * prices.unit_price_net as value_net,
    coalesce(prices.currency, line.currency) as currency,
    line.loaded_at
from returned as line
-- The prices of few orders are looked up, those of all are compared at once.
left join  (
    select
        bought.order_key,
        bought.product_id,
        min(bought.unit_price_net) as unit_price_net,
        min(bought.currency) as currency
    from {fct_order_lines} as bought
    group by bought.order_key, bought.product_id
    having min(bought.unit_price_net) = max(bought.unit_price_net)
) as prices
    on prices.order_key = line.order_key and prices.product_id = line.product_id
left join {int_return_reasons} as reason
    on reason.marketplace = line.marketplace
    and reason.account_type = line.account_type
    and reason.code = line.return_reason

-- view marts.agg_daily_sales of (orders): Orders and sales by day, account and currency. Orders without a date have a row without local_date.
-- Orders without a date have a row of their own, with no local_date. Where an amount of one order is
-- unknown, so is the sum: it would be too small.
select
    account_key,
    marketplace,
    account_type,
    local_date,
    currency,
    count(*) as orders,
    count(*) filter (where is_cancelled) as cancelled_orders,
    sum(sold_pieces) as sold_pieces,
    sum(returned_pieces) filter (where not is_cancelled) as returned_pieces,
    round(sum(revenue_net), 2) as revenue_net,
    case when count(*) = count(revenue_vat) then round(sum(revenue_vat), 2) end as revenue_vat,
    case when count(*) = count(revenue_gross) then round(sum(revenue_gross), 2) end as revenue_gross,
    round(sum(discount_net) filter (where not is_cancelled), 2) as discount_net,
    round(sum(seller_discount_net) filter (where not is_cancelled), 2) as seller_discount_net,
    round(sum(emag_discount_net) filter (where not is_cancelled), 2) as emag_discount_net,
    round(sum(shipping_gross) filter (where not is_cancelled), 2) as shipping_gross,
    case when count(*) = count(revenue_net_eur) then round(sum(revenue_net_eur), 2) end as revenue_net_eur,
    case when count(*) = count(revenue_gross_eur) then round(sum(revenue_gross_eur), 2) end as revenue_gross_eur
from {fct_orders} as o
group by account_key, marketplace, account_type, local_date, currency

-- view marts.agg_monthly_settlement of (orders, invoices, customer_invoices): Finalized orders against eMAG's invoices, by month, account and currency.
-- What eMAG's invoices and the orders come to, by month, account and currency. Orders count in the
-- month in which they were finalized; eMAG charges commission for them then.
with orders as (
    select
        account_key,
        marketplace,
        account_type,
        date_trunc('month', finalized_date)::date as month_start,
        currency,
        count(*) as finalized_orders,
        sum(ordered_net) as ordered_net,
        sum(returned_net) as returned_net,
        sum(revenue_net) as revenue_net,
        sum(emag_discount_net) as emag_discount_net,
        sum(seller_discount_net) as seller_discount_net
    from {fct_orders} as o
    where finalized_date is not null and not is_cancelled
    group by 1, 2, 3, 4, 5
),
invoices as (
    select
        account_key,
        marketplace,
        account_type,
        month_start,
        currency,
        sum(cost_net) filter (where kind = 'commission') as commission_net,
        sum(cost_net) filter (where kind = 'transport') as transport_net,
        sum(cost_net) filter (where kind = 'other') as other_costs_net,
        sum(cost_net) as emag_costs_net,
        sum(cost_vat) as emag_costs_vat,
        sum(net) filter (where issued_by = 'seller') as invoiced_to_customers_net,
        sum(gross) filter (where issued_by = 'seller') as invoiced_to_customers_gross
    from {fct_invoices} as invoice
    where month_start is not null
    group by 1, 2, 3, 4, 5
)
select
    coalesce(orders.account_key, invoices.account_key) as account_key,
    coalesce(orders.marketplace, invoices.marketplace) as marketplace,
    coalesce(orders.account_type, invoices.account_type) as account_type,
    coalesce(orders.month_start, invoices.month_start) as month_start,
    coalesce(orders.currency, invoices.currency) as currency,
    coalesce(orders.finalized_orders, 0) as finalized_orders,
    round(coalesce(orders.ordered_net, 0), 2) as ordered_net,
    round(coalesce(orders.returned_net, 0), 2) as returned_net,
    round(coalesce(orders.revenue_net, 0), 2) as revenue_net,
    round(coalesce(orders.emag_discount_net, 0), 2) as emag_discount_net,
    round(coalesce(orders.seller_discount_net, 0), 2) as seller_discount_net,
    round(coalesce(invoices.commission_net, 0), 2) as commission_net,
    round(coalesce(invoices.transport_net, 0), 2) as transport_net,
    round(coalesce(invoices.other_costs_net, 0), 2) as other_costs_net,
    round(coalesce(invoices.emag_costs_net, 0), 2) as emag_costs_net,
    round(coalesce(invoices.emag_costs_vat, 0), 2) as emag_costs_vat,
    round(coalesce(invoices.invoiced_to_customers_net, 0), 2) as invoiced_to_customers_net,
    round(coalesce(invoices.invoiced_to_customers_gross, 0), 2) as invoiced_to_customers_gross,
    round(coalesce(orders.revenue_net, 0) - coalesce(invoices.emag_costs_net, 0), 2)
        as revenue_less_costs_net
from orders
full join invoices
    on invoices.account_key = orders.account_key
    and invoices.month_start = orders.month_start
    and invoices.currency = orders.currency

-- view marts.dim_accounts of (orders, products, returns, invoices, customer_invoices): A seller account on a marketplace.
-- Every account of which anything was loaded.
with accounts as (
    select account_key, marketplace, account_type from {agg_daily_sales} as t
    union
    select account_key, marketplace, account_type from {dim_offers} as t
    union
    select account_key, marketplace, account_type from {fct_returns} as t
    union
    select account_key, marketplace, account_type from {fct_invoices} as t
),
orders as (
    select
        account_key,
        sum(orders)::bigint as orders,
        min(local_date) as first_order_date,
        max(local_date) as last_order_date
    from {agg_daily_sales} as t
    group by account_key
)
select
    accounts.account_key,
    accounts.marketplace,
    accounts.account_type,
    place.country,
    place.timezone,
    (
        select o.vendor_name
        from {orders} as o
        where o.marketplace = accounts.marketplace
            and o.account_type = accounts.account_type
            and o.vendor_name is not null
        limit 1
    ) as vendor_name,
    coalesce(orders.orders, 0) as orders,
    orders.first_order_date,
    orders.last_order_date
from accounts
left join {marketplaces} as place on place.marketplace = accounts.marketplace
left join orders on orders.account_key = accounts.account_key

-- view marts.dim_customers of (orders): A customer of a marketplace, by the hash of eMAG's number for them.
-- Customers by the hash of their id at eMAG: when they bought first and last, and how often.
-- An order that was cancelled does not count. Without date an order counts, but is neither.
select
    customer_key,
    marketplace,
    count(*) as placed_orders,
    count(*) filter (where not is_cancelled) as orders,
    count(distinct account_key) as accounts,
    min(ordered_at) filter (where not is_cancelled) as first_ordered_at,
    min(local_date) filter (where not is_cancelled) as first_order_date,
    max(local_date) filter (where not is_cancelled) as last_order_date,
    count(*) filter (where not is_cancelled) > 1 as is_returning
from {fct_orders} as o
where customer_key is not null
group by customer_key, marketplace

-- view marts.dim_dates of (orders, invoices, customer_invoices, product_history): A day of the calendar.
-- Every day from the first order, invoice or version of an offer up to the end of next year.
with first_day as (
    select least(
        (select min(local_date) from {agg_daily_sales} as t),
        (select min(date) from {fct_invoices} as t),
        (select min(local_date) from {fct_stock_days} as t),
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
