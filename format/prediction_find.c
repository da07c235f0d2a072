/*
 * Finding what is worth predicting. A sample of 16 vectors is looked at: for each pair of columns rows are
 * counted that differ from the last row with the same key, which sorts candidates; the few best are weighed
 * by the exact bytes of the sample's pages. Then rules are taken by what they save, greatest first, as long
 * as no column comes to depend on itself and chains stay short. Rules of an earlier row group (prediction_memory.c) are
 * weighed alone, and kept while they save nine tenths of what they did.
 */
#include "format/prediction.h"

#include <stdlib.h>

#include "engine/base/alloc.h"
#include "format/codec/bit_string.h"

enum {
    SAMPLE_VECTORS = 16,
    SAMPLE_ROWS = SAMPLE_VECTORS * WENDI_VECTOR_ROWS,
    SINGLES = 2,         /* weighed, a column: of the same row, and as many of the row before; */
    PAIRS = 2,           /* pairs; and the order by frequency */
    CANDIDATES = 2 * SINGLES + PAIRS + 1,
    FIRST_ENTRIES_MAX = 64, /* of a pair's first determinant; so many codes are few */
    DEPTH_MAX = 3,       /* of chains that are written; readers take one more */
    PAIR_SLOTS = 2 * SAMPLE_ROWS,
    PENALTY_PERCENT = 10, /* for slower decoding */
    KEPT_PERCENT = 90    /* of their saving, and remembered rules stay */
};

/** A way to predict a column, and its bytes over the whole row group. */
typedef struct candidate {
    wendi_prediction_rule rule;
    double bytes;
} candidate;

typedef struct column_sample {
    uint64_t numbers[SAMPLE_ROWS];
    uint32_t ids[2][SAMPLE_ROWS]; /* dense numbers of the codes of this row, of the row before */
    uint32_t id_count;            /* 0: cannot determine anything */
    unsigned width;               /* bits of a number */
    double plain_bytes;           /* of the row group, not predicted; 0: never predicted */
    uint32_t candidate_count;
    candidate candidates[CANDIDATES];
} column_sample;

typedef struct finder {
    const wendi_prediction_column *columns;
    uint32_t count;
    uint32_t row_count;
    uint32_t sample_rows;
    double scale; /* row_count / sample_rows */
    int zstd_level;
    wendi_page_encoder encoder;
    wendi_buffer bytes;
    column_sample *samples;
    uint32_t *id_of_code;
    uint64_t *last;      /* number that a key had last */
    uint32_t *pair_ids;
    uint32_t *pair_slots;
    int64_t *residuals;
    uint8_t *nulls;
} finder;

static uint32_t sample_vector_row(const finder *find, uint32_t vector)
{
    uint32_t vectors = find->row_count / WENDI_VECTOR_ROWS;
    uint32_t taken = find->sample_rows / WENDI_VECTOR_ROWS;
    return taken < SAMPLE_VECTORS ? vector * WENDI_VECTOR_ROWS
                                  : (uint32_t)((uint64_t)vector * vectors / SAMPLE_VECTORS) * WENDI_VECTOR_ROWS;
}

/* ---- the sample ---- */

static void number_codes(finder *find, uint32_t column)
{
    column_sample *sample = &find->samples[column];
    uint32_t entries = find->columns[column].code_count;
    memset(find->id_of_code, 0xff, entries * sizeof *find->id_of_code);
    find->id_of_code[0] = 0;
    sample->id_count = 1;
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint32_t code = (uint32_t)sample->numbers[i];
        if (find->id_of_code[code] == UINT32_MAX) {
            find->id_of_code[code] = sample->id_count++;
        }
        sample->ids[0][i] = find->id_of_code[code];
        sample->ids[1][i] = i % WENDI_VECTOR_ROWS == 0 ? 0 : sample->ids[0][i - 1];
    }
}

