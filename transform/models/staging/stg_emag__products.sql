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
    {{ gone_at('t') }} as gone_at,
    t._sdc_batched_at as loaded_at
from {{ emag_table('products') }} as t
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
left join {{ emag_table('genius_eligibility_types') }} as genius_eligibility_type_codes
    on genius_eligibility_type_codes.marketplace = t.marketplace
    and genius_eligibility_type_codes.account_type = t.account_type
    and genius_eligibility_type_codes.code = t.genius_eligibility_type
left join {{ emag_table('genius_eligibility_types') }} as genius_computed_codes
    on genius_computed_codes.marketplace = t.marketplace
    and genius_computed_codes.account_type = t.account_type
    and genius_computed_codes.code = t.genius_computed
left join {{ emag_table('content_ownerships') }} as ownership_code_codes
    on ownership_code_codes.marketplace = t.marketplace
    and ownership_code_codes.account_type = t.account_type
    and ownership_code_codes.code = t.ownership_code
