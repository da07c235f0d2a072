/* The canonical CREATE TABLE of a schema: one column a line, nothing that is the default. */
#include <inttypes.h>

#include "engine/expr/table_ddl_internal.h"

static wend_status text(wendi_buffer *out, const char *words)
{
    return wendi_buffer_append(out, words, strlen(words));
}

/* One name 'value' of OPTIONS; `count` says how many stand before. */
static wend_status write_option(const char *name, wendi_string value, uint32_t *count,
                                wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(wendi_buffer_printf(out, "%s%s ", (*count)++ == 0 ? " OPTIONS (" : ", ", name));
    WEND_TRY(wendi_sql_print_string(value, out));
cleanup:
    return status;
}

static wend_status column_path(const wendi_column *column, wendi_buffer *out)
{
    static const char *const words[] = {[WENDI_ORIGIN_JSON] = "",
                                        [WENDI_ORIGIN_TOPIC] = "$topic",
                                        [WENDI_ORIGIN_PARTITION] = "$partition",
                                        [WENDI_ORIGIN_OFFSET] = "$offset",
                                        [WENDI_ORIGIN_KEY] = "$key",
                                        [WENDI_ORIGIN_TIMESTAMP] = "$timestamp",
                                        [WENDI_ORIGIN_HEADER] = "$headers"};
    wend_status status = WEND_OK;
    WEND_TRY(text(out, words[column->origin]));
    for (uint32_t i = 0; i < column->path_count; i++) {
        size_t begin = out->length;
        WEND_TRY(text(out, i > 0 ? "|" : ""));
        WEND_TRY(wendi_path_write(&column->paths[i], out));
        if (column->origin == WENDI_ORIGIN_HEADER) { /* $headers has the root already */
            memmove(out->data + begin, out->data + begin + 1, out->length - begin - 1);
            out->length--;
        }
    }
cleanup:
    return status;
}

static wend_status write_options(const wendi_column *column, wendi_buffer *out)
{
    static const char *const formats[] = {"iso", "epoch_s", "epoch_ms", "epoch_us", "epoch_ns"};
    wend_status status = WEND_OK;
    wendi_buffer path = {0};
    uint32_t count = 0;
    if (!wendi_ddl_path_is_default(column)) {
        WEND_TRY(column_path(column, &path));
        WEND_TRY(write_option(
            "path", (wendi_string){(const char *)path.data, (uint32_t)path.length}, &count, out));
    }
    if (column->time_format == WENDI_TIME_PATTERN) {
        WEND_TRY(write_option("format", column->time_pattern, &count, out));
    } else if (column->time_format != WENDI_TIME_ISO) {
        WEND_TRY(
            write_option("format", wendi_string_of(formats[column->time_format]), &count, out));
    }
    if (column->timezone.length > 0) {
        WEND_TRY(write_option("timezone", column->timezone, &count, out));
    }
    if (column->on_error == WENDI_ON_ERROR_NULL) {
        WEND_TRY(write_option("on_error", wendi_string_of("null"), &count, out));
    }
    if (column->rounding == WENDI_ROUND_HALF_EVEN) {
        WEND_TRY(write_option("round", wendi_string_of("half_even"), &count, out));
    }
    WEND_TRY(text(out, count > 0 ? ")" : ""));
cleanup:
    wendi_buffer_free(&path);
    return status;
}

static bool is_unique_alone(const wendi_schema *schema, uint32_t column)
{
    for (uint32_t i = 0; i < schema->unique_count; i++) {
        if (schema->uniques[i].column_count == 1 && schema->uniques[i].columns[0] == column) {
            return true;
        }
    }
    return false;
}

static wend_status write_column(const wendi_schema *schema, uint32_t index, wendi_buffer *out)
{
    char type[40];
    const wendi_column *column = &schema->columns[index];
    wend_status status = WEND_OK;
    WEND_TRY(wendi_sql_print_name(column->name, out));
    WEND_TRY(wendi_buffer_printf(out, " %s", wendi_type_name(column->type, type)));
    WEND_TRY(write_options(column, out));
    WEND_TRY(text(out, column->not_null ? " NOT NULL" : ""));
    WEND_TRY(text(out, is_unique_alone(schema, index) ? " UNIQUE" : ""));
    if (column->has_default) {
        bool bare = wendi_type_is_integer(column->type) ||
                    column->type.kind == WENDI_TYPE_NUMERIC ||
                    column->type.kind == WENDI_TYPE_BOOLEAN;
        WEND_TRY(text(out, " DEFAULT "));
        WEND_TRY(bare ? wendi_buffer_append(out, column->default_value.data,
                                            column->default_value.length)
                      : wendi_sql_print_string(column->default_value, out));
    }
    if (column->origin == WENDI_ORIGIN_GENERATED) {
        WEND_TRY(wendi_buffer_printf(out, " GENERATED ALWAYS AS (%.*s) STORED",
                                     WENDI_DDL_TEXT(column->generated)));
    }
cleanup:
    return status;
}

