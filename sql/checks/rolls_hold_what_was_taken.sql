-- claim: of a roll's photos no more are revealed and spoiled than were taken, and everyone who took one is counted once
with wrong as (
    select
        roll,
        photos,
        revealed,
        spoiled,
        deleted,
        photographers
    from marts.roll_summary_v1
    where
        summary_date = @day
        and (revealed + spoiled > photos or deleted > photos or photographers > photos or members < 0)
)

select * from wrong
