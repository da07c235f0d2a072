/**
 * The shop's world: pages, products, user agents, places, each with its JSON text made beforehand,
 * and the samplers that choose among them. Read-only once made.
 */
#ifndef WENDI_CLICKGEN_WORLD_H
#define WENDI_CLICKGEN_WORLD_H

#include <stdint.h>

#include "bench/clickgen/clickgen_random.h"
#include "engine/base/arena.h"
#include "engine/base/bytes.h"

enum {
    WENDI_CLICKGEN_PAGE_COUNT = 5000,
    WENDI_CLICKGEN_PRODUCT_COUNT = 20000,
    WENDI_CLICKGEN_AGENT_COUNT = 3000,
    WENDI_CLICKGEN_SITE_COUNT = 24, /* other sites that people come from */

    /* Places of the kinds of pages in the table. */
    WENDI_CLICKGEN_PAGE_HOME = 0,
    WENDI_CLICKGEN_PAGE_CART,
    WENDI_CLICKGEN_PAGE_CHECKOUT,
    WENDI_CLICKGEN_PAGE_PAYMENT,
    WENDI_CLICKGEN_PAGE_THANKS,
    WENDI_CLICKGEN_PAGE_LOGIN,
    WENDI_CLICKGEN_PAGE_STATIC,
    WENDI_CLICKGEN_STATIC_COUNT = 34,
    WENDI_CLICKGEN_PAGE_CATEGORY = WENDI_CLICKGEN_PAGE_STATIC + WENDI_CLICKGEN_STATIC_COUNT,
    WENDI_CLICKGEN_CATEGORY_COUNT = 210,
    WENDI_CLICKGEN_PAGE_SEARCH = WENDI_CLICKGEN_PAGE_CATEGORY + WENDI_CLICKGEN_CATEGORY_COUNT,
    WENDI_CLICKGEN_SEARCH_COUNT = 750,
    WENDI_CLICKGEN_PAGE_PRODUCT = WENDI_CLICKGEN_PAGE_SEARCH + WENDI_CLICKGEN_SEARCH_COUNT,
    WENDI_CLICKGEN_FAMILY_COUNT = WENDI_CLICKGEN_PAGE_COUNT - WENDI_CLICKGEN_PAGE_PRODUCT
};

/** Draws k of 0 … count-1 with weight 1/(k + offset): Walker's alias method. */
typedef struct wendi_clickgen_zipf {
    uint32_t count;
    uint32_t *keep;  /* below this of 2^32: the drawn slot itself */
    uint32_t *alias; /* else this one */
} wendi_clickgen_zipf;

typedef struct wendi_clickgen_world {
    wendi_arena arena;                                   /* owns all of it */
    wendi_string pages[WENDI_CLICKGEN_PAGE_COUNT];       /* "/p/…" */
    wendi_string products[WENDI_CLICKGEN_PRODUCT_COUNT]; /* ,"product_id":"P…","price":9.99 */
    uint32_t price_cents[WENDI_CLICKGEN_PRODUCT_COUNT];
    wendi_string agents[WENDI_CLICKGEN_AGENT_COUNT]; /* ,"user_agent":… to "browser":… */
    wendi_string sites[WENDI_CLICKGEN_SITE_COUNT];   /* "https://…" */
    wendi_string *cities;                            /* ,"country":…,"city":…,"language":… */
    wendi_string *currencies;                        /* by city: ,"currency":"EUR" */
    uint32_t city_count;
    wendi_clickgen_zipf product_zipf, agent_zipf, city_zipf, category_zipf, search_zipf,
        static_zipf, site_zipf;
} wendi_clickgen_world;

/** Fill a zeroed `world` for `seed`. WEND_NOMEM. Free it in any case. */
wend_status wendi_clickgen_world_make(wendi_clickgen_world *world, uint64_t seed,
                                      wend_error *error);
void wendi_clickgen_world_free(wendi_clickgen_world *world);

static inline uint32_t wendi_clickgen_zipf_draw(const wendi_clickgen_zipf *zipf, uint64_t bits)
{
    uint32_t slot = wendi_clickgen_scale((uint32_t)(bits >> 32), zipf->count);
    return (uint32_t)bits < zipf->keep[slot] ? slot : zipf->alias[slot];
}

/** The page that shows a product. */
static inline uint32_t wendi_clickgen_product_page(uint32_t product)
{
    return WENDI_CLICKGEN_PAGE_PRODUCT + product % WENDI_CLICKGEN_FAMILY_COUNT;
}

#endif
