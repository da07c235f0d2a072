/*
 * The model of durability. Files have two contents, durable and current, and a mark for each sector that was
 * written since. Names live in two tables likewise; between them stands the list of changes not yet
 * durable, in the order they were made.
 *
 * A change of names depends on every earlier one that shares a path or a file with it. Syncing a folder makes durable the
 * changes in it and what they depend on, nothing else: less than journals give, and all that POSIX promises.
 */
#include "engine/io/fault_model.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"

enum { SECTOR_BYTES = 512 };

struct wendi_model_file {
    bool folder;
    wendi_buffer durable;
    wendi_buffer current;
    wendi_buffer dirty; /* a byte for each sector of `current` */
    wendi_model_file *next;
};

typedef struct name_entry {
    char *path; /* relative to the root */
    wendi_model_file *file;
} name_entry;

typedef struct name_table {
    name_entry *entries;
    size_t count;
    size_t capacity;
} name_table;

/* from NULL: a new name; to NULL: a name removed; both: renamed. */
typedef struct name_change {
    char *from;
    char *to;
    wendi_model_file *file;
    bool chosen;
} name_change;

struct wendi_fault_model {
    char *root;
    size_t root_length;
    wendi_model_file *files; /* all that ever were */
    name_table durable;
    name_table current;
    name_change *changes;
    size_t change_count;
    size_t change_capacity;
    bool failed;
};

/* ---- tables --------------------------------------------------------------------------------- */

/* Grow an array of `bytes_each` for one more; false when refused. */
static bool make_room(void *array, size_t count, size_t *capacity, size_t bytes_each)
{
    if (count < *capacity) {
        return true;
    }
    void *memory;
    memcpy(&memory, array, sizeof memory);
    size_t wanted = *capacity == 0 ? 32 : 2 * *capacity;
    memory = wendi_realloc(memory, wanted * bytes_each);
    if (memory == NULL) {
        return false;
    }
    memcpy(array, &memory, sizeof memory);
    *capacity = wanted;
    return true;
}

static size_t find_name(const name_table *table, const char *path)
{
    size_t at = 0;
    while (at < table->count && strcmp(table->entries[at].path, path) != 0) {
        at++;
    }
    return at;
}

static wendi_model_file *file_at(const name_table *table, const char *path)
{
    size_t at = find_name(table, path);
    return at < table->count ? table->entries[at].file : NULL;
}

static void remove_name(name_table *table, const char *path)
{
    size_t at = find_name(table, path);
    if (at < table->count) {
        wendi_free(table->entries[at].path);
        table->entries[at] = table->entries[--table->count];
    }
}

static bool set_name(name_table *table, const char *path, wendi_model_file *file)
{
    size_t at = find_name(table, path);
    if (at < table->count) {
        table->entries[at].file = file;
        return true;
    }
    char *copy = wendi_strdup(path);
    if (copy == NULL || !make_room(&table->entries, table->count, &table->capacity, sizeof *table->entries)) {
        wendi_free(copy);
        return false;
    }
    table->entries[table->count++] = (name_entry){copy, file};
    return true;
}

static void free_names(name_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        wendi_free(table->entries[i].path);
    }
    wendi_free(table->entries);
    *table = (name_table){0};
}

static bool copy_names(const name_table *from, name_table *to)
{
    *to = (name_table){0};
    for (size_t i = 0; i < from->count; i++) {
        if (!set_name(to, from->entries[i].path, from->entries[i].file)) {
            return false;
        }
    }
    return true;
}

/* ---- changes of names ----------------------------------------------------------------------- */

/* A renamed folder takes everything in it along. */
static bool rename_inside(name_table *table, const char *from, const char *to)
{
    size_t length = strlen(from);
    for (size_t i = 0; i < table->count; i++) {
        char *path = table->entries[i].path;
        if (strncmp(path, from, length) == 0 && path[length] == '/') {
            size_t bytes = strlen(to) + strlen(path + length) + 1;
            char *moved = wendi_alloc(bytes);
            if (moved == NULL) {
                return false;
            }
            snprintf(moved, bytes, "%s%s", to, path + length);
            wendi_free(path);
            table->entries[i].path = moved;
        }
    }
    return true;
}

