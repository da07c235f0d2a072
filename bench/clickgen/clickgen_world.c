/*
 * Makes the tables of the shop's world. Everything is drawn from the seed with integers and IEEE
 * basic operations, so that a seed names the same world on every machine.
 */
#include "bench/clickgen/clickgen_world.h"

#include <stdbool.h>

typedef struct place {
    const char *country, *currency, *language, *cities; /* cities parted by '|' */
} place;

static const place places[] = {
    {"US", "USD", "en-US", "New York|Los Angeles|Chicago|Houston|Seattle|Boston|Denver|Atlanta"},
    {"IN", "INR", "en-IN", "Mumbai|Delhi|Bengaluru|Pune|Chennai|Hyderabad|Kolkata"},
    {"DE", "EUR", "de-DE", "Berlin|Hamburg|M\xc3\xbcnchen|K\xc3\xb6ln|Leipzig"},
    {"GB", "GBP", "en-GB", "London|Manchester|Leeds|Glasgow"},
    {"BR", "BRL", "pt-BR", "S\xc3\xa3o Paulo|Rio de Janeiro|Salvador|Curitiba"},
    {"FR", "EUR", "fr-FR", "Paris|Lyon|Marseille|Nantes"},
    {"JP", "JPY", "ja-JP", "Tokyo|Osaka|Nagoya|\xe6\x9c\xad\xe5\xb9\x8c"},
    {"ES", "EUR", "es-ES", "Madrid|Barcelona|Sevilla"},
    {"IT", "EUR", "it-IT", "Roma|Milano|Torino"},
    {"CA", "CAD", "en-CA",
     "Toronto|Montr\xc3\xa9"
     "al|Vancouver"},
    {"AU", "AUD", "en-AU", "Sydney|Melbourne|Perth"},
    {"MX", "MXN", "es-MX", "Ciudad de M\xc3\xa9xico|Guadalajara"},
    {"NL", "EUR", "nl-NL", "Amsterdam|Utrecht"},
    {"PL", "PLN", "pl-PL", "Warszawa|Krak\xc3\xb3w"},
    {"SE", "SEK", "sv-SE", "Stockholm|G\xc3\xb6teborg"},
    {"TR", "TRY", "tr-TR", "\xc4\xb0stanbul|Ankara"},
    {"ZA", "ZAR", "en-ZA", "Cape Town|Johannesburg"},
    {"KR", "KRW", "ko-KR", "Seoul|Busan"},
    {"SG", "SGD", "en-SG", "Singapore"},
    {"CH", "CHF", "de-CH", "Z\xc3\xbcrich|Gen\xc3\xa8ve"},
};

static const char *const words[] = {
    "wool",   "linen",  "oak",   "steel", "copper", "amber",  "velvet", "canvas",  "cedar",
    "marble", "cotton", "silk",  "maple", "bronze", "slate",  "ivory",  "onyx",    "willow",
    "hazel",  "pearl",  "lamp",  "chair", "jacket", "kettle", "basket", "blanket", "mirror",
    "bottle", "shelf",  "bag",   "desk",  "mug",    "scarf",  "clock",  "rug",     "boots",
    "tent",   "camera", "watch", "bowl",  "phone",  "tablet", "router", "guitar",  "bike",
    "helmet", "ladder", "drill", "spade", "planter"};

static const char *const static_names[] = {"offers",   "new",     "about",  "help",
                                           "shipping", "returns", "stores", "careers",
                                           "contact",  "privacy", "blog",   "gifts"};

static const char *const site_names[] = {
    "https://www.google.com/",           "https://www.bing.com/",
    "https://duckduckgo.com/",           "https://www.instagram.com/",
    "https://www.facebook.com/",         "https://t.co/",
    "https://www.youtube.com/",          "https://www.reddit.com/",
    "https://news.ycombinator.com/",     "https://www.pinterest.com/",
    "https://mail.example.org/",         "https://partner.example.net/deals",
    "https://www.linkedin.com/",         "https://search.example.org/",
    "https://coupons.example.net/today", "https://prices.example.net/",
    "https://www.tiktok.com/",           "https://blog.example.org/gifts",
    "https://forum.example.org/t/",      "https://yandex.example.org/",
    "https://www.ecosia.org/",           "https://compare.example.net/",
    "https://review.example.net/p",      "https://news.example.org/shopping"};

