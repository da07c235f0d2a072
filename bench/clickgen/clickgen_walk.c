/*
 * The Markov chain of a session, who comes back on which day, and the heap of running sessions.
 * Which sessions run at once depends on events an hour, not on how many events are asked for in
 * all, so memory stays small.
 */
#include "bench/clickgen/clickgen_walk.h"

#include <assert.h>
#include <math.h>

#include "engine/base/alloc.h"

enum { DAY_MS = 86400000, HOUR_MS = 3600000, GAP_MEAN_MS = 26000, GAP_MAX_MS = 1500000 };

/* Mean events a session, times 100, as the chain and the hours below give it. */
enum { SESSION_EVENTS_X100 = 797 };

/* Next event type, in thousandths by row; what is missing to 1000 ends the session. */
static const uint16_t chain[WENDI_CLICKGEN_EVENT_TYPE_COUNT][WENDI_CLICKGEN_EVENT_TYPE_COUNT] = {
    /*              view search categ prod wish  add  rem  cart chk  pay  buy  login */
    [WENDI_CLICKGEN_PAGE_VIEW] = {130, 240, 300, 180, 0, 0, 0, 0, 0, 0, 0, 50},
    [WENDI_CLICKGEN_SEARCH] = {20, 165, 70, 655, 0, 0, 0, 0, 0, 0, 0, 0},
    [WENDI_CLICKGEN_CATEGORY_VIEW] = {20, 65, 155, 670, 0, 0, 0, 0, 0, 0, 0, 0},
    [WENDI_CLICKGEN_PRODUCT_VIEW] = {35, 90, 125, 490, 40, 135, 0, 0, 0, 0, 0, 0},
    [WENDI_CLICKGEN_WISHLIST] = {50, 0, 160, 640, 0, 0, 0, 0, 0, 0, 0, 30},
    [WENDI_CLICKGEN_ADD_TO_CART] = {0, 40, 60, 360, 0, 0, 0, 420, 0, 0, 0, 0},
    [WENDI_CLICKGEN_REMOVE_FROM_CART] = {0, 0, 100, 300, 0, 0, 0, 250, 0, 0, 0, 0},
    [WENDI_CLICKGEN_VIEW_CART] = {20, 0, 0, 210, 0, 0, 80, 0, 470, 0, 0, 0},
    [WENDI_CLICKGEN_CHECKOUT] = {0, 0, 0, 40, 0, 0, 0, 80, 0, 560, 0, 90},
    [WENDI_CLICKGEN_PAYMENT] = {0, 0, 0, 0, 0, 0, 0, 40, 0, 80, 700, 0},
    [WENDI_CLICKGEN_PURCHASE] = {250, 0, 50, 200, 0, 0, 0, 0, 0, 0, 0, 0},
    [WENDI_CLICKGEN_LOGIN] = {200, 100, 150, 200, 0, 0, 0, 0, 220, 0, 0, 0},
};

/* Share of sessions by hour of the day (UTC), in percent of the mean. */
static const uint8_t hour_weight[24] = {60,  45,  38,  35,  38,  48,  65,  85,  105, 118, 124, 126,
                                        122, 118, 116, 118, 122, 130, 142, 152, 155, 140, 110, 85};

static bool before(const wendi_clickgen_session *a, const wendi_clickgen_session *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->id < b->id;
}