static bool apply_change(name_table *table, const name_change *change)
{
    if (change->from != NULL) {
        remove_name(table, change->from);
    }
    if (change->from != NULL && change->to != NULL && !rename_inside(table, change->from, change->to)) {
        return false;
    }
    return change->to == NULL || set_name(table, change->to, change->file);
}

static void free_change(name_change *change)
{
    wendi_free(change->from);
    wendi_free(change->to);
}

static bool same_path(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool lies_in(const char *folder, const char *path)
{
    size_t length = folder == NULL ? 0 : strlen(folder);
    return folder != NULL && path != NULL && strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* Whether `later` cannot be durable without `earlier`. */
static bool depends(const name_change *later, const name_change *earlier)
{
    return later->file == earlier->file || same_path(later->from, earlier->from) || same_path(later->from, earlier->to) ||
           same_path(later->to, earlier->from) || same_path(later->to, earlier->to) || lies_in(earlier->to, later->from) ||
           lies_in(earlier->to, later->to) || lies_in(later->from, earlier->from) || lies_in(later->from, earlier->to);
}

/* The folder part of a relative path is `folder` ("" is the root). */
static bool is_in_folder(const char *path, const char *folder)
{
    if (path == NULL) {
        return false;
    }
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    return strlen(folder) == length && strncmp(path, folder, length) == 0;
}

/* The path below the root without doubled slashes, or NULL when it lies elsewhere. "" is the root. */
static char *relative(wendi_fault_model *model, const char *path)
{
    if (strncmp(path, model->root, model->root_length) != 0 ||
        (path[model->root_length] != '/' && path[model->root_length] != '\0')) {
        return NULL;
    }
    char *copy = wendi_strdup(path + model->root_length);
    if (copy == NULL) {
        model->failed = true;
        return NULL;
    }
    char *to = copy;
    for (const char *from = copy; *from != '\0'; from++) {
        if (*from != '/' || (to != copy && to[-1] != '/')) {
            *to++ = *from;
        }
    }
    while (to != copy && to[-1] == '/') {
        to--;
    }
    *to = '\0';
    return copy;
}

/* Takes over the strings. */
static void record(wendi_fault_model *model, char *from, char *to, wendi_model_file *file)
{
    name_change change = {from, to, file, false};
    if (file == NULL ||
        !make_room(&model->changes, model->change_count, &model->change_capacity, sizeof *model->changes) ||
        !apply_change(&model->current, &change)) {
        model->failed |= file != NULL;
        free_change(&change);
        return;
    }
    model->changes[model->change_count++] = change;
}

static wendi_model_file *new_file(wendi_fault_model *model, bool folder)
{
    wendi_model_file *file = wendi_alloc_zero(1, sizeof *file);
    if (file == NULL) {
        model->failed = true;
        return NULL;
    }
    file->folder = folder;
    file->next = model->files;
    model->files = file;
    return file;
}

static wendi_model_file *add_new(wendi_fault_model *model, const char *path, bool folder)
{
    char *name = relative(model, path);
    if (name == NULL) {
        return NULL;
    }
    wendi_model_file *file = new_file(model, folder);
    record(model, NULL, name, file);
    return file;
}

wendi_model_file *wendi_fault_model_create(wendi_fault_model *model, const char *path)
{
    return add_new(model, path, false);
}

void wendi_fault_model_mkdir(wendi_fault_model *model, const char *path)
{
    (void)add_new(model, path, true);
}

void wendi_fault_model_rename(wendi_fault_model *model, const char *from, const char *to)
{
    char *old_name = relative(model, from);
    char *new_name = relative(model, to);
    if (old_name == NULL || new_name == NULL) {
        wendi_free(old_name);
        wendi_free(new_name);
        return;
    }
    record(model, old_name, new_name, file_at(&model->current, old_name));
}

void wendi_fault_model_link(wendi_fault_model *model, const char *from, const char *to)
{
    char *old_name = relative(model, from);
    char *new_name = relative(model, to);
    if (old_name != NULL && new_name != NULL) {
        record(model, NULL, new_name, file_at(&model->current, old_name));
        new_name = NULL;
    }
    wendi_free(old_name);
    wendi_free(new_name);
}

void wendi_fault_model_remove(wendi_fault_model *model, const char *path)
{
    char *name = relative(model, path);
    if (name != NULL) {
        record(model, name, NULL, file_at(&model->current, name));
    }
}

/* Apply the chosen changes to `names` and forget them. */
static void settle_chosen(wendi_fault_model *model, name_table *names)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->change_count; i++) {
        if (model->changes[i].chosen) {
            model->failed |= !apply_change(names, &model->changes[i]);
            free_change(&model->changes[i]);
        } else {
            model->changes[kept++] = model->changes[i];
        }
    }
    model->change_count = kept;
}

