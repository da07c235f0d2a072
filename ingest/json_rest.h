/**
 * What a row leaves over: the members of the event that no column takes, gathered while the row is
 * decoded and then written as one JSON object, the value of the column _rest.
 *
 * The object is canonical but for its values: keys rise bytewise and are escaped in one way, there are
 * no blanks between members, a value stands as it was written. A member of a nested object that
 * columns lie in keeps its place in a nested object. So events that differ in the order of their keys
 * alone leave the same text, which dictionaries then have once.
 */
#ifndef WENDI_INGEST_JSON_REST_H
#define WENDI_INGEST_JSON_REST_H

#include "ingest/json_keys.h"

typedef struct wendi_rest_member {
    uint32_t node;    /* the object it is a member of */
    uint32_t slot;    /* its key; WENDI_KEY_NONE: one that is not learnt, see `key` */
    wendi_string key; /* what the key means; of members without a slot only */
    const char *value; /* in the message */
    uint32_t value_bytes;
} wendi_rest_member;

/** Zero-filled is a valid empty one. */
typedef struct wendi_json_rest {
    wendi_rest_member *members; /* in order of arrival */
    uint32_t *slots;            /* of the members */
    uint32_t *order;            /* members by rising path */
    uint32_t member_count;
    uint32_t member_capacity;
    uint32_t *known_slots; /* a row's slots for which `order` still holds: most rows have the same ones */
    uint32_t known_count;
    bool known;
    wendi_arena keys; /* of members without a slot */
    wendi_buffer text;
} wendi_json_rest;

void wendi_json_rest_free(wendi_json_rest *rest);
/** Forget the last row's members. */
void wendi_json_rest_begin(wendi_json_rest *rest);
/** Add the member of `slot` whose value is at begin..end of the message. WEND_NOMEM. */
wend_status wendi_json_rest_add(wendi_json_rest *rest, const wendi_key_tree *tree, uint32_t slot, const char *begin,
                                const char *end);
/** The same of a key of `node` that is not learnt; `key` (what it means) is copied. */
wend_status wendi_json_rest_add_stray(wendi_json_rest *rest, uint32_t node, wendi_string key, const char *begin,
                                      const char *end);
/** A later duplicate takes the place of `slot`: forget what was added for it and beneath it. */
void wendi_json_rest_forget(wendi_json_rest *rest, const wendi_key_tree *tree, uint32_t slot);
/**
 * The object of all members, at least one; borrowed until the next call. Of equal keys the one that came last
 * counts; what lies beneath a member that is there as a whole is part of that.
 */
wend_status wendi_json_rest_write(wendi_json_rest *rest, const wendi_key_tree *tree, wendi_string *text);

#endif