/* Exact bytes of the sample's rows as a plain page. */
static wend_status weigh_plain(finder *find, uint32_t column)
{
    const wendi_prediction_column *of = &find->columns[column];
    column_sample *sample = &find->samples[column];
    wendi_page_rows rows = {.row_count = find->sample_rows, .nulls = find->nulls};
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint64_t number = sample->numbers[i];
        find->nulls[i] = of->codes == NULL && number == 0;
        find->residuals[rows.value_count] = (int64_t)(of->codes != NULL ? number : number - 1 + (uint64_t)of->base);
        rows.value_count += find->nulls[i] == 0;
    }
    find->bytes.length = 0;
    memset(find->encoder.codecs, 0, sizeof find->encoder.codecs);
    wend_status status;
    if (of->doubles) {
        status = wendi_page_encode_doubles(&find->encoder, rows, (const double *)(const void *)find->residuals, of->real);
    } else {
        status = wendi_page_encode_integers(&find->encoder, rows, find->residuals,
                                            of->codes != NULL ? WENDI_LAYOUT_CODES : WENDI_LAYOUT_INTEGER);
    }
    sample->plain_bytes = (double)find->bytes.length * find->scale;
    return status;
}

static wend_status take_sample(finder *find, uint32_t column)
{
    const wendi_prediction_column *of = &find->columns[column];
    column_sample *sample = &find->samples[column];
    uint64_t any = 0;
    sample->id_count = 0;
    sample->candidate_count = 0;
    sample->plain_bytes = 0;
    if (of->codes == NULL && of->values == NULL) {
        return WEND_OK;
    }
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint32_t row = sample_vector_row(find, i / WENDI_VECTOR_ROWS) + i % WENDI_VECTOR_ROWS;
        sample->numbers[i] = wendi_prediction_number(of, row);
        any |= sample->numbers[i];
    }
    sample->width = of->codes != NULL ? wendi_bit_width(of->code_count) : wendi_bit_width(any);
    if (of->code_count > 1) {
        number_codes(find, column);
    }
    return of->never ? WEND_OK : weigh_plain(find, column);
}

/* ---- candidates ---- */

static uint64_t map_entries(const finder *find, const wendi_prediction_rule *rule)
{
    uint64_t entries = 1;
    for (uint32_t d = 0; d < rule->determinant_count; d++) {
        entries *= find->columns[rule->determinants[d]].code_count;
    }
    return entries;
}

/* Codes of a determinant that occur: all of a dictionary's, fewer of an integer's. */
static double codes_in_use(const finder *find, uint32_t column)
{
    double seen = find->samples[column].id_count * find->scale;
    double all = find->columns[column].code_count;
    return find->columns[column].codes != NULL || all < seen ? all : seen;
}

/* What map and header will take: places that no row has cost little, and a grid of two is as regular as its longer side. */
static double map_bytes(const finder *find, const wendi_prediction_rule *rule, unsigned width)
{
    double all = (double)map_entries(find, rule);
    double entries = rule->determinant_count > 0 ? codes_in_use(find, rule->determinants[0]) : 1;
    if (rule->determinant_count == 2) {
        double second = codes_in_use(find, rule->determinants[1]);
        entries = (entries > second ? entries : second) + all / 16;
    }
    return 2 * WENDI_PREDICTION_HEADER_BYTES + entries * width / 8 + all / 256;
}

/* Estimated bytes from how often rows differ from the last one with their key; a great number when keys hardly repeat. */
static double guess(const finder *find, const column_sample *sample, const uint32_t *ids, uint32_t id_count,
                    const wendi_prediction_rule *rule)
{
    uint32_t fresh = 0;
    uint32_t missed = 0;
    memset(find->last, 0xff, id_count * sizeof *find->last);
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint64_t before = find->last[ids[i]];
        fresh += before == UINT64_MAX;
        missed += before != sample->numbers[i];
        find->last[ids[i]] = sample->numbers[i];
    }
    uint32_t seen = find->sample_rows - fresh;
    if (seen < find->sample_rows / 8) {
        return 1e300;
    }
    double rate = (double)(missed - fresh) / seen;
    double exceptions = rate * find->row_count;
    double where = rate < 1.0 / 16 ? exceptions * 2 : (double)find->row_count / 8;
    return exceptions * sample->width / 8 + where + map_bytes(find, rule, sample->width);
}

