{{ config(severity='warn') }}
-- By eMAG's documentation what remains of a line and what came back is what was ordered.
select order_line_key
from {{ ref('fct_order_lines') }}
where is_sold and ordered_net <> revenue_net + returned_net
