/*
 * Finding zones and converting times. Zones are kept for ever in a list that only grows, under one
 * lock that is taken by find alone; conversions touch immutable data.
 *
 * A zone's name never becomes a path unless it is made of the characters that names have, and
 * no part of it begins with a dot, so that nothing outside the database is ever opened.
 */
#include "engine/base/timezone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/civil.h"
#include "engine/base/tzif.h"

enum { ZONE_NAME_BYTES = 64, ZONE_PATH_BYTES = 1024, ZONE_FILE_BYTES_MAX = 1 << 20, SECONDS_PER_DAY = 86400 };

static const int64_t us_per_second = 1000000;

struct wendi_timezone {
    char name[ZONE_NAME_BYTES];
    int32_t fixed_offset; /* of a zone without data */
    bool fixed;
    wendi_tz_data data;
    wendi_timezone *older;
};

static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;
static wendi_timezone *zones; /* under zones_lock; newest first */

static const wendi_timezone zone_utc = {.name = "UTC", .fixed = true};

const wendi_timezone *wendi_timezone_utc(void)
{
    return &zone_utc;
}

const char *wendi_timezone_name(const wendi_timezone *zone)
{
    return zone->name;
}

static const char *database_folder(void)
{
    const char *folder = getenv("TZDIR");
    return folder != NULL && *folder != '\0' ? folder : "/usr/share/zoneinfo";
}

/* ---- conversions ---------------------------------------------------------------------------- */

static int32_t offset_at(const wendi_timezone *zone, int64_t utc_seconds)
{
    const wendi_tz_data *data = &zone->data;
    uint32_t count = data->transition_count;
    if (zone->fixed) {
        return zone->fixed_offset;
    }
    if (count == 0 || utc_seconds < data->transitions[0]) {
        return count == 0 && data->rule.present ? wendi_tz_rule_offset(&data->rule, utc_seconds) : data->offsets[0];
    }
    if (utc_seconds >= data->transitions[count - 1]) {
        return data->rule.present ? wendi_tz_rule_offset(&data->rule, utc_seconds) : data->offsets[count];
    }
    uint32_t passed = data->buckets[(utc_seconds - data->bucket_base) >> WENDI_TZ_BUCKET_BITS];
    while (data->transitions[passed] <= utc_seconds) { /* Ends: the last transition lies beyond. */
        passed++;
    }
    return data->offsets[passed];
}

/* The first change of the clock after an instant; false when there is none any more. */
static bool next_transition(const wendi_timezone *zone, int64_t after, int64_t *at)
{
    const wendi_tz_data *data = &zone->data;
    uint32_t low = 0;
    uint32_t high = data->transition_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (data->transitions[middle] <= after) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < data->transition_count) {
        *at = data->transitions[low];
        return true;
    }
    if (!data->rule.daylight) {
        return false;
    }
    int64_t year;
    int32_t month;
    int32_t day;
    bool found = false;
    wendi_civil_of_days(wendi_floor_div(after, SECONDS_PER_DAY), &year, &month, &day);
    for (int64_t candidate = year - 1; candidate <= year + 1; candidate++) {
        int64_t changes[2];
        wendi_tz_rule_year(&data->rule, candidate, &changes[0], &changes[1]);
        for (int i = 0; i < 2; i++) {
            if (changes[i] > after && (!found || changes[i] < *at)) {
                *at = changes[i];
                found = true;
            }
        }
    }
    return found;
}

/* Times beyond what 64 bits hold stay at the end; SQL's own limits lie far inside. */
static int64_t shift(int64_t us, int64_t seconds)
{
    int64_t moved;
    if (__builtin_add_overflow(us, seconds * us_per_second, &moved)) {
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    }
    return moved;
}

int64_t wendi_timezone_to_local(const wendi_timezone *zone, int64_t utc_us)
{
    return shift(utc_us, offset_at(zone, wendi_floor_div(utc_us, us_per_second)));
}

/*
 * PostgreSQL looks at the first change of the clock after the day before. A wall time that its two offsets
 * put on either side of the change is one that did not happen or happened twice: in a
 * gap it is read with the offset before (and so moves forward), in an overlap with the offset after.
 */