/* Keep the best `most` of those from `first` on. */
static void keep_candidate(column_sample *sample, uint32_t first, uint32_t most, const wendi_prediction_rule *rule,
                           double bytes)
{
    uint32_t at = sample->candidate_count;
    if (at == first + most) {
        if (bytes >= sample->candidates[at - 1].bytes) {
            return;
        }
        at--;
    } else {
        sample->candidate_count++;
    }
    for (; at > first && sample->candidates[at - 1].bytes > bytes; at--) {
        sample->candidates[at] = sample->candidates[at - 1];
    }
    sample->candidates[at] = (candidate){*rule, bytes};
}

/*
 * What must be saved to outweigh that predicted rows decode slower. Packed codes of small dictionaries are what
 * filters and groups work on directly, event types above all: hardly anything is worth giving that up.
 */
static double least_saving(const finder *find, uint32_t column)
{
    uint32_t codes = find->columns[column].code_count;
    return codes > 0 && codes <= FIRST_ENTRIES_MAX ? find->row_count / 2.0 : find->row_count / 32.0;
}

static bool worth_weighing(const finder *find, uint32_t column, double bytes)
{
    return bytes + least_saving(find, column) < find->samples[column].plain_bytes;
}

static void guess_singles(finder *find, uint32_t column, uint32_t before)
{
    column_sample *sample = &find->samples[column];
    uint32_t kept = sample->candidate_count;
    for (uint32_t d = 0; d < find->count; d++) {
        const column_sample *determinant = &find->samples[d];
        if (d == column || determinant->id_count < 2 || find->columns[d].code_count > WENDI_PREDICTION_MAP_MAX) {
            continue;
        }
        wendi_prediction_rule rule = {1, {d, WENDI_PREDICTION_NONE}, before != 0};
        double bytes = guess(find, sample, determinant->ids[before], determinant->id_count, &rule);
        if (worth_weighing(find, column, bytes)) {
            keep_candidate(sample, kept, SINGLES, &rule, bytes);
        }
    }
}

/* Dense numbers of the pairs (first, second) that occur, by open addressing; 0 when there are too many to be of use. */
static uint32_t number_pairs(finder *find, uint32_t first, uint32_t second)
{
    const uint32_t *a = find->samples[first].ids[0];
    const uint32_t *b = find->samples[second].ids[0];
    uint32_t used = 0;
    memset(find->pair_slots, 0xff, PAIR_SLOTS * sizeof *find->pair_slots);
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint32_t slot = (a[i] * 0x9e3779b1u ^ b[i] * 0x85ebca6bu) % PAIR_SLOTS;
        uint32_t row;
        while ((row = find->pair_slots[slot]) != UINT32_MAX && (a[row] != a[i] || b[row] != b[i])) {
            slot = (slot + 1) % PAIR_SLOTS;
        }
        if (row == UINT32_MAX) {
            find->pair_slots[slot] = i;
            find->pair_ids[i] = used++;
        } else {
            find->pair_ids[i] = find->pair_ids[row];
        }
    }
    return used;
}

/* A column of few codes beside one of the best single determinants. */
static void guess_pairs(finder *find, uint32_t column)
{
    column_sample *sample = &find->samples[column];
    wendi_prediction_rule bases[CANDIDATES];
    uint32_t base_count = 0;
    uint32_t kept = sample->candidate_count;
    for (uint32_t i = 0; i < kept; i++) {
        if (!sample->candidates[i].rule.row_before) {
            bases[base_count++] = sample->candidates[i].rule;
        }
    }
    for (uint32_t first = 0; first < find->count; first++) {
        if (first == column || find->samples[first].id_count < 2 || find->columns[first].code_count > FIRST_ENTRIES_MAX) {
            continue;
        }
        for (uint32_t i = 0; i < base_count; i++) {
            wendi_prediction_rule rule = {2, {first, bases[i].determinants[0]}, false};
            if (first == rule.determinants[1] || map_entries(find, &rule) > WENDI_PREDICTION_MAP_MAX ||
                !worth_weighing(find, column, map_bytes(find, &rule, sample->width))) {
                continue;
            }
            double bytes = guess(find, sample, find->pair_ids, number_pairs(find, first, rule.determinants[1]), &rule);
            if (worth_weighing(find, column, bytes)) {
                keep_candidate(sample, kept, PAIRS, &rule, bytes);
            }
        }
    }
}

