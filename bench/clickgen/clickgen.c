/*
 * The stream as a collector receives it: events of the walk in time order, and between them what
 * arrives late or twice, which waits in a heap by its time of arrival.
 *
 * Invariants: a waiting line is complete text; sent_us never falls; a repeat is only made of a line
 * that went out whole and on time, so that it always comes behind its original.
 */
#include "bench/clickgen/clickgen.h"

#include <assert.h>
#include <string.h>

#include "bench/clickgen/clickgen_render.h"
#include "engine/base/alloc.h"

/* How often, in 2^32 parts. */
#define PER_MILLION(n) ((uint32_t)((uint64_t)(n)*4294967296u / 1000000u))
static const uint32_t truncated_chance = PER_MILLION(1000), duplicate_chance = PER_MILLION(5030),
                      null_user_chance = PER_MILLION(2000), late_chance = PER_MILLION(1500),
                      disorder_chance = PER_MILLION(15000);

static const int64_t default_start_us = INT64_C(1772409600000000); /* 2026-03-02T00:00:00Z */
static const int64_t default_span_us = INT64_C(604800000000);
static const int64_t last_start_us = INT64_C(250000000000000000); /* keeps years at four digits */
static const uint64_t events_max = UINT64_C(1) << 53;

/* A line that waits; its text lies in slot `slot` of the pool. */
typedef struct waiting_line {
    uint64_t sequence; /* orders lines of one time */
    uint32_t slot;
    wendi_clickgen_line line;
} waiting_line;

struct wendi_clickgen {
    wendi_clickgen_options options;
    wendi_clickgen_world world;
    wendi_clickgen_walk walk;
    wendi_clickgen_render render;
    wendi_clickgen_random random; /* of dirt and event ids, apart from the walk's */
    uint64_t out_count;           /* lines handed out */
    uint64_t event_count;         /* lines made, for "half-way" and sequence numbers */
    waiting_line *heap;           /* smallest (sent_us, sequence) first */
    uint32_t heap_count, heap_capacity;
    char **slots; /* heap_capacity texts of WENDI_CLICKGEN_LINE_MAX; those in use and free ones */
    uint32_t *free_slots;
    uint32_t free_count, slot_count;
};

static bool sooner(const waiting_line *a, const waiting_line *b)
{
    return a->line.sent_us != b->line.sent_us ? a->line.sent_us < b->line.sent_us
                                              : a->sequence < b->sequence;
}

static wend_status grow(wendi_clickgen *generator, wend_error *error)
{
    uint32_t capacity = generator->heap_capacity == 0 ? 64 : generator->heap_capacity * 2;
    waiting_line *heap = wendi_realloc(generator->heap, capacity * sizeof *heap);
    if (heap != NULL) {
        generator->heap = heap;
    }
    char **slots = wendi_realloc(generator->slots, capacity * sizeof *slots);
    if (slots != NULL) {
        generator->slots = slots;
    }
    uint32_t *free_slots = wendi_realloc(generator->free_slots, capacity * sizeof *free_slots);
    if (free_slots != NULL) {
        generator->free_slots = free_slots;
    }
    if (heap == NULL || slots == NULL || free_slots == NULL) {
        return wendi_fail_nomem(error, "late lines", capacity * sizeof *heap);
    }
    generator->heap_capacity = capacity;
    return WEND_OK;
}

static wend_status take_slot(wendi_clickgen *generator, uint32_t *slot, wend_error *error)
{
    if (generator->free_count > 0) {
        *slot = generator->free_slots[--generator->free_count];
        return WEND_OK;
    }
    char *text = wendi_alloc(WENDI_CLICKGEN_LINE_MAX);
    if (text == NULL) {
        return wendi_fail_nomem(error, "a late line", WENDI_CLICKGEN_LINE_MAX);
    }
    *slot = generator->slot_count;
    generator->slots[generator->slot_count++] = text;
    return WEND_OK;
}

