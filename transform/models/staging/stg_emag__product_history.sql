-- `make generate` writes this file from the tables' declarations.
select
    t.marketplace || ':' || t.account_type || ':' || t.id || ':' || {{ time_in_key('t.changed_at') }} as offer_version_key,
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
from {{ emag_table('product_history') }} as t
left join {{ emag_table('offer_statuses') }} as status_codes
    on status_codes.marketplace = t.marketplace
    and status_codes.account_type = t.account_type
    and status_codes.code = t.status
left join {{ emag_table('offer_validation_statuses') }} as offer_validation_status_codes
    on offer_validation_status_codes.marketplace = t.marketplace
    and offer_validation_status_codes.account_type = t.account_type
    and offer_validation_status_codes.code = t.offer_validation_status
left join {{ emag_table('validation_statuses') }} as validation_status_codes
    on validation_status_codes.marketplace = t.marketplace
    and validation_status_codes.account_type = t.account_type
    and validation_status_codes.code = t.validation_status
left join {{ emag_table('validation_statuses') }} as translation_validation_status_codes
    on translation_validation_status_codes.marketplace = t.marketplace
    and translation_validation_status_codes.account_type = t.account_type
    and translation_validation_status_codes.code = t.translation_validation_status