/* Replace residuals of text by ranks, frequent ones first, as the builder will; returns how many are listed. */
static uint32_t rank_residuals(const finder *find, uint64_t *sorted)
{
    uint32_t *counts = find->id_of_code; /* by code; then ranks */
    uint32_t different = 0;
    uint32_t listed = 0;
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        if (find->residuals[i] != 0 && counts[find->residuals[i] - 1]++ == 0) {
            sorted[different++] = (uint64_t)find->residuals[i] - 1;
        }
    }
    for (uint32_t i = 0; i < different; i++) {
        uint64_t code = sorted[i];
        if (counts[code] > 1) {
            sorted[listed++] = (uint64_t)(SAMPLE_ROWS - counts[code]) << 32 | code;
        }
        counts[code] = 0;
    }
    qsort(sorted, listed, sizeof *sorted, wendi_prediction_by_number);
    for (uint32_t i = 0; i < listed; i++) {
        counts[(uint32_t)sorted[i]] = i + 1;
    }
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        if (find->residuals[i] != 0) {
            uint32_t rank = counts[find->residuals[i] - 1];
            find->residuals[i] = rank != 0 ? (int64_t)rank : find->residuals[i] + listed;
        }
    }
    return listed;
}

/* The number that more than half of the rows have, if there is one (Boyer and Moore's vote). */
static uint64_t majority(const column_sample *sample, uint32_t count)
{
    uint64_t number = sample->numbers[0];
    uint32_t votes = 0;
    for (uint32_t i = 0; i < count; i++) {
        number = votes == 0 ? sample->numbers[i] : number;
        votes = sample->numbers[i] == number ? votes + 1 : votes - 1;
    }
    return number;
}

/* Exact bytes of the sample's residuals. */
static wend_status weigh(finder *find, uint32_t column, candidate *of)
{
    wend_status status = WEND_OK;
    column_sample *sample = &find->samples[column];
    const wendi_prediction_rule *rule = &of->rule;
    const uint32_t *ids = NULL;
    uint32_t id_count = 1;
    uint32_t listed = 0;
    if (rule->determinant_count == 1) {
        ids = find->samples[rule->determinants[0]].ids[rule->row_before];
        id_count = find->samples[rule->determinants[0]].id_count;
    } else if (rule->determinant_count == 2) {
        id_count = number_pairs(find, rule->determinants[0], rule->determinants[1]);
        ids = find->pair_ids;
    }
    uint64_t common = majority(sample, find->sample_rows);
    memset(find->last, 0xff, id_count * sizeof *find->last);
    for (uint32_t i = 0; i < find->sample_rows; i++) {
        uint32_t id = ids == NULL ? 0 : ids[i];
        uint64_t number = sample->numbers[i];
        uint64_t guessed = ids == NULL ? common : find->last[id];
        find->residuals[i] = guessed == number || guessed == UINT64_MAX ? 0 : (int64_t)(number + 1);
        find->last[id] = number;
    }
    if (find->columns[column].codes != NULL) {
        memset(find->id_of_code, 0, find->columns[column].code_count * sizeof *find->id_of_code);
        listed = rank_residuals(find, find->last);
    }
    find->bytes.length = 0;
    memset(find->encoder.codecs, 0, sizeof find->encoder.codecs);
    WEND_TRY(wendi_page_encode_residuals(&find->encoder, find->sample_rows, find->residuals,
                                         find->columns[column].codes != NULL));
    of->bytes = (double)find->bytes.length * find->scale * (100 + PENALTY_PERCENT) / 100 +
                map_bytes(find, rule, sample->width) + (double)listed * sample->width / 8;
cleanup:
    return status;
}

