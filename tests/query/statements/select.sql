-- Projections, arithmetic, expressions without tables.
select 1
select 1, 2, 3
select 1 + 2 * 3
select (1 + 2) * 3
select 7 / 2
select -7 / 2
select 7 % 3, -7 % 3, 7 % -3
select 7.0 / 2
select 2.5 * 4
select 1.10 + 2.205
select 10 - 3.5
select -5, +5, - (3 + 4)
select abs(-7), abs(7.25), abs(-0.5e0)
select 1 = 1, 1 <> 2, 1 < 2, 2 <= 2, 3 > 4, 5 >= 5
select 'a' || 'b' || 'c'
select 'a' < 'b', 'B' < 'a', 'abc' = 'abc'
select true and false, true or false, not true
select null and false, null and true, null or true, null or false
select null = null, null <> 1, 1 < null
select null is null, 1 is null, null is not null, 1 is not null
select 1 is distinct from null, null is distinct from null, 1 is not distinct from 1
select true is true, false is true, null is true, null is not true
select null::boolean is unknown, true is unknown, false is not unknown
select case when 1 > 2 then 'a' when 2 > 1 then 'b' else 'c' end
select case 3 when 1 then 'one' when 3 then 'three' end
select case when false then 1 end
select coalesce(null, null, 3, 4)
select coalesce(null::text, 'x')
select nullif(3, 3), nullif(3, 4)
select greatest(1, 5, 3), least(4, 2, 8)
select greatest(1, null, 3), least(null, 2)
select cast('42' as integer), '43'::bigint, '1.5'::double precision
select 1::text || 'x'
select 42::smallint, 42::bigint, 42::real
select 1.25::numeric(10,1)
select 1.35::numeric(10,1), -1.35::numeric(10,1)
select 'true'::boolean, 'f'::boolean, 1::boolean
select true::integer, false::integer
select round(2.5), round(-2.5), round(3.14159, 2)
select round(1234.5678, 1), round(1234.5678, 0)
select floor(2.7), ceil(2.1), floor(-2.7), ceil(-2.1)
select sqrt(16.0::double precision), power(2.0::double precision, 10.0::double precision)
select exp(0.0::double precision), ln(1.0::double precision)
select sign(-3), sign(0), sign(12)
select mod(10, 3)
select 5 between 1 and 10, 5 not between 1 and 10, 5 between 10 and 1
select 3 in (1, 2, 3), 4 in (1, 2, 3), 4 not in (1, 2, 3)
select 3 in (1, null), 1 in (1, null), 3 not in (1, null)
select 'abc' in ('abc', 'def')
select count(*) from events
select * from nums order by n
select n, n * n as square from nums where n is not null order by n
select n + 1 from nums order by 1
select label, n from nums order by label desc, n
select event_type from events where id = 17
select id, user_id, event_type, price from events where id < 20 order by id
select * from events where id between 100 and 110 order by id
select e.id, e.event_type from events e where e.id < 5 order by e.id
select events.id from events where events.id < 4 order by events.id
select id as a, id as b from events where id < 3 order by a
select e.* from events e where id < 4 order by id
select id, e.* from events e where id < 3 order by 1
select "id" from "events" where "id" = 3
select 1 as "Mixed Case", 2 as "select"
select id from events order by id limit 5
select id from events order by id desc limit 5
select id from events order by id limit 5 offset 10
select id from events order by id offset 2990
select id from events order by id limit 0
select id from events where id < 10 order by id limit all
select id + 0 as x from events where id < 6 order by x desc
select id from events where id < 12 order by id % 3, id
select id, price from events where id < 60 order by price desc nulls last, id
select id, price from events where id < 60 order by price nulls first, id
select id, price from events where id < 60 order by price desc, id
select id, price from events where id < 60 order by price, id
select id, country from events where id < 40 order by country nulls first, id desc
select distinct event_type from events order by event_type
select distinct country from events order by country
select distinct country, event_type from events order by country, event_type
select distinct is_new, quantity from events order by is_new, quantity
select distinct id % 7 from events order by 1
select distinct price is null from events order by 1
select count(*) from (select distinct user_id from events) t
