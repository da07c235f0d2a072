/** Inside of fault_io: what is durable of a folder, and what is only in memory. Not thread safe. */
#ifndef WENDI_IO_FAULT_MODEL_H
#define WENDI_IO_FAULT_MODEL_H

#include "engine/io/io_backend.h"

typedef struct wendi_fault_model wendi_fault_model;
typedef struct wendi_model_file wendi_model_file;

/** Everything under `root` is taken in as durable. */
wend_status wendi_fault_model_new(const char *root, wendi_fault_model **model_out);
void wendi_fault_model_free(wendi_fault_model *model); /* accepts NULL */

/* What happened, after it did. Paths outside of the root are ignored. NULL files are ignored. */
wendi_model_file *wendi_fault_model_create(wendi_fault_model *model, const char *path);
void wendi_fault_model_write(wendi_fault_model *model, wendi_model_file *file, uint64_t offset, const void *bytes,
                             size_t length);
void wendi_fault_model_sync(wendi_model_file *file);
/** A failed sync: what was dirty is neither durable nor dirty any more. */
void wendi_fault_model_lose(wendi_model_file *file);
void wendi_fault_model_rename(wendi_fault_model *model, const char *from, const char *to);
void wendi_fault_model_link(wendi_fault_model *model, const char *from, const char *to);
void wendi_fault_model_remove(wendi_fault_model *model, const char *path);
void wendi_fault_model_mkdir(wendi_fault_model *model, const char *path);
void wendi_fault_model_sync_folder(wendi_fault_model *model, const char *path);

/** Write out one of the states that a power loss may leave. */
wend_status wendi_fault_model_power_loss(wendi_fault_model *model, const char *into, uint64_t seed, wend_error *error);

#endif