enum { WORD_COUNT = sizeof words / sizeof *words, PLACE_COUNT = sizeof places / sizeof *places };

_Static_assert(sizeof site_names / sizeof *site_names == WENDI_CLICKGEN_SITE_COUNT, "a site each");

static bool keep_text(char *text, wendi_string *out)
{
    if (text == NULL) {
        return false;
    }
    *out = wendi_string_of(text);
    return true;
}

/* Vose's construction (A Linear Algorithm for Generating Random Numbers With a Given Distribution).
 */
static bool make_zipf(wendi_arena *arena, uint32_t count, uint32_t offset,
                      wendi_clickgen_zipf *zipf)
{
    double *share = wendi_arena_alloc(arena, count * sizeof *share);
    uint32_t *small = wendi_arena_alloc(arena, count * sizeof *small);
    uint32_t *large = wendi_arena_alloc(arena, count * sizeof *large);
    zipf->keep = wendi_arena_alloc(arena, count * sizeof *zipf->keep);
    zipf->alias = wendi_arena_alloc(arena, count * sizeof *zipf->alias);
    zipf->count = count;
    if (share == NULL || small == NULL || large == NULL || zipf->keep == NULL ||
        zipf->alias == NULL) {
        return false;
    }
    double sum = 0;
    for (uint32_t k = 0; k < count; k++) {
        share[k] = 1.0 / (double)(k + offset);
        sum += share[k];
    }
    uint32_t small_count = 0, large_count = 0;
    for (uint32_t k = 0; k < count; k++) {
        share[k] = share[k] / sum * (double)count;
        if (share[k] < 1.0) {
            small[small_count++] = k;
        } else {
            large[large_count++] = k;
        }
        zipf->keep[k] = UINT32_MAX;
        zipf->alias[k] = k;
    }
    while (small_count > 0 && large_count > 0) {
        uint32_t low = small[--small_count], high = large[--large_count];
        zipf->keep[low] = (uint32_t)(share[low] * 4294967295.0);
        zipf->alias[low] = high;
        share[high] = share[high] - (1.0 - share[low]);
        if (share[high] < 1.0) {
            small[small_count++] = high;
        } else {
            large[large_count++] = high;
        }
    }
    return true;
}

static char *page_text(wendi_arena *arena, uint32_t page, uint64_t bits)
{
    static const char *const fixed[] = {
        "/", "/cart", "/checkout", "/checkout/payment", "/checkout/thank-you", "/login"};
    const char *first = words[bits % 20];
    const char *second = words[20 + (bits >> 8) % (WORD_COUNT - 20)];

    if (page < WENDI_CLICKGEN_PAGE_STATIC) {
        return wendi_arena_printf(arena, "%s", fixed[page]);
    }
    if (page < WENDI_CLICKGEN_PAGE_CATEGORY) {
        uint32_t k = page - WENDI_CLICKGEN_PAGE_STATIC;
        return k < 12 ? wendi_arena_printf(arena, "/%s", static_names[k])
                      : wendi_arena_printf(arena, "/%s/%s-%u", static_names[k % 12], first, k);
    }
    if (page < WENDI_CLICKGEN_PAGE_SEARCH) {
        return wendi_arena_printf(arena, "/c/%s/%s-%u", second, first,
                                  page - WENDI_CLICKGEN_PAGE_CATEGORY);
    }
    if (page < WENDI_CLICKGEN_PAGE_PRODUCT) {
        uint32_t k = page - WENDI_CLICKGEN_PAGE_SEARCH;
        return wendi_arena_printf(arena, "/search?q=%s+%s&p=%u", words[k % 20],
                                  words[20 + k / 20 % 30], k / 600 + 1);
    }
    return wendi_arena_printf(arena, "/p/%s-%s-%u", first, second,
                              page - WENDI_CLICKGEN_PAGE_PRODUCT + 1);
}

