-- claim: the day's total has the events of all apps and countries, and no more people than they have together
with parts as (
    select
        coalesce(sum(events), 0) as events,
        coalesce(sum(active_users), 0) as active_users
    from marts.daily_activity_v1
    where activity_date = @day
),

wrong as (
    select
        totals.events,
        totals.active_users,
        parts.events as events_of_parts,
        parts.active_users as active_users_of_parts
    from marts.daily_totals_v1 as totals
    cross join parts
    where
        totals.activity_date = @day
        and (totals.events != parts.events or totals.active_users > parts.active_users)
)

select * from wrong