void wendi_fault_model_sync_folder(wendi_fault_model *model, const char *path)
{
    char *folder = relative(model, path);
    if (folder == NULL) {
        return;
    }
    for (size_t i = model->change_count; i-- > 0;) {
        name_change *change = &model->changes[i];
        change->chosen = is_in_folder(change->from, folder) || is_in_folder(change->to, folder);
        for (size_t later = i + 1; later < model->change_count && !change->chosen; later++) {
            change->chosen = model->changes[later].chosen && depends(&model->changes[later], change);
        }
    }
    settle_chosen(model, &model->durable);
    wendi_free(folder);
}

/* ---- contents ------------------------------------------------------------------------------- */

void wendi_fault_model_write(wendi_fault_model *model, wendi_model_file *file, uint64_t offset, const void *bytes,
                             size_t length)
{
    if (file == NULL || length == 0) {
        return;
    }
    size_t end = (size_t)offset + length;
    wend_status status = WEND_OK;
    if (end > file->current.length) {
        status = wendi_buffer_append_zero(&file->current, end - file->current.length);
    }
    size_t sectors = (end + SECTOR_BYTES - 1) / SECTOR_BYTES;
    if (status == WEND_OK && sectors > file->dirty.length) {
        status = wendi_buffer_append_zero(&file->dirty, sectors - file->dirty.length);
    }
    if (status != WEND_OK) {
        model->failed = true;
        return;
    }
    memcpy(file->current.data + offset, bytes, length);
    size_t first = (size_t)offset / SECTOR_BYTES;
    memset(file->dirty.data + first, 1, sectors - first);
}

/* Copy dirty sectors for which `choose` says so (NULL: all) to the durable content. */
static bool settle_sectors(const wendi_model_file *file, wendi_buffer *content, uint64_t *choices)
{
    for (size_t sector = 0; sector < file->dirty.length; sector++) {
        size_t begin = sector * SECTOR_BYTES;
        size_t end = begin + SECTOR_BYTES < file->current.length ? begin + SECTOR_BYTES : file->current.length;
        bool chosen = choices == NULL;
        if (choices != NULL) {
            *choices = wendi_mix64(*choices + UINT64_C(0x9e3779b97f4a7c15));
            chosen = (*choices & 3) != 0; /* most, so that what is torn is mostly near the truth */
        }
        if (file->dirty.data[sector] == 0 || !chosen) {
            continue;
        }
        if (end > content->length && wendi_buffer_append_zero(content, end - content->length) != WEND_OK) {
            return false;
        }
        memcpy(content->data + begin, file->current.data + begin, end - begin);
    }
    return true;
}

void wendi_fault_model_sync(wendi_model_file *file)
{
    if (file != NULL && settle_sectors(file, &file->durable, NULL) && file->dirty.length != 0) {
        memset(file->dirty.data, 0, file->dirty.length);
    }
}

void wendi_fault_model_lose(wendi_model_file *file)
{
    if (file != NULL && file->dirty.length != 0) {
        memset(file->dirty.data, 0, file->dirty.length);
    }
}

/* ---- beginning and end ---------------------------------------------------------------------- */

static void take_in(wendi_fault_model *model, const char *folder);

static void take_in_file(wendi_fault_model *model, const char *path)
{
    struct stat info;
    char *name = relative(model, path);
    wendi_model_file *file = name == NULL || stat(path, &info) != 0 ? NULL : new_file(model, S_ISDIR(info.st_mode));
    if (file == NULL || !set_name(&model->durable, name, file) || !set_name(&model->current, name, file)) {
        model->failed = true;
    } else if (file->folder) {
        take_in(model, path);
    } else {
        FILE *stream = fopen(path, "rbe");
        size_t bytes = (size_t)info.st_size;
        if (stream == NULL || wendi_buffer_append_zero(&file->durable, bytes) != WEND_OK ||
            fread(file->durable.data, 1, bytes, stream) != bytes ||
            wendi_buffer_append(&file->current, file->durable.data, bytes) != WEND_OK) {
            model->failed = true;
        }
        if (stream != NULL) {
            fclose(stream);
        }
    }
    wendi_free(name);
}

