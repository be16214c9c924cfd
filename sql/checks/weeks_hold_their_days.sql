-- claim: who is active on a day is so in its week, and who is in its week is so in its four weeks
with wrong as (
    select
        app,
        country,
        active_users,
        weekly_active_users,
        monthly_active_users
    from marts.daily_activity_v1
    where
        activity_date = @day
        and (active_users > weekly_active_users or weekly_active_users > monthly_active_users)
)

select * from wrong
