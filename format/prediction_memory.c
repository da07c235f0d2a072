/*
 * Rules of earlier row groups. They are looked for anew after a number of uses, because a better rule may have come
 * up since, and whenever a row group has many more or fewer rows: what a map costs weighs differently then. A row group
 * that is unlike the others does not spoil what they taught: poorer rules replace better ones when they keep coming.
 */
#include <pthread.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "format/prediction.h"

enum { USES_MAX = 32, POORER_MAX = 4 };

struct wendi_prediction_memory {
    pthread_mutex_t lock;
    wendi_prediction_choice *choices; /* owned; NULL: nothing is known */
    uint32_t count;
    uint32_t row_count;
    uint32_t uses;
    uint32_t poorer; /* row groups for which the rules did not hold */
};

wend_status wendi_prediction_memory_new(wendi_prediction_memory **memory_out)
{
    *memory_out = wendi_alloc_zero(1, sizeof **memory_out);
    if (*memory_out == NULL) {
        return WEND_NOMEM;
    }
    pthread_mutex_init(&(*memory_out)->lock, NULL);
    return WEND_OK;
}

void wendi_prediction_memory_free(wendi_prediction_memory *memory)
{
    if (memory != NULL) {
        pthread_mutex_destroy(&memory->lock);
        wendi_free(memory->choices);
        wendi_free(memory);
    }
}

/* Within a factor of four. */
static bool alike(uint32_t a, uint32_t b)
{
    return a / 4 <= b && b / 4 <= a;
}

/* A map costs the same whatever rows there are. */
static double scaled_saving(const wendi_prediction_choice *choice, double scale)
{
    double saving = (choice->saving + choice->map_bytes) * scale - choice->map_bytes;
    return saving > 0 ? saving : 0;
}

bool wendi_prediction_memory_recall(wendi_prediction_memory *memory, uint32_t count, uint32_t row_count,
                                    wendi_prediction_choice *choices)
{
    pthread_mutex_lock(&memory->lock);
    bool known = memory->choices != NULL && memory->count == count && alike(memory->row_count, row_count) &&
                 memory->uses < USES_MAX;
    if (known) {
        memory->uses++;
        memcpy(choices, memory->choices, count * sizeof *choices);
        for (uint32_t c = 0; c < count; c++) {
            choices[c].saving = scaled_saving(&choices[c], (double)row_count / memory->row_count);
        }
    }
    pthread_mutex_unlock(&memory->lock);
    return known;
}

/* What all choices would save in a row group that has `scale` times the rows. */
static double scaled_savings(const wendi_prediction_choice *choices, uint32_t count, double scale)
{
    double sum = 0;
    for (uint32_t c = 0; c < count; c++) {
        sum += choices[c].predicted ? scaled_saving(&choices[c], scale) : 0;
    }
    return sum;
}

/* Whether what is known should outlast `choices`. */
static bool outlasts(wendi_prediction_memory *memory, const wendi_prediction_choice *choices, uint32_t count,
                     uint32_t row_count)
{
    return memory->choices != NULL && memory->count == count && alike(memory->row_count, row_count) &&
           memory->uses < USES_MAX && ++memory->poorer < POORER_MAX &&
           scaled_savings(choices, count, 1) < scaled_savings(memory->choices, count, (double)row_count / memory->row_count);
}

void wendi_prediction_memory_keep(wendi_prediction_memory *memory, const wendi_prediction_choice *choices,
                                  uint32_t count, uint32_t row_count)
{
    wendi_prediction_choice *copy = wendi_alloc(count * sizeof *copy);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, choices, count * sizeof *copy);
    pthread_mutex_lock(&memory->lock);
    if (!outlasts(memory, copy, count, row_count)) {
        wendi_prediction_choice *before = memory->choices;
        memory->choices = copy;
        memory->count = count;
        memory->row_count = row_count;
        memory->uses = 0;
        memory->poorer = 0;
        copy = before;
    }
    pthread_mutex_unlock(&memory->lock);
    wendi_free(copy);
}