/* Let `line`, whose text is at `text`, arrive at line->sent_us. */
static wend_status wait_for(wendi_clickgen *generator, const wendi_clickgen_line *line,
                            const char *text, wend_error *error)
{
    wend_status status = WEND_OK;
    waiting_line waiting = {.sequence = generator->event_count, .line = *line};

    if (generator->heap_count == generator->heap_capacity) {
        WEND_TRY(grow(generator, error));
    }
    WEND_TRY(take_slot(generator, &waiting.slot, error));
    memcpy(generator->slots[waiting.slot], text, line->length);
    uint32_t at = generator->heap_count++;
    while (at > 0 && sooner(&waiting, &generator->heap[(at - 1) / 2])) {
        generator->heap[at] = generator->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    generator->heap[at] = waiting;
cleanup:
    return status;
}

static void arrive(wendi_clickgen *generator, char *space, wendi_clickgen_line *line)
{
    waiting_line *heap = generator->heap;
    waiting_line first = heap[0], moved = heap[--generator->heap_count];
    uint32_t at = 0, count = generator->heap_count;

    for (uint32_t child = 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && sooner(&heap[child + 1], &heap[child]);
        if (!sooner(&heap[child], &moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
    *line = first.line;
    memcpy(space, generator->slots[first.slot], line->length);
    generator->free_slots[generator->free_count++] = first.slot;
}

/* Who and what the line is about, and a fresh random UUID (version 4, variant 1: RFC 9562). */
static void describe(wendi_clickgen *generator, const wendi_clickgen_session *event,
                     wendi_clickgen_topic topic, wendi_clickgen_line *line)
{
    uint64_t high = wendi_clickgen_draw(&generator->random),
             low = wendi_clickgen_draw(&generator->random);
    bool second_half = generator->event_count >= generator->options.event_count / 2;

    line->flags = 0;
    line->topic = topic;
    line->event_type = (wendi_clickgen_event_type)event->type;
    line->user = event->user;
    line->session_low = event->id;
    line->event_id_high = (high & ~UINT64_C(0xf000)) | 0x4000;
    line->event_id_low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    line->ts_us = event->at_us;
    line->sent_us = event->at_us;
    if (!generator->options.clean) {
        line->flags |= (uint32_t)wendi_clickgen_draw(&generator->random) < null_user_chance
                           ? WENDI_CLICKGEN_NULL_USER
                           : 0;
        line->flags |=
            second_half && topic == WENDI_CLICKGEN_CLICKSTREAM ? WENDI_CLICKGEN_NEW_KEYS : 0;
    }
    wendi_clickgen_render_key(line);
    generator->event_count++;
}

/* A minute to two days, short ones far more often: 2^k minutes, k uniform, then uniform within. */
static int64_t draw_lateness_us(wendi_clickgen_random *random)
{
    int64_t floor_us = INT64_C(60000000) << wendi_clickgen_below(random, 11);
    int64_t late_us =
        floor_us + (int64_t)wendi_clickgen_below(random, (uint32_t)(floor_us / 1000)) * 1000;
    return late_us < INT64_C(172800000000) ? late_us : INT64_C(172800000000);
}

/* Spoil the line as the options allow. `*held` says that it went to wait instead of going out now.
 */
static wend_status spoil(wendi_clickgen *generator, char *space, wendi_clickgen_line *line,
                         bool *held, wend_error *error)
{
    wendi_clickgen_random *random = &generator->random;
    uint64_t bits = wendi_clickgen_draw(random);
    uint32_t lot = (uint32_t)(bits >> 32), other = (uint32_t)bits;

    *held = false;
    if (other < truncated_chance) {
        line->flags |= WENDI_CLICKGEN_TRUNCATED;
        line->length = 1 + wendi_clickgen_below(random, line->length - 1);
    }
    if (lot < late_chance) {
        line->flags |= WENDI_CLICKGEN_LATE;
        line->sent_us += draw_lateness_us(random);
    } else if (lot - late_chance < disorder_chance) {
        line->flags |= WENDI_CLICKGEN_DISORDER;
        line->sent_us += (1 + wendi_clickgen_below(random, 20000)) * INT64_C(1000);
    } else if (lot - late_chance - disorder_chance < duplicate_chance &&
               other >= truncated_chance) {
        wendi_clickgen_line repeat = *line; /* a client that got no answer and sent again */
        repeat.flags |= WENDI_CLICKGEN_DUPLICATE;
        repeat.sent_us += (wendi_clickgen_below(random, 8) == 0 ? 600 : 1) *
                          (200 + (int64_t)wendi_clickgen_below(random, 5000)) * 1000;
        return wait_for(generator, &repeat, space, error);
    }
    if (line->sent_us != line->ts_us) {
        *held = true;
        return wait_for(generator, line, space, error);
    }
    return WEND_OK;
}

/* The line that a shop's other topics get for a purchase or a log-in. */
static wend_status add_shop_line(wendi_clickgen *generator, const wendi_clickgen_session *event,
                                 wend_error *error)
{
    char text[WENDI_CLICKGEN_LINE_MAX];
    wendi_clickgen_line line = {0};
    wendi_clickgen_topic topic = event->type == WENDI_CLICKGEN_PURCHASE
                                     ? WENDI_CLICKGEN_TRANSACTIONS
                                     : WENDI_CLICKGEN_USER_EVENTS;
    bool held = false;

    describe(generator, event, topic, &line);
    wendi_clickgen_render_line(&generator->render, event, text, &line);
    if (!generator->options.clean) {
        wend_status status = spoil(generator, text, &line, &held, error);
        if (status != WEND_OK || held) {
            return status;
        }
    }
    return wait_for(generator, &line, text, error);
}

/* Take the walk's next event and make its line; not *held: it goes out now. */
static wend_status make(wendi_clickgen *generator, char *space, wendi_clickgen_line *line,
                        bool *held, wend_error *error)
{
    wendi_clickgen_session event;

    *held = true;
    wendi_clickgen_walk_take(&generator->walk, &event);
    if (event.at_us < generator->options.start_us) {
        return WEND_OK; /* warming up */
    }
    *held = false;
    describe(generator, &event, WENDI_CLICKGEN_CLICKSTREAM, line);
    wendi_clickgen_render_line(&generator->render, &event, space, line);
    if (generator->options.shop &&
        (event.type == WENDI_CLICKGEN_PURCHASE || event.type == WENDI_CLICKGEN_LOGIN)) {
        wend_status status = add_shop_line(generator, &event, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    return generator->options.clean ? WEND_OK : spoil(generator, space, line, held, error);
}

wend_status wendi_clickgen_next(wendi_clickgen *generator, char *space, wendi_clickgen_line *line,
                                wend_error *error)
{
    if (generator->out_count == generator->options.event_count) {
        return WEND_END;
    }
    bool held = true;
    while (held) {
        int64_t at_us = 0;
        wend_status status = wendi_clickgen_walk_peek(&generator->walk, &at_us, error);
        if (status != WEND_OK) {
            return status;
        }
        if (generator->heap_count > 0 && generator->heap[0].line.sent_us <= at_us) {
            arrive(generator, space, line);
            break;
        }
        status = make(generator, space, line, &held, error);
        if (status != WEND_OK) {
            return status;
        }
    }
    space[line->length] = '\n';
    generator->out_count++;
    return WEND_OK;
}

wend_status wendi_clickgen_open(const wendi_clickgen_options *options,
                                wendi_clickgen **generator_out, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_clickgen *generator = NULL;

    *generator_out = NULL;
    if (options->event_count == 0 || options->event_count > events_max) {
        return wendi_fail(error, WEND_INVALID, "the number of events must be 1 to 2^53");
    }
    if (options->start_us < 0 || options->start_us > last_start_us ||
        options->start_us % 1000 != 0 || options->span_us < 0 || options->span_us > last_start_us) {
        return wendi_fail(
            error, WEND_INVALID,
            "the start must be whole milliseconds from 1970 to 9892, the span at most as long");
    }
    generator = wendi_alloc_zero(1, sizeof *generator);
    if (generator == NULL) {
        return wendi_fail_nomem(error, "the generator", sizeof *generator);
    }
    generator->options = *options;
    if (options->start_us == 0) {
        generator->options.start_us = default_start_us;
    }
    if (options->span_us == 0) {
        generator->options.span_us = default_span_us;
    }
    generator->random.state = wendi_clickgen_mix(options->seed ^ 0x64697274u);
    WEND_TRY(wendi_clickgen_world_make(&generator->world, options->seed, error));
    WEND_TRY(
        wendi_clickgen_walk_init(&generator->walk, &generator->world, &generator->options, error));
    wendi_clickgen_render_init(&generator->render, &generator->world);
    *generator_out = generator;
    generator = NULL;
cleanup:
    wendi_clickgen_close(generator);
    return status;
}

void wendi_clickgen_close(wendi_clickgen *generator)
{
    if (generator == NULL) {
        return;
    }
    for (uint32_t slot = 0; slot < generator->slot_count; slot++) {
        wendi_free(generator->slots[slot]);
    }
    wendi_free(generator->slots);
    wendi_free(generator->free_slots);
    wendi_free(generator->heap);
    wendi_clickgen_walk_free(&generator->walk);
    wendi_clickgen_world_free(&generator->world);
    wendi_free(generator);
}
