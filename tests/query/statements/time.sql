-- Dates, times, intervals. Both engines run in UTC here.
select date_trunc('hour', ts), count(*) from events where id < 200 group by 1 order by 1
select date_trunc('day', ts) as d, count(*) from events group by d order by d
select date_trunc('week', ts) as w, count(*) from events group by w order by w
select date_trunc('month', ts) as m, count(*), sum(price) from events group by m order by m
select date_trunc('quarter', ts), count(*) from events group by 1 order by 1
select date_trunc('year', ts), count(*) from events group by 1 order by 1
select date_trunc('minute', ts) from events where id < 5 order by id
select extract(hour from ts) as h, count(*) from events group by h order by h
select extract(dow from ts) as d, count(*) from events group by d order by d
select extract(isodow from ts), count(*) from events group by 1 order by 1
select extract(day from ts), extract(month from ts), extract(year from ts) from events where id < 10 order by id
select extract(doy from ts), extract(week from ts), extract(quarter from ts) from events where id < 10 order by id
select extract(minute from ts), extract(epoch from ts) from events where id < 10 order by id
select date_part('hour', ts), count(*) from events group by 1 order by 1
select ts::date, count(*) from events group by 1 order by 1
select ts::date = day from events where id < 20 order by id
select ts + interval '1 day' from events where id < 5 order by id
select ts - interval '90 minutes' from events where id < 5 order by id
select ts + interval '1 month' from events where id < 5 order by id
select day + 1, day - 1 from events where id < 5 order by id
select day - date '2024-03-01' from events where id < 10 order by id
select count(*) from events where ts >= timestamptz '2024-03-05 00:00:00+00' + interval '12 hours'
select count(*) from events where ts > '2024-03-20 00:00:00+00'::timestamptz - interval '2 days'
select date '2024-02-29' + 366
select date '2024-03-31' - date '2024-02-29'
select timestamptz '2024-01-31 10:00:00+00' + interval '1 month'
select timestamptz '2024-03-31 10:00:00+02'
select timestamptz '2024-01-01 00:00:00+00' - timestamptz '2023-12-31 12:00:00+00' = interval '12 hours'
select date_trunc('month', timestamptz '2024-02-29 23:59:59.999999+00')
select date_trunc('week', timestamptz '2024-03-03 10:00:00+00')
select extract(epoch from timestamptz '2024-01-01 00:00:00+00')
select timestamptz '2024-07-01 12:00:00+00' at time zone 'Europe/Berlin'
select timestamptz '2024-01-01 12:00:00+00' at time zone 'America/New_York'
select timestamp '2024-07-01 12:00:00' at time zone 'Europe/Berlin'
select timestamp '2024-03-31 02:30:00' at time zone 'UTC'
select date_trunc('day', ts at time zone 'Asia/Kolkata') as d, count(*) from events group by d order by d
select extract(hour from ts at time zone 'America/Los_Angeles') as h, count(*) from events group by h order by h
select interval '1 day' > interval '23 hours', interval '1 hour' = interval '60 minutes'
select interval '1 hour' * 3 = interval '3 hours'
select max(ts) - min(ts) > interval '20 days' from events
select user_id, max(ts) from events where user_id is not null group by user_id order by 2 desc, 1 limit 5
select min(day), max(day), count(distinct day) from events
select date '2024-01-01' < date '2024-01-02', date '2024-01-01' = '2024-01-01'
select date_bin(interval '15 minutes', ts, timestamptz '2024-01-01 00:00:00+00') as b, count(*) from events where id < 300 group by b order by b <=> select time_bucket(interval '15 minutes', ts, timestamptz '2024-01-01 00:00:00+00') as b, count(*) from events where id < 300 group by b order by b
