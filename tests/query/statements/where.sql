-- Filters over every type, and what prunes.
select count(*) from events where event_type = 'purchase'
select count(*) from events where event_type <> 'purchase'
select count(*) from events where event_type in ('purchase', 'add_to_cart')
select count(*) from events where event_type not in ('purchase', 'add_to_cart')
select count(*) from events where event_type = 'no_such_type'
select count(*) from events where event_type like 'p%'
select count(*) from events where event_type like '%view'
select count(*) from events where event_type like '%a%t%'
select count(*) from events where event_type like 'page_view'
select count(*) from events where event_type like 'page\_view' <=> select count(*) from events where event_type like 'page\_view' escape '\'
select count(*) from events where event_type like 'page____w'
select count(*) from events where event_type not like 'p%'
select count(*) from events where event_type ilike 'PAGE%'
select count(*) from events where event_type > 'b' and event_type < 'q'
select count(*) from events where event_type >= 'page_view'
select count(*) from events where event_type between 'a' and 'p'
select count(*) from events where country is null
select count(*) from events where country is not null
select count(*) from events where country = 'DE' or country is null
select count(*) from events where country in ('DE', 'FR', 'XX')
select count(*) from events where country = ''
select count(*) from events where country <> ''
select count(*) from events where user_id = 'u7'
select count(*) from events where user_id in ('u1', 'u2', 'u3', 'nobody')
select count(*) from events where user_id is null
select count(*) from events where user_id > 'u5'
select count(*) from events where id = 1234
select count(*) from events where id < 0
select count(*) from events where id >= 1500
select count(*) from events where id > 100 and id <= 200
select count(*) from events where not (id > 100 and id <= 200)
select count(*) from events where id % 2 = 0
select count(*) from events where id = 5 or id = 6 or id = 7000
select count(*) from events where 100 > id
select count(*) from events where id + 1 = 1000
select count(*) from events where big > 4000000000
select count(*) from events where big = 4611686018427387905
select count(*) from events where big < 0
select count(*) from events where small = 3
select count(*) from events where small between -2 and 2
select count(*) from events where price > 100
select count(*) from events where price > 99.99 and price < 200.005
select count(*) from events where price = 12.50
select count(*) from events where price is null
select count(*) from events where price is not null and price <= 5
select count(*) from events where price * quantity > 500
select count(*) from events where price in (1.00, 2.00, 12.50)
select count(*) from events where score > 0.5
select count(*) from events where score <= 0.25
select count(*) from events where score is null
select count(*) from events where score * 2 > 1.5
select count(*) from events where rating >= 4
select count(*) from events where rating = 2.5
select count(*) from events where is_new
select count(*) from events where not is_new
select count(*) from events where is_new is null
select count(*) from events where is_new is not true
select count(*) from events where is_new = false
select count(*) from events where is_new and event_type = 'purchase'
select count(*) from events where is_new or event_type = 'purchase'
select count(*) from events where is_expensive
select count(*) from events where not is_expensive
select count(*) from events where ts >= '2024-03-10 00:00:00+00'
select count(*) from events where ts < timestamptz '2024-03-05 12:00:00+00'
select count(*) from events where ts >= '2024-03-05 00:00:00+00' and ts < '2024-03-06 00:00:00+00'
select count(*) from events where ts between '2024-03-05 00:00:00+00' and '2024-03-07 00:00:00+00'
select count(*) from events where ts < '1999-01-01 00:00:00+00'
select count(*) from events where day = date '2024-03-09'
select count(*) from events where day > '2024-03-20'
select count(*) from events where day in ('2024-03-01', '2024-03-02')
select count(*) from events where day is null
select count(*) from events where event_id = (select event_id from events where id = 77)
select count(*) from events where event_id is null
select id from events where event_type = 'purchase' and price > 900 order by id
select id from events where country = 'FR' and quantity = 3 and is_new order by id
select id, page from events where page like '/product/1%' and id < 300 order by id
select id from events where page = '/' and user_id = 'u3' order by id
select count(*) from events where length(page) > 10
select count(*) from events where upper(event_type) = 'PURCHASE'
select count(*) from events where substring(page from 1 for 3) = '/pr'
select count(*) from events where country || event_type = 'DEpurchase'
select count(*) from events where coalesce(country, 'none') = 'none'
select count(*) from events where case when id > 1000 then country = 'DE' else country = 'FR' end
select count(*) from events where id <> 0 and 100 / id > 3
select count(*) from events where id = 0 or 100 / id > 3
select count(*) from events where true
select count(*) from events where false
select count(*) from events where null
select count(*) from events where 1 = 1 and event_type = 'login'
select count(*) from events where country is distinct from 'DE'
select count(*) from events where country is not distinct from null
select count(*) from events where (event_type = 'purchase' and price > 50) or (event_type = 'login' and is_new)
select count(*) from events where id in (select n from nums)
select count(*) from events where ip = '10.0.0.1'