static void sift_up(wendi_clickgen_session *heap, uint32_t at)
{
    wendi_clickgen_session moved = heap[at];
    while (at > 0 && before(&moved, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = moved;
}

static void sift_down(wendi_clickgen_session *heap, uint32_t count)
{
    wendi_clickgen_session moved = heap[0];
    uint32_t at = 0;
    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && before(&heap[child + 1], &heap[child]);
        if (!before(&heap[child], &moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* How long before its start a warm stream begins: longer than nearly all sessions, or as long as
   four million events take, which are made in about a second. */
static int64_t warm_up_us(const wendi_clickgen_options *options)
{
    int64_t whole_us = HOUR_MS / 4 * INT64_C(1000);
    double affordable_us = (double)options->span_us / (double)options->event_count * 4e6;
    return affordable_us < (double)whole_us ? (int64_t)affordable_us : whole_us;
}

wend_status wendi_clickgen_walk_init(wendi_clickgen_walk *walk, const wendi_clickgen_world *world,
                                     const wendi_clickgen_options *options, wend_error *error)
{
    uint64_t session_count = options->event_count * 100 / SESSION_EVENTS_X100 + 1;

    walk->world = world;
    walk->seed = wendi_clickgen_mix(options->seed + 1);
    walk->random.state = wendi_clickgen_mix(walk->seed ^ 0x77616c6bu);
    walk->user_count =
        options->event_count / 96 + 8; /* some of them never come: about 1 in 100 events */
    walk->start_us = options->start_us;
    walk->span_us = options->span_us;
    walk->arrival_step_us = options->span_us / (int64_t)session_count;
    if (walk->arrival_step_us == 0) {
        walk->arrival_step_us = 1;
    }
    walk->arrival_us = options->start_us - (options->warm ? warm_up_us(options) : 0);
    /* A heavy-tailed pause (Lomax, shape 2): mean * (1/sqrt(u) - 1), cut below the usual session
     * gap. */
    for (uint32_t k = 0; k < WENDI_CLICKGEN_GAP_STEPS; k++) {
        double u = (double)(2 * k + 1) / (2.0 * WENDI_CLICKGEN_GAP_STEPS);
        double gap = (1.0 / sqrt(u) - 1.0) * GAP_MEAN_MS;
        walk->gaps[k] = gap < 40.0 ? 40 : gap > GAP_MAX_MS ? GAP_MAX_MS : (uint32_t)gap;
    }
    walk->heap_capacity = 1024;
    walk->heap = wendi_alloc(walk->heap_capacity * sizeof *walk->heap);
    return walk->heap != NULL
               ? WEND_OK
               : wendi_fail_nomem(error, "sessions", walk->heap_capacity * sizeof *walk->heap);
}

void wendi_clickgen_walk_free(wendi_clickgen_walk *walk)
{
    wendi_free(walk->heap);
    walk->heap = NULL;
}

/* Whether `user` visits at all on the day of `at_us`. Two in five join during the stream and come
   back less each day; the others are regulars of differing habit. */
static bool visits(const wendi_clickgen_walk *walk, uint64_t user, int64_t at_us)
{
    static const uint16_t after_days[8] = {256, 118, 92, 78, 68, 62, 58, 55};
    int64_t day_us = DAY_MS * INT64_C(1000);
    uint64_t who = wendi_clickgen_mix(walk->seed + user * 3);
    int64_t elapsed_us = at_us - walk->start_us;
    uint32_t day = elapsed_us < 0 ? 0 : (uint32_t)(elapsed_us / day_us) + 1;
    uint32_t chance = 90 + (uint32_t)(who >> 8) % 120;

    if (walk->span_us < 2 * day_us) {
        return true; /* too short for habits to show */
    }
    if ((who & 255) < 102) {
        int64_t joined_us = (int64_t)(who >> 8) % walk->span_us;
        if (elapsed_us < joined_us) {
            return false;
        }
        int64_t age_days = elapsed_us / day_us - joined_us / day_us;
        chance = after_days[age_days < 7 ? age_days : 7];
    }
    return (wendi_clickgen_mix(who + day) & 255) < chance;
}

static uint64_t draw_user(wendi_clickgen_walk *walk, int64_t at_us)
{
    uint64_t user = 0;
    for (int tries = 0; tries < 16; tries++) {
        double r = (double)(wendi_clickgen_draw(&walk->random) >> 11) * 0x1p-53;
        user = (uint64_t)(r * sqrt(sqrt(r)) * (double)walk->user_count); /* few visit often */
        if (visits(walk, user, at_us)) {
            break;
        }
    }
    return user;
}

/* Set the page of the event type that the session has moved to, and where it came from. */
static void move(wendi_clickgen_walk *walk, wendi_clickgen_session *session, uint64_t bits)
{
    const wendi_clickgen_world *world = walk->world;
    uint32_t page = session->page;

    switch ((wendi_clickgen_event_type)session->type) {
    case WENDI_CLICKGEN_PAGE_VIEW:
        page = (bits & 7) < 5 ? WENDI_CLICKGEN_PAGE_HOME
                              : WENDI_CLICKGEN_PAGE_STATIC +
                                    wendi_clickgen_zipf_draw(&world->static_zipf, bits);
        break;
    case WENDI_CLICKGEN_SEARCH:
        page = WENDI_CLICKGEN_PAGE_SEARCH + wendi_clickgen_zipf_draw(&world->search_zipf, bits);
        break;
    case WENDI_CLICKGEN_CATEGORY_VIEW:
        page = WENDI_CLICKGEN_PAGE_CATEGORY + wendi_clickgen_zipf_draw(&world->category_zipf, bits);
        break;
    case WENDI_CLICKGEN_PRODUCT_VIEW:
        session->product = wendi_clickgen_zipf_draw(&world->product_zipf, bits);
        page = wendi_clickgen_product_page(session->product);
        break;
    case WENDI_CLICKGEN_ADD_TO_CART:
        session->cart_product = session->product;
        session->quantity = (uint8_t)(1 + ((bits & 7) == 0) + ((bits & 63) == 0) * (bits >> 8 & 3));
        break;
    case WENDI_CLICKGEN_WISHLIST:
        break;
    case WENDI_CLICKGEN_REMOVE_FROM_CART:
    case WENDI_CLICKGEN_VIEW_CART:
        page = WENDI_CLICKGEN_PAGE_CART;
        break;
    case WENDI_CLICKGEN_CHECKOUT:
        page = WENDI_CLICKGEN_PAGE_CHECKOUT;
        break;
    case WENDI_CLICKGEN_PAYMENT:
        page = WENDI_CLICKGEN_PAGE_PAYMENT;
        break;
    case WENDI_CLICKGEN_PURCHASE:
        page = WENDI_CLICKGEN_PAGE_THANKS;
        break;
    case WENDI_CLICKGEN_LOGIN:
        page = WENDI_CLICKGEN_PAGE_LOGIN;
        break;
    case WENDI_CLICKGEN_EVENT_TYPE_COUNT:
        break;
    }
    if (page != session->page) {
        session->referrer = session->page;
        session->page = (uint16_t)page;
    }
}

/* What kind of event a session begins with: a landing page, an advertised product, a search hit. */
static wendi_clickgen_event_type draw_landing(uint32_t percent)
{
    return percent < 52   ? WENDI_CLICKGEN_PAGE_VIEW
           : percent < 78 ? WENDI_CLICKGEN_PRODUCT_VIEW
           : percent < 92 ? WENDI_CLICKGEN_CATEGORY_VIEW
                          : WENDI_CLICKGEN_SEARCH;
}

static void begin_session(wendi_clickgen_walk *walk, int64_t at_us, wendi_clickgen_session *session)
{
    uint64_t user = draw_user(walk, at_us);
    uint64_t who = wendi_clickgen_mix(walk->seed ^ wendi_clickgen_mix(user + 0x75736572u));
    uint64_t bits = wendi_clickgen_draw(&walk->random);
    bool elsewhere = (bits & 7) == 0; /* another network; half of them on the other device too */
    uint64_t agent = elsewhere && (bits & 8) != 0 ? wendi_clickgen_mix(who + 1) : who;
    uint64_t network =
        elsewhere ? wendi_clickgen_mix(who + 2 + (bits >> 4 & 3)) : wendi_clickgen_mix(who + 6);

    *session = (wendi_clickgen_session){
        .at_us = at_us,
        .id = wendi_clickgen_draw(&walk->random),
        .user = user,
        .ip = (uint32_t)(network >> 32),
        .product = WENDI_CLICKGEN_NO_PRODUCT,
        .cart_product = WENDI_CLICKGEN_NO_PRODUCT,
        .page = UINT16_MAX,
        .agent =
            (uint16_t)wendi_clickgen_zipf_draw(&walk->world->agent_zipf, wendi_clickgen_mix(agent)),
        .city = (uint16_t)wendi_clickgen_zipf_draw(&walk->world->city_zipf,
                                                   wendi_clickgen_mix(who + 7)),
        .type = (uint8_t)draw_landing((uint32_t)(bits >> 16) % 100),
        .payment = (uint8_t)(who >> 50 & 3),
        .bounces = (uint32_t)(bits >> 32) % 100 < 20,
    };
    move(walk, session, wendi_clickgen_draw(&walk->random));
    uint32_t came = (uint32_t)(bits >> 40) % 100;
    session->referrer =
        came < 38 ? WENDI_CLICKGEN_REFERRER_NONE
                  : (uint16_t)(WENDI_CLICKGEN_REFERRER_SITE +
                               wendi_clickgen_zipf_draw(&walk->world->site_zipf, who ^ bits));
}

static wend_status push(wendi_clickgen_walk *walk, const wendi_clickgen_session *session,
                        wend_error *error)
{
    if (walk->heap_count == walk->heap_capacity) {
        size_t bytes = sizeof *walk->heap * walk->heap_capacity * 2;
        wendi_clickgen_session *grown = wendi_realloc(walk->heap, bytes);
        if (grown == NULL) {
            return wendi_fail_nomem(error, "sessions", bytes);
        }
        walk->heap = grown;
        walk->heap_capacity *= 2;
    }
    walk->heap[walk->heap_count] = *session;
    sift_up(walk->heap, walk->heap_count++);
    return WEND_OK;
}

wend_status wendi_clickgen_walk_peek(wendi_clickgen_walk *walk, int64_t *at_us, wend_error *error)
{
    while (walk->heap_count == 0 || walk->arrival_us <= walk->heap[0].at_us) {
        wendi_clickgen_session session;
        begin_session(walk, walk->arrival_us / 1000 * 1000, &session);
        wend_status status = push(walk, &session, error);
        if (status != WEND_OK) {
            return status;
        }
        int64_t hour = walk->arrival_us / (HOUR_MS * INT64_C(1000)) % 24;
        int64_t weight = hour_weight[(hour + 24) % 24];
        int64_t part = wendi_clickgen_below(&walk->random, 2048); /* 0 … 2 means, uniform */
        int64_t step_us = walk->arrival_step_us * part / 1024;
        walk->arrival_us +=
            walk->span_us < DAY_MS * INT64_C(1000) ? step_us : step_us * 100 / weight;
    }
    *at_us = walk->heap[0].at_us;
    return WEND_OK;
}

/* The type that follows, or COUNT when the session ends. Steps that need a cart fall back to
 * browsing. */
static uint32_t draw_next_type(const wendi_clickgen_session *session, uint32_t thousandth)
{
    const uint16_t *row = chain[session->type];
    uint32_t type = 0;
    while (type < WENDI_CLICKGEN_EVENT_TYPE_COUNT && thousandth >= row[type]) {
        thousandth -= row[type++];
    }
    bool needs_cart = type >= WENDI_CLICKGEN_REMOVE_FROM_CART && type <= WENDI_CLICKGEN_PURCHASE;
    if (needs_cart && session->cart_product == WENDI_CLICKGEN_NO_PRODUCT) {
        return WENDI_CLICKGEN_CATEGORY_VIEW;
    }
    return type;
}

void wendi_clickgen_walk_take(wendi_clickgen_walk *walk, wendi_clickgen_session *event)
{
    assert(walk->heap_count > 0);
    wendi_clickgen_session *session = &walk->heap[0];
    uint64_t bits = wendi_clickgen_draw(&walk->random);
    uint32_t type = draw_next_type(session, wendi_clickgen_scale((uint32_t)bits, 1000));

    *event = *session;
    if (session->bounces || type == WENDI_CLICKGEN_EVENT_TYPE_COUNT) {
        walk->heap[0] = walk->heap[--walk->heap_count];
    } else {
        if (session->type == WENDI_CLICKGEN_PURCHASE ||
            session->type == WENDI_CLICKGEN_REMOVE_FROM_CART) {
            session->cart_product = WENDI_CLICKGEN_NO_PRODUCT;
        }
        session->type = (uint8_t)type;
        session->at_us += walk->gaps[bits >> 32 & (WENDI_CLICKGEN_GAP_STEPS - 1)] * INT64_C(1000);
        move(walk, session, wendi_clickgen_draw(&walk->random));
    }
    if (walk->heap_count > 1) {
        sift_down(walk->heap, walk->heap_count);
    }
}
