/** Events as JSON text. Nothing is formatted by printf: every long part was made beforehand. */
#ifndef WENDI_CLICKGEN_RENDER_H
#define WENDI_CLICKGEN_RENDER_H

#include "bench/clickgen/clickgen_walk.h"

typedef struct wendi_clickgen_render {
    const wendi_clickgen_world *world; /* borrowed */
    int64_t day;                       /* the day that `date` spells */
    char date[16];                     /* "2026-03-02T" */
} wendi_clickgen_render;

void wendi_clickgen_render_init(wendi_clickgen_render *render, const wendi_clickgen_world *world);
/**
 * Write `event` as a line of line->topic to `space`; reads topic, flags (NULL_USER, NEW_KEYS) and
 * the event id of `line`, and sets length. No '\n'.
 */
void wendi_clickgen_render_line(wendi_clickgen_render *render, const wendi_clickgen_session *event,
                                char *space, wendi_clickgen_line *line);
/** Set the message key of `line`: the user as the line says it, or the session. */
void wendi_clickgen_render_key(wendi_clickgen_line *line);

#endif
