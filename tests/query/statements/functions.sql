-- Text, casts and LIKE.
select length('hello'), length(''), length('äöü')
select upper('abc'), lower('ABC')
select upper(page), id from events where id < 5 order by id
select substring('hello' from 2 for 3), substring('hello' from 2), substr('hello', 3)
select position('l' in 'hello'), position('z' in 'hello')
select trim('  x  '), ltrim('  x  '), rtrim('  x  ')
select trim(both 'x' from 'xxabcxx'), trim(leading 'x' from 'xxabc'), trim(trailing 'c' from 'abcc')
select replace('banana', 'a', 'o')
select left('hello', 2), right('hello', 2)
select left('hello', -2), right('hello', -2)
select reverse('abc')
select repeat('ab', 3)
select concat('a', null, 'b', 1)
select concat_ws('-', 'a', null, 'b')
select lpad('7', 3, '0'), rpad('7', 3, 'x')
select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', 5)
select starts_with('hello', 'he'), starts_with('hello', 'lo')
select strpos('hello', 'll')
select ascii('A'), chr(66)
select 'hello' like 'h%', 'hello' like 'h_llo', 'hello' like '%z%'
select 'a%b' like 'a\%b', 'axb' like 'a\%b' <=> select 'a%b' like 'a\%b' escape '\', 'axb' like 'a\%b' escape '\'
select 'a%b' like 'a#%b' escape '#', 'axb' like 'a#%b' escape '#'
select 'HELLO' ilike 'hello', 'HELLO' not ilike 'h%'
select null like 'a', 'a' like null
select 'hello' ~ '^h.*o$', 'hello' !~ 'z'
select '12'::integer + 1
select 12::text, 12.50::text, true::text
select 1.5::double precision::text
select '2024-03-01'::date, '2024-03-01'::date::text
select '1.005'::numeric(10,2)
select 100::numeric(10,2)
select 1e3::double precision, 1.5e-3::double precision
select 3.7::integer, 3.2::integer, -3.7::integer
select cast(3.99 as bigint)
select id, event_type || ':' || coalesce(country, '?') from events where id < 10 order by id
select split_part(page, '/', 2) as section, count(*) from events group by section order by section
select left(page, 4), count(*) from events group by 1 order by 1
select page from events where page like '/product/%' and id < 200 order by page, id limit 10
select lower(country), upper(event_type) from events where id < 8 order by id
select replace(page, '/', '.') from events where id < 8 order by id
select length(user_id), count(*) from events group by 1 order by 1
select concat(event_type, '-', quantity) from events where id < 6 order by id
select id::text || '#' from events where id < 4 order by id
select coalesce(price, 0) from events where id < 20 order by id
select nullif(country, 'DE') from events where id < 20 order by id
select greatest(quantity, 3), least(quantity, 2) from events where id < 10 order by id
select abs(small), sign(small) from events where id < 20 order by id
select round(price), floor(price), ceil(price) from events where id < 20 and price is not null order by id
select price + 1, price - 0.5, price * 2, -price from events where id < 15 order by id
select price / 3 > 100 from events where id < 15 order by id
select score + rating, score * 10 from events where id < 15 order by id
select quantity / 2, quantity % 2 from events where id < 15 order by id
select big / 1000, big % 7 from events where id < 15 order by id
select small + quantity, small * quantity > 0 from events where id < 15 order by id
select is_new::integer, count(*) from events group by 1 order by 1
select trunc(2.7), trunc(-2.7)