static wend_status write_constraints(const wendi_schema *schema, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    for (uint32_t i = 0; i < schema->unique_count; i++) {
        const wendi_unique *unique = &schema->uniques[i];
        for (uint32_t k = 0; k < unique->column_count && unique->column_count > 1; k++) {
            WEND_TRY(text(out, k > 0 ? ", " : ",\n    UNIQUE ("));
            WEND_TRY(wendi_sql_print_name(schema->columns[unique->columns[k]].name, out));
            WEND_TRY(text(out, k + 1 == unique->column_count ? ")" : ""));
        }
    }
    for (uint32_t i = 0; i < schema->check_count; i++) {
        WEND_TRY(text(out, ",\n    CONSTRAINT "));
        WEND_TRY(wendi_sql_print_name(schema->checks[i].name, out));
        WEND_TRY(wendi_buffer_printf(out, " CHECK (%.*s)",
                                     WENDI_DDL_TEXT(schema->checks[i].expression)));
    }
cleanup:
    return status;
}

/* The largest unit that leaves no rest. */
static wend_status write_duration(const char *name, int64_t us, uint32_t *count, wendi_buffer *out)
{
    static const struct {
        int64_t us;
        const char *unit;
    } units[] = {{INT64_C(86400000000), "days"},
                 {INT64_C(3600000000), "hours"},
                 {60000000, "minutes"},
                 {1000000, "seconds"}};
    wend_status status = WEND_OK;
    char number[64];
    snprintf(number, sizeof number, "%" PRId64 ".%06" PRId64 " seconds", us / 1000000,
             us % 1000000);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (us % units[i].us == 0) {
            snprintf(number, sizeof number, "%" PRId64 " %s", us / units[i].us, units[i].unit);
            break;
        }
    }
    WEND_TRY(wendi_buffer_printf(out, "%s%s = '%s'", (*count)++ == 0 ? " WITH (\n    " : ",\n    ",
                                 name, number));
cleanup:
    return status;
}

static wend_status write_role(const wendi_schema *schema, const char *name, uint32_t column,
                              uint32_t *count, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    if (column != WENDI_NO_COLUMN) {
        WEND_TRY(wendi_buffer_printf(out, "%s%s = ", (*count)++ == 0 ? " WITH (\n    " : ",\n    ",
                                     name));
        WEND_TRY(wendi_sql_print_string(schema->columns[column].name, out));
    }
cleanup:
    return status;
}

static wend_status write_word(const char *name, const char *value, uint32_t *count,
                              wendi_buffer *out)
{
    return wendi_buffer_printf(out, "%s%s = %s", (*count)++ == 0 ? " WITH (\n    " : ",\n    ",
                               name, value);
}

static wend_status write_with(const wendi_schema *schema, wendi_buffer *out)
{
    static const char *const duplicates[] = {"'reject'", "'first'", "'last'"};
    static const char *const policies[] = {"'keep'", "'hash'", "'drop'"};
    wend_status status = WEND_OK;
    char number[32];
    uint32_t count = 0;
    WEND_TRY(write_role(schema, "user_column", schema->user_column, &count, out));
    WEND_TRY(write_role(schema, "time_column", schema->time_column, &count, out));
    WEND_TRY(write_role(schema, "event_column", schema->event_column, &count, out));
    WEND_TRY(write_role(schema, "order_column", schema->order_column, &count, out));
    if (schema->retention_us != 0) {
        WEND_TRY(write_duration("retention", schema->retention_us, &count, out));
    }
    if (schema->max_future_us != WENDI_US_PER_DAY) {
        WEND_TRY(write_duration("max_future", schema->max_future_us, &count, out));
    }
    if (schema->unique_rows) {
        WEND_TRY(write_word("unique_rows", "true", &count, out));
    }
    if (schema->duplicate_keys != WENDI_DUPLICATE_KEY_REJECT) {
        WEND_TRY(write_word("duplicate_keys", duplicates[schema->duplicate_keys], &count, out));
    }
    if (schema->event_id_policy != WENDI_EVENT_ID_KEEP) {
        WEND_TRY(write_word("event_id", policies[schema->event_id_policy], &count, out));
    }
    if (schema->rest_policy != WENDI_REST_UNSAID) {
        WEND_TRY(write_word("rest", schema->rest_policy == WENDI_REST_KEEP ? "'keep'" : "'drop'",
                            &count, out));
    }
    if (schema->unique_window_keys != 0) {
        snprintf(number, sizeof number, "%" PRIu64, schema->unique_window_keys);
        WEND_TRY(write_word("unique_window", number, &count, out));
    }
    WEND_TRY(text(out, count > 0 ? "\n)" : ""));
cleanup:
    return status;
}

wend_status wendi_schema_write_ddl(const wendi_schema *schema, wendi_buffer *out)
{
    wend_status status = WEND_OK;
    WEND_TRY(text(out, "CREATE TABLE "));
    WEND_TRY(wendi_sql_print_name(schema->table_name, out));
    WEND_TRY(text(out, " (\n    "));
    for (uint32_t i = 0; i < schema->column_count; i++) {
        if (i == schema->rest_column) { /* the last one, and WITH says it */
            continue;
        }
        WEND_TRY(text(out, i > 0 ? ",\n    " : ""));
        WEND_TRY(write_column(schema, i, out));
    }
    WEND_TRY(write_constraints(schema, out));
    WEND_TRY(text(out, "\n)"));
    WEND_TRY(write_with(schema, out));
    WEND_TRY(text(out, ";\n"));
cleanup:
    return status;
}
