-- claim: of each app's events of the day, at least 19 of 20 name a user or a device
with named as (
    select
        app,
        count(*) as events,
        countif(person is null) as nameless
    from staging.stg_events_between(@day, @day)
    group by app
),

too_many as (
    select * from named
    where nameless * 20 > events
)

select * from too_many