int64_t wendi_timezone_to_utc(const wendi_timezone *zone, int64_t local_us)
{
    if (zone->fixed) {
        return shift(local_us, -zone->fixed_offset);
    }
    int64_t local = wendi_floor_div(local_us, us_per_second);
    int64_t begin = local - SECONDS_PER_DAY;
    int64_t boundary = 0; /* gcc at -O2 does not see that it is always set */
    int32_t before = offset_at(zone, begin);
    if (!next_transition(zone, begin, &boundary)) {
        return shift(local_us, -before);
    }
    int32_t after = offset_at(zone, boundary);
    int64_t by_before = local - before;
    int64_t by_after = local - after;
    if (by_before < boundary && by_after < boundary) {
        return shift(local_us, -before);
    }
    if (by_before > boundary && by_after >= boundary) {
        return shift(local_us, -after);
    }
    return shift(local_us, by_before > by_after ? -before : -after);
}

/* ---- finding -------------------------------------------------------------------------------- */

static bool two_digits(const char **at, const char *end, int32_t max, int32_t *value)
{
    if (end - *at < 2 || (*at)[0] < '0' || (*at)[0] > '9' || (*at)[1] < '0' || (*at)[1] > '9') {
        return false;
    }
    *value = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
    *at += 2;
    return *value <= max;
}

/* [+-]hh[[:]mm[[:]ss]], east positive. */
static bool parse_offset(wendi_string name, int32_t *offset)
{
    const char *at = name.data;
    const char *end = at + name.length;
    int32_t parts[3] = {0, 0, 0};
    if (name.length < 2 || (*at != '+' && *at != '-')) {
        return false;
    }
    int32_t sign = *at++ == '-' ? -1 : 1;
    if (end - at == 1 && *at >= '0' && *at <= '9') {
        *offset = sign * (*at - '0') * 3600;
        return true;
    }
    if (!two_digits(&at, end, 15, &parts[0])) {
        return false;
    }
    for (int i = 1; i < 3 && at < end; i++) {
        at += *at == ':';
        if (!two_digits(&at, end, 59, &parts[i])) {
            return false;
        }
    }
    *offset = sign * (parts[0] * 3600 + parts[1] * 60 + parts[2]);
    return at == end;
}

static bool name_is_safe(wendi_string name)
{
    if (name.length == 0 || name.length >= ZONE_NAME_BYTES) {
        return false;
    }
    for (uint32_t i = 0; i < name.length; i++) {
        char byte = name.data[i];
        bool letter = (byte | 32) >= 'a' && (byte | 32) <= 'z';
        bool inner = (byte >= '0' && byte <= '9') || byte == '+' || byte == '-' || byte == '_' || byte == '/';
        bool first = i == 0 || name.data[i - 1] == '/';
        if (!letter && (!inner || first)) {
            return false;
        }
    }
    return name.data[name.length - 1] != '/';
}

/* As PostgreSQL does, take any case; the name becomes what the database calls it. */
static bool settle_case(char *name)
{
    char folder[ZONE_PATH_BYTES];
    size_t length = (size_t)snprintf(folder, sizeof folder, "%s", database_folder());
    for (char *part = name; part != NULL && length < sizeof folder - ZONE_NAME_BYTES - 2;) {
        char *slash = strchr(part, '/');
        size_t part_length = slash != NULL ? (size_t)(slash - part) : strlen(part);
        DIR *listing = opendir(folder);
        bool found = false;
        for (struct dirent *entry; !found && listing != NULL && (entry = readdir(listing)) != NULL;) {
            if (strlen(entry->d_name) == part_length && strncasecmp(entry->d_name, part, part_length) == 0) {
                memcpy(part, entry->d_name, part_length);
                found = true;
            }
        }
        if (listing != NULL) {
            closedir(listing);
        }
        if (!found) {
            return false;
        }
        length += (size_t)snprintf(folder + length, sizeof folder - length, "/%.*s", (int)part_length, part);
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

static wend_status read_whole(const char *path, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return WEND_NOT_FOUND;
    }
    for (;;) {
        WEND_TRY(wendi_buffer_reserve(out, 4096));
        ssize_t got = read(descriptor, out->data + out->length, 4096);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 || out->length > ZONE_FILE_BYTES_MAX) {
            status = WEND_NOT_FOUND; /* a folder, most likely */
        }
        if (got <= 0 || status != WEND_OK) {
            break;
        }
        out->length += (size_t)got;
    }
cleanup:
    close(descriptor);
    return status;
}