static void take_in(wendi_fault_model *model, const char *folder)
{
    DIR *listing = opendir(folder);
    if (listing == NULL) {
        model->failed = true;
        return;
    }
    for (const struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            take_in_file(model, path);
        }
    }
    closedir(listing);
}

wend_status wendi_fault_model_new(const char *root, wendi_fault_model **model_out)
{
    wendi_fault_model *model = wendi_alloc_zero(1, sizeof *model);
    *model_out = NULL;
    if (model == NULL) {
        return WEND_NOMEM;
    }
    model->root = wendi_strdup(root);
    if (model->root != NULL) {
        model->root_length = strlen(root);
        take_in(model, root);
    }
    if (model->root == NULL || model->failed) {
        wendi_fault_model_free(model);
        return WEND_NOMEM;
    }
    *model_out = model;
    return WEND_OK;
}

void wendi_fault_model_free(wendi_fault_model *model)
{
    if (model == NULL) {
        return;
    }
    while (model->files != NULL) {
        wendi_model_file *next = model->files->next;
        wendi_buffer_free(&model->files->durable);
        wendi_buffer_free(&model->files->current);
        wendi_buffer_free(&model->files->dirty);
        wendi_free(model->files);
        model->files = next;
    }
    for (size_t i = 0; i < model->change_count; i++) {
        free_change(&model->changes[i]);
    }
    wendi_free(model->changes);
    free_names(&model->durable);
    free_names(&model->current);
    wendi_free(model->root);
    wendi_free(model);
}

/* Each change that no lost one stands in the way of is kept or lost by chance. */
static bool choose_names(const wendi_fault_model *model, name_table *names, uint64_t *choices)
{
    bool *lost = wendi_alloc_zero(model->change_count, sizeof *lost);
    bool ok = lost != NULL && copy_names(&model->durable, names);
    for (size_t i = 0; ok && i < model->change_count; i++) {
        *choices = wendi_mix64(*choices + UINT64_C(0x9e3779b97f4a7c15));
        lost[i] = (*choices & 1) != 0;
        for (size_t earlier = 0; earlier < i && !lost[i]; earlier++) {
            lost[i] = lost[earlier] && depends(&model->changes[i], &model->changes[earlier]);
        }
        ok = lost[i] || apply_change(names, &model->changes[i]);
    }
    wendi_free(lost);
    return ok;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const name_entry *)a)->path, ((const name_entry *)b)->path);
}

static wend_status write_entry(const name_entry *entry, const char *into, uint64_t *choices, wend_error *error)
{
    char path[PATH_MAX];
    wendi_buffer content = {0};
    snprintf(path, sizeof path, "%s/%s", into, entry->path);
    if (entry->file->folder) {
        return mkdir(path, 0755) == 0 ? WEND_OK : wendi_fail(error, WEND_IO, "cannot make %s", path);
    }
    bool ok = wendi_buffer_append(&content, entry->file->durable.data, entry->file->durable.length) == WEND_OK &&
              settle_sectors(entry->file, &content, choices);
    FILE *stream = ok ? fopen(path, "wbe") : NULL;
    ok = stream != NULL && fwrite(content.data, 1, content.length, stream) == content.length;
    ok = (stream == NULL || fclose(stream) == 0) && ok;
    wendi_buffer_free(&content);
    return ok ? WEND_OK : wendi_fail(error, WEND_IO, "cannot write %s", path);
}

wend_status wendi_fault_model_power_loss(wendi_fault_model *model, const char *into, uint64_t seed, wend_error *error)
{
    wend_status status = WEND_OK;
    name_table names = {0};
    uint64_t choices = wendi_mix64(seed + 1);

    if (model->failed || !choose_names(model, &names, &choices)) {
        WEND_TRY(wendi_fail_nomem(error, "the model of a power loss", 0));
    }
    if (mkdir(into, 0755) != 0) {
        WEND_TRY(wendi_fail(error, WEND_IO, "cannot make folder %s", into));
    }
    qsort(names.entries, names.count, sizeof *names.entries, compare_entries); /* folders before what is in them */
    for (size_t i = 0; i < names.count; i++) {
        WEND_TRY(write_entry(&names.entries[i], into, &choices, error));
    }
cleanup:
    free_names(&names);
    return status;
}