static bool make_pages(wendi_clickgen_world *world, wendi_clickgen_random *random)
{
    for (uint32_t page = 0; page < WENDI_CLICKGEN_PAGE_COUNT; page++) {
        if (!keep_text(page_text(&world->arena, page, wendi_clickgen_draw(random)),
                       &world->pages[page])) {
            return false;
        }
    }
    for (uint32_t site = 0; site < WENDI_CLICKGEN_SITE_COUNT; site++) {
        world->sites[site] = wendi_string_of(site_names[site]);
    }
    return true;
}

/* Prices are many small and few large: the product of two uniform draws. */
static bool make_products(wendi_clickgen_world *world, wendi_clickgen_random *random)
{
    for (uint32_t product = 0; product < WENDI_CLICKGEN_PRODUCT_COUNT; product++) {
        uint32_t a = wendi_clickgen_below(random, 400), b = wendi_clickgen_below(random, 400);
        uint32_t cents = 149 + a * b;
        uint32_t number = product * 7919u % WENDI_CLICKGEN_PRODUCT_COUNT + 10000;
        cents = product % 3 == 0 ? cents / 100 * 100 + 99 : cents;
        world->price_cents[product] = cents;
        if (!keep_text(wendi_arena_printf(&world->arena,
                                          ",\"product_id\":\"P%u\",\"price\":%u.%02u", number,
                                          cents / 100, cents % 100),
                       &world->products[product])) {
            return false;
        }
    }
    return true;
}

static char *agent_text(wendi_arena *arena, uint32_t a, uint32_t b, uint32_t kind)
{
    static const char *const phones[] = {"SM-S918B",      "SM-A546E", "Pixel 8",
                                         "Redmi Note 12", "CPH2591",  "M2101K6G"};
    switch (kind) {
    case 0:
    case 1:
        return wendi_arena_printf(
            arena,
            ",\"user_agent\":\"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
            "(KHTML, like Gecko) "
            "Chrome/%u.0.%u.%u "
            "Safari/537.36\",\"os\":\"Windows\",\"device\":\"desktop\",\"browser\":\"Chrome\"",
            100 + a % 30, 4800 + a % 1700, b % 200);
    case 2:
        return wendi_arena_printf(
            arena,
            ",\"user_agent\":\"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_%u) "
            "AppleWebKit/605.1.15 (KHTML, like "
            "Gecko) Version/%u.%u.%u "
            "Safari/605.1.15\",\"os\":\"macOS\",\"device\":\"desktop\",\"browser\":\"Safari\"",
            a % 8, 13 + b % 5, a / 8 % 7, b / 5 % 10);
    case 3:
        return wendi_arena_printf(arena,
                                  ",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:%u.%u) "
                                  "Gecko/20100101 Firefox/%u.%u\","
                                  "\"os\":\"Linux\",\"device\":\"desktop\",\"browser\":\"Firefox\"",
                                  90 + a % 40, b % 20, 90 + a % 40, b % 20);
    case 4:
    case 5:
        return wendi_arena_printf(
            arena,
            ",\"user_agent\":\"Mozilla/5.0 (iPhone; CPU iPhone OS %u_%u_%u like Mac OS X) "
            "AppleWebKit/605.1.15 (KHTML, "
            "like Gecko) Version/%u.%u Mobile/15E148 "
            "Safari/604.1\",\"os\":\"iOS\",\"device\":\"mobile\",\"browser\":\"Safari\"",
            13 + a % 5, b % 8, a / 5 % 9, 13 + a % 5, b / 8 % 12);
    default:
        return wendi_arena_printf(
            arena,
            ",\"user_agent\":\"Mozilla/5.0 (Linux; Android %u; %s) AppleWebKit/537.36 (KHTML, like "
            "Gecko) "
            "Chrome/%u.0.%u.%u Mobile "
            "Safari/537.36\",\"os\":\"Android\",\"device\":\"%s\",\"browser\":\"Chrome\"",
            10 + a % 5, phones[b % 6], 100 + a / 5 % 30, 4800 + a % 1700, b / 6 % 200,
            kind == 9 ? "tablet" : "mobile");
    }
}

