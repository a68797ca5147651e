-- A mart with amounts has their currency; where its rows are sums, the currency is in their grain.
-- A measure of MetricFlow adds up euro only. The rows found are the models that break this.
{% set found = [] %}
{% if execute %}
    {% set amounts = modules.re.compile('^(net|gross|vat|cashed|refunded)$|_(net|gross|vat)$|_price(_|$)|^price_') %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and '/marts/' in node.original_file_path %}
        {% set relation = adapter.get_relation(node.database, node.schema, node.alias) %}
        {% set names = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] %}
        {% set grain = node.config.meta.get('grain', []) %}
        {% if not grain %}
            {% do found.append(node.name ~ ': meta has no grain') %}
        {% endif %}
        {% for name in names if amounts.search(name) and not name.endswith('_eur') %}
            {% if 'currency' not in names %}
                {% do found.append(node.name ~ '.' ~ name ~ ': no column currency') %}
            {% elif node.name.startswith('agg_') and 'currency' not in grain %}
                {% do found.append(node.name ~ '.' ~ name ~ ': currency is not in the grain') %}
            {% endif %}
        {% endfor %}
        {% if relation and node.name.startswith('agg_') %}
            {% set rows = run_query('select count(*) - count(distinct (' ~ grain | join(', ') ~ ')) from ' ~ relation) %}
            {% if rows.rows[0][0] != 0 %}
                {% do found.append(node.name ~ ': several rows of one ' ~ grain | join(', ')) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {% for each in graph.semantic_models.values() %}
        {% for measure in each.measures if measure.agg in ('sum', 'average') %}
            {% if amounts.search(measure.expr or measure.name) %}
                {% do found.append(each.name ~ '.' ~ measure.name ~ ': not in euro') %}
            {% endif %}
        {% endfor %}
    {% endfor %}
{% endif %}
{% for each in found %}
select '{{ each }}' as problem
{{ 'union all' if not loop.last }}
{% else %}
select null as problem where false
{% endfor %}
-- depends_on: {{ ref('agg_daily_sales') }} {{ ref('agg_monthly_settlement') }}
