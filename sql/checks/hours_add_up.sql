-- claim: in every hour the events of all types are the hour's events, and the facts of all types its facts
with hours as (
    select
        metric_hour,
        coalesce(sum(if(metric = 'events', amount, null)), 0) as events,
        coalesce(sum(if(starts_with(metric, 'events:'), amount, null)), 0) as events_of_types,
        coalesce(sum(if(metric = 'facts', amount, null)), 0) as facts,
        coalesce(sum(if(starts_with(metric, 'facts:'), amount, null)), 0) as facts_of_types
    from marts.hourly_metrics_v1
    where metric_date = @day
    group by metric_hour
),

wrong as (
    select * from hours
    where events != events_of_types or facts != facts_of_types
)

select * from wrong