static wend_status load(wendi_timezone *zone)
{
    char path[ZONE_PATH_BYTES];
    wendi_buffer bytes = {0};
    int length = snprintf(path, sizeof path, "%s/%s", database_folder(), zone->name);
    wend_status status = length < 0 || (size_t)length >= sizeof path ? WEND_NOT_FOUND : read_whole(path, &bytes);
    if (status == WEND_NOT_FOUND && settle_case(zone->name)) {
        snprintf(path, sizeof path, "%s/%s", database_folder(), zone->name);
        status = read_whole(path, &bytes);
    }
    if (status == WEND_OK) {
        status = wendi_tzif_parse(bytes.data, bytes.length, &zone->data);
    }
    wendi_buffer_free(&bytes);
    return status;
}

static const wendi_timezone *cached(const char *name)
{
    for (const wendi_timezone *zone = zones; zone != NULL; zone = zone->older) {
        if (strcasecmp(zone->name, name) == 0) {
            return zone;
        }
    }
    return NULL;
}

static wend_status refuse(wend_status status, wendi_string name, wend_error *error)
{
    int shown = (int)(name.length < 100 ? name.length : 100);
    if (status == WEND_NOMEM) {
        return wendi_fail_nomem(error, "a time zone", sizeof(wendi_timezone));
    }
    if (status == WEND_CORRUPT || status == WEND_UNSUPPORTED) {
        wendi_fail(error, WEND_INVALID, "the file of time zone \"%.*s\" in %s %s", shown, name.data, database_folder(),
                   status == WEND_CORRUPT ? "is damaged" : "counts leap seconds or is older than TZif 2");
    } else {
        wendi_fail(error, WEND_INVALID, "no time zone \"%.*s\" in %s", shown, name.data, database_folder());
    }
    wendi_error_hint(error, "write an IANA name such as 'Europe/Berlin', 'UTC', or an offset such as '+05:30'; "
                            "the package tzdata or $TZDIR holds the zones");
    return WEND_INVALID;
}

static wend_status make_zone(wendi_string name, int32_t offset, bool fixed, const wendi_timezone **zone_out)
{
    wendi_timezone *zone = wendi_alloc_zero(1, sizeof *zone);
    if (zone == NULL) {
        return WEND_NOMEM;
    }
    memcpy(zone->name, name.data, name.length);
    zone->fixed = fixed;
    zone->fixed_offset = offset;
    wend_status status = fixed ? WEND_OK : load(zone);
    if (status != WEND_OK) {
        wendi_free(zone);
        return status;
    }
    zone->older = zones;
    zones = zone;
    *zone_out = zone;
    return WEND_OK;
}

wend_status wendi_timezone_find(wendi_string name, const wendi_timezone **zone_out, wend_error *error)
{
    static const char *const names_of_utc[] = {"UTC", "GMT", "Z", "Etc/UTC", "Zulu"};
    char text[ZONE_NAME_BYTES];
    int32_t offset = 0;
    bool fixed = parse_offset(name, &offset) && name.length < ZONE_NAME_BYTES;

    *zone_out = NULL;
    if (!fixed && !name_is_safe(name)) {
        return refuse(WEND_INVALID, name, error);
    }
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    for (size_t i = 0; i < sizeof names_of_utc / sizeof names_of_utc[0]; i++) {
        if (strcasecmp(text, names_of_utc[i]) == 0) {
            *zone_out = &zone_utc;
            return WEND_OK;
        }
    }
    pthread_mutex_lock(&zones_lock);
    wend_status status = WEND_OK;
    *zone_out = cached(text);
    if (*zone_out == NULL) {
        status = make_zone(name, offset, fixed, zone_out);
    }
    pthread_mutex_unlock(&zones_lock);
    return status == WEND_OK ? WEND_OK : refuse(status, name, error);
}