static wend_status judge_column(finder *find, uint32_t column)
{
    wend_status status = WEND_OK;
    column_sample *sample = &find->samples[column];
    static const wendi_prediction_rule by_frequency = {0, {WENDI_PREDICTION_NONE, WENDI_PREDICTION_NONE}, false};
    if (sample->plain_bytes < 2 * least_saving(find, column)) {
        return WEND_OK;
    }
    guess_singles(find, column, 0);
    guess_singles(find, column, 1);
    guess_pairs(find, column);
    if (find->columns[column].codes != NULL && find->columns[column].code_count > FIRST_ENTRIES_MAX) {
        sample->candidates[sample->candidate_count++] = (candidate){by_frequency, 0};
    }
    for (uint32_t i = 0; i < sample->candidate_count; i++) {
        WEND_TRY(weigh(find, column, &sample->candidates[i]));
    }
cleanup:
    return status;
}

/* ---- the choice ---- */

/* Steps from a column to what it is predicted from; more than DEPTH_MAX also when it goes in a circle. */
static uint32_t depth_of(const wendi_prediction_choice *choices, uint32_t column, uint32_t limit)
{
    uint32_t depth = 0;
    if (!choices[column].predicted) {
        return 0;
    }
    if (limit == 0) {
        return 1;
    }
    for (uint32_t d = 0; d < choices[column].rule.determinant_count; d++) {
        uint32_t below = 1 + depth_of(choices, choices[column].rule.determinants[d], limit - 1);
        depth = below > depth ? below : depth;
    }
    return depth;
}

static bool chains_hold(const finder *find, const wendi_prediction_choice *choices)
{
    for (uint32_t c = 0; c < find->count; c++) {
        if (depth_of(choices, c, DEPTH_MAX) > DEPTH_MAX) {
            return false;
        }
    }
    return true;
}

/* The candidate that saves most among columns that are not predicted; marks it as tried. */
static bool best_candidate(finder *find, const wendi_prediction_choice *choices, uint32_t *column, candidate *best)
{
    double saved = 0;
    candidate *from = NULL;
    for (uint32_t c = 0; c < find->count; c++) {
        column_sample *sample = &find->samples[c];
        for (uint32_t i = 0; !choices[c].predicted && i < sample->candidate_count; i++) {
            double saving = sample->plain_bytes - sample->candidates[i].bytes;
            if (saving > saved && saving > least_saving(find, c) && saving > sample->plain_bytes / 10) {
                saved = saving;
                from = &sample->candidates[i];
                *column = c;
            }
        }
    }
    if (from == NULL) {
        return false;
    }
    *best = *from;
    from->bytes = 1e300;
    return true;
}

static void choose(finder *find, wendi_prediction_choice *choices)
{
    uint32_t column = 0;
    candidate best;
    while (best_candidate(find, choices, &column, &best)) {
        choices[column] = (wendi_prediction_choice){true, best.rule, find->samples[column].plain_bytes - best.bytes,
                                                    map_bytes(find, &best.rule, find->samples[column].width)};
        choices[column].predicted = chains_hold(find, choices);
    }
}

static wend_status open_finder(finder *find)
{
    uint32_t entries = 1;
    for (uint32_t c = 0; c < find->count; c++) {
        entries = find->columns[c].code_count > entries ? find->columns[c].code_count : entries;
    }
    wend_status status = wendi_page_encoder_init(&find->encoder);
    find->encoder.out = &find->bytes;
    find->encoder.zstd_level = find->zstd_level;
    find->samples = wendi_alloc(find->count * sizeof *find->samples);
    find->id_of_code = wendi_alloc((size_t)entries * sizeof *find->id_of_code);
    find->last = wendi_alloc((SAMPLE_ROWS + 1) * sizeof *find->last); /* null, and a key a row */
    find->pair_ids = wendi_alloc(SAMPLE_ROWS * sizeof *find->pair_ids);
    find->pair_slots = wendi_alloc(PAIR_SLOTS * sizeof *find->pair_slots);
    find->residuals = wendi_alloc_aligned(64, SAMPLE_ROWS * sizeof *find->residuals);
    find->nulls = wendi_alloc(SAMPLE_ROWS);
    if (status != WEND_OK || find->samples == NULL || find->id_of_code == NULL || find->last == NULL ||
        find->pair_ids == NULL || find->pair_slots == NULL || find->residuals == NULL || find->nulls == NULL) {
        return WEND_NOMEM;
    }
    return WEND_OK;
}