static bool make_agents(wendi_clickgen_world *world, wendi_clickgen_random *random)
{
    for (uint32_t agent = 0; agent < WENDI_CLICKGEN_AGENT_COUNT; agent++) {
        uint64_t bits = wendi_clickgen_draw(random);
        char *text = agent_text(&world->arena, (uint32_t)(bits >> 40), (uint32_t)bits & 0xffffff,
                                agent % 10);
        if (!keep_text(text, &world->agents[agent])) {
            return false;
        }
    }
    return true;
}

/* Cities are listed by rounds (every country's first, then every second, …), so that popularity,
   which falls along the list, mixes countries. */
static bool make_cities(wendi_clickgen_world *world)
{
    enum { ROUNDS = 8 };
    wendi_arena *arena = &world->arena;
    world->cities = wendi_arena_alloc(arena, sizeof *world->cities * PLACE_COUNT * ROUNDS);
    world->currencies = wendi_arena_alloc(arena, sizeof *world->currencies * PLACE_COUNT * ROUNDS);
    if (world->cities == NULL || world->currencies == NULL) {
        return false;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t p = 0; p < PLACE_COUNT; p++) {
            const char *at = places[p].cities;
            for (uint32_t skip = 0; skip < round && at != NULL; skip++) {
                at = strchr(at, '|');
                at = at == NULL ? NULL : at + 1;
            }
            if (at == NULL) {
                continue;
            }
            int length = (int)strcspn(at, "|");
            char *city = wendi_arena_printf(
                arena, ",\"country\":\"%s\",\"city\":\"%.*s\",\"language\":\"%s\"",
                places[p].country, length, at, places[p].language);
            char *currency = wendi_arena_printf(arena, ",\"currency\":\"%s\"", places[p].currency);
            if (!keep_text(city, &world->cities[world->city_count]) ||
                !keep_text(currency, &world->currencies[world->city_count])) {
                return false;
            }
            world->city_count++;
        }
    }
    return true;
}

wend_status wendi_clickgen_world_make(wendi_clickgen_world *world, uint64_t seed, wend_error *error)
{
    wendi_clickgen_random random = {wendi_clickgen_mix(seed ^ 0x776f726c64u)};
    wendi_arena *arena = &world->arena;

    wendi_arena_init(arena, 1 << 16);
    bool made = make_pages(world, &random) && make_products(world, &random) &&
                make_agents(world, &random) && make_cities(world) &&
                make_zipf(arena, WENDI_CLICKGEN_PRODUCT_COUNT, 8, &world->product_zipf) &&
                make_zipf(arena, WENDI_CLICKGEN_AGENT_COUNT, 10, &world->agent_zipf) &&
                make_zipf(arena, world->city_count, 3, &world->city_zipf) &&
                make_zipf(arena, WENDI_CLICKGEN_CATEGORY_COUNT, 4, &world->category_zipf) &&
                make_zipf(arena, WENDI_CLICKGEN_SEARCH_COUNT, 6, &world->search_zipf) &&
                make_zipf(arena, WENDI_CLICKGEN_STATIC_COUNT, 1, &world->static_zipf) &&
                make_zipf(arena, WENDI_CLICKGEN_SITE_COUNT, 1, &world->site_zipf);
    return made ? WEND_OK : wendi_fail_nomem(error, "the generator's tables", sizeof *world);
}

void wendi_clickgen_world_free(wendi_clickgen_world *world)
{
    wendi_arena_free(&world->arena);
}
