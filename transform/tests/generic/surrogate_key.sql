{# A key that is there and unique. #}
{% test surrogate_key(model, column_name) %}
select {{ column_name }}, count(*) as rows
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}