static void close_finder(finder *find)
{
    wendi_page_encoder_free(&find->encoder);
    wendi_buffer_free(&find->bytes);
    wendi_free(find->samples);
    wendi_free(find->id_of_code);
    wendi_free(find->last);
    wendi_free(find->pair_ids);
    wendi_free(find->pair_slots);
    wendi_free(find->residuals);
    wendi_free(find->nulls);
}

/* ---- the rules of before ---- */

static double saving_of(const wendi_prediction_choice *choices, uint32_t count)
{
    double sum = 0;
    for (uint32_t c = 0; c < count; c++) {
        sum += choices[c].predicted ? choices[c].saving : 0;
    }
    return sum;
}

static bool takes_part(const wendi_prediction_choice *choices, uint32_t count, uint32_t column)
{
    bool part = choices[column].predicted;
    for (uint32_t c = 0; c < count && !part; c++) {
        for (uint32_t d = 0; choices[c].predicted && d < choices[c].rule.determinant_count; d++) {
            part |= choices[c].rule.determinants[d] == column;
        }
    }
    return part;
}

/* Whether this row group's columns can still be what the rule wants of them. */
static bool still_holds(const finder *find, uint32_t column, const wendi_prediction_rule *rule)
{
    for (uint32_t d = 0; d < rule->determinant_count; d++) {
        if (find->samples[rule->determinants[d]].id_count < 2) {
            return false;
        }
    }
    bool by_frequency = rule->determinant_count == 0;
    return find->samples[column].plain_bytes > 0 && map_entries(find, rule) <= WENDI_PREDICTION_MAP_MAX &&
           (!by_frequency || find->columns[column].codes != NULL);
}

/* Weigh the rules in `choices`, and replace them by what of them is worth it. */
static wend_status judge_again(finder *find, wendi_prediction_choice *choices)
{
    wend_status status = WEND_OK;
    for (uint32_t c = 0; c < find->count; c++) {
        find->samples[c].id_count = 0;
        find->samples[c].candidate_count = 0;
        find->samples[c].plain_bytes = 0;
        if (takes_part(choices, find->count, c)) {
            WEND_TRY(take_sample(find, c));
        }
    }
    for (uint32_t c = 0; c < find->count; c++) {
        column_sample *sample = &find->samples[c];
        if (choices[c].predicted && still_holds(find, c, &choices[c].rule)) {
            sample->candidates[sample->candidate_count++] = (candidate){choices[c].rule, 0};
            WEND_TRY(weigh(find, c, &sample->candidates[0]));
        }
        choices[c] = (wendi_prediction_choice){.predicted = false};
    }
    choose(find, choices);
cleanup:
    return status;
}

static wend_status judge_all(finder *find, wendi_prediction_choice *choices)
{
    wend_status status = WEND_OK;
    memset(choices, 0, find->count * sizeof *choices);
    for (uint32_t c = 0; c < find->count; c++) {
        WEND_TRY(take_sample(find, c));
    }
    for (uint32_t c = 0; c < find->count; c++) {
        WEND_TRY(judge_column(find, c));
    }
    choose(find, choices);
cleanup:
    return status;
}

wend_status wendi_prediction_find(const wendi_prediction_column *columns, uint32_t count, uint32_t row_count,
                                  int zstd_level, wendi_prediction_memory *memory, wendi_prediction_choice *choices)
{
    wend_status status = WEND_OK;
    uint32_t sample_rows = row_count < SAMPLE_ROWS ? row_count : SAMPLE_ROWS;
    finder find = {.columns = columns, .count = count, .row_count = row_count, .sample_rows = sample_rows,
                   .scale = (double)row_count / sample_rows, .zstd_level = zstd_level};
    WEND_TRY(open_finder(&find));
    if (memory != NULL && wendi_prediction_memory_recall(memory, count, row_count, choices)) {
        double promised = saving_of(choices, count);
        WEND_TRY(judge_again(&find, choices));
        if (saving_of(choices, count) >= promised * KEPT_PERCENT / 100) {
            goto cleanup;
        }
    }
    WEND_TRY(judge_all(&find, choices));
    if (memory != NULL) {
        wendi_prediction_memory_keep(memory, choices, count, row_count);
    }
cleanup:
    close_finder(&find);
    return status;
}
