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
from {{ emag_table('orders', personal=true) }} as o
where {{ is_current_order('o') }}
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
from {{ emag_table('returns', personal=true) }} as r
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
from {{ emag_table('customer_invoices', personal=true) }} as i
