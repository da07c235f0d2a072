/**
 * People walking through the shop: sessions begin by the hour of the day, go from event to event
 * by a Markov chain, and end. Gives events in time order, without dirt and without text.
 */
#ifndef WENDI_CLICKGEN_WALK_H
#define WENDI_CLICKGEN_WALK_H

#include "bench/clickgen/clickgen.h"
#include "bench/clickgen/clickgen_world.h"

enum {
    WENDI_CLICKGEN_NO_PRODUCT = 0xffffffffu,
    WENDI_CLICKGEN_REFERRER_NONE = 0xffff, /* came directly: the key is null */
    WENDI_CLICKGEN_REFERRER_SITE = 0x8000, /* + number of a site; below: a page of ours */
    WENDI_CLICKGEN_GAP_STEPS = 4096
};

/** A running session, which is also the event that it stands at. */
typedef struct wendi_clickgen_session {
    int64_t at_us; /* time of the event; orders the heap, then `id` */
    uint64_t id;   /* 64 random bits */
    uint64_t user;
    uint32_t ip;
    uint32_t product; /* looked at, or WENDI_CLICKGEN_NO_PRODUCT */
    uint32_t cart_product;
    uint16_t page;
    uint16_t referrer;
    uint16_t agent;
    uint16_t city;
    uint8_t type; /* wendi_clickgen_event_type */
    uint8_t quantity;
    uint8_t payment;
    uint8_t bounces; /* ends after its first event */
} wendi_clickgen_session;

typedef struct wendi_clickgen_walk {
    const wendi_clickgen_world *world; /* borrowed */
    wendi_clickgen_random random;
    uint64_t seed;
    uint64_t user_count;
    int64_t start_us, span_us;
    int64_t arrival_us;           /* when the next session begins */
    int64_t arrival_step_us;      /* mean time between sessions */
    wendi_clickgen_session *heap; /* smallest (at_us, id) first */
    uint32_t heap_count, heap_capacity;
    uint32_t gaps[WENDI_CLICKGEN_GAP_STEPS]; /* quantiles of the time between events, ms */
} wendi_clickgen_walk;

wend_status wendi_clickgen_walk_init(wendi_clickgen_walk *walk, const wendi_clickgen_world *world,
                                     const wendi_clickgen_options *options, wend_error *error);
void wendi_clickgen_walk_free(wendi_clickgen_walk *walk);
/** Time of the next event; starts the sessions due until then. WEND_NOMEM. */
wend_status wendi_clickgen_walk_peek(wendi_clickgen_walk *walk, int64_t *at_us, wend_error *error);
/** Take the event that peek() told of: a copy of its session as it stood. */
void wendi_clickgen_walk_take(wendi_clickgen_walk *walk, wendi_clickgen_session *event);

#endif
