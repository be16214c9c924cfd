-- grain: one UTC hour and metric that is not zero in it
-- reads: raw.events_v1, raw.facts_v1
-- partition: metric_date
-- owner: analytics
-- limits: counted from what is stored, under the names that the live metrics use (`events`, `events:<type>`, `facts`,
--         `facts:<type>`) and beside them `people`, those of events and facts, and `wait_s`, the mean seconds from an
--         event to our receiving it where the phone says both. The live metrics themselves are not kept in BigQuery.
with events as (
    select
        timestamp_trunc(received_at, hour) as metric_hour,
        type,
        coalesce(user_id, anonymous_id) as person,
        timestamp_diff(sent_at, occurred_at, millisecond) as waited_ms
    from raw.events_v1
    where date(received_at) = @day
),

facts as (
    select
        timestamp_trunc(accepted_at, hour) as metric_hour,
        type,
        if(type in ('PhotoDeveloped', 'PhotoSpoiled'), null, user_id) as person
    from raw.facts_v1
    where date(accepted_at) = @day
),

metrics as (
    select
        metric_hour,
        'events' as metric,
        cast(count(*) as float64) as amount
    from events
    group by metric_hour
    union all
    select
        metric_hour,
        concat('events:', type) as metric,
        cast(count(*) as float64) as amount
    from events
    group by metric_hour, type
    union all
    select
        metric_hour,
        'facts' as metric,
        cast(count(*) as float64) as amount
    from facts
    group by metric_hour
    union all
    select
        metric_hour,
        concat('facts:', type) as metric,
        cast(count(*) as float64) as amount
    from facts
    group by metric_hour, type
    union all
    select
        metric_hour,
        'people' as metric,
        cast(count(distinct person) as float64) as amount
    from (
        select
            metric_hour,
            person
        from events
        union all
        select
            metric_hour,
            person
        from facts
    ) as people
    where person is not null
    group by metric_hour
    union all
    select
        metric_hour,
        'wait_s' as metric,
        round(sum(waited_ms) / count(*) / 1000, 3) as amount
    from events
    where waited_ms between 0 and 2592000000
    group by metric_hour
),

hourly as (
    select
        @day as metric_date,
        metric_hour,
        metric,
        amount
    from metrics
)

select * from hourly
