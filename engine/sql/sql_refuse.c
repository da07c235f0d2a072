/* Saying no: the library's syntax errors with hints for frequent slips, and the parts of SQL that
   wend does not have, each with what to write instead. */
#include "engine/sql/reader.h"

#include <stdarg.h>
#include <stdio.h>

static int32_t byte_of_character(const wendi_sql_reader *reader, int32_t character)
{
    int32_t at = 0;
    while (character > 0 && at < reader->length) {
        at++;
        while (at < reader->length && ((unsigned char)reader->text[at] & 0xc0) == 0x80) {
            at++;
        }
        character--;
    }
    return at;
}

static void hint_quote(wendi_sql_reader *reader, int32_t token)
{
    int length = reader->tokens[token].end - reader->tokens[token].start;
    const char *word = reader->text + reader->tokens[token].start;
    wendi_error_hint(
        reader->error,
        "%.*s is a reserved word of SQL; as a name write it in double quotes: \"%.*s\"", length,
        word, length, word);
}

/* Keywords that say a column's properties where a clause of PostgreSQL would stand. */
static bool is_column_option(const wendi_sql_reader *reader, int32_t token)
{
    static const char *const words[] = {"path", "format", "timezone", "on_error", "round"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (wendi_sql_token_is(reader, token, words[i])) {
            return true;
        }
    }
    return false;
}

/* The slips that people make most, told by the token that the grammar stumbled over. */
static void hint_syntax(wendi_sql_reader *reader, int32_t token)
{
    const wendi_sql_token *tokens = reader->tokens;
    int32_t before = token == WENDI_SQL_NO_TOKEN ? reader->token_count - 1 : token - 1;
    bool after_keyword = before >= 0 && tokens[before].reserved;

    if (token == WENDI_SQL_NO_TOKEN) {
        wendi_error_hint(reader->error, "something is missing at the end%s",
                         wendi_sql_token_is(reader, before, ",") ? ", or the last comma is too many"
                                                                 : "");
    } else if (wendi_sql_token_is(reader, token, "=>") && after_keyword) {
        hint_quote(reader, before);
    } else if (wendi_sql_token_is(reader, before, ",") &&
               wendi_sql_token_is(reader, token, "from")) {
        wendi_error_hint(reader->error, "remove the comma before FROM");
    } else if (wendi_sql_token_is(reader, before, ",") && wendi_sql_token_is(reader, token, ")")) {
        wendi_error_hint(reader->error, "remove the comma before the bracket");
    } else if (is_column_option(reader, token)) {
        wendi_error_hint(
            reader->error,
            "a column's path, format, timezone, on_error and round stand in OPTIONS, right after "
            "its "
            "type: ts timestamptz OPTIONS (path '$.time', format 'epoch_ms') NOT NULL");
    } else if (wendi_sql_token_is(reader, token, "options")) {
        wendi_error_hint(
            reader->error,
            "OPTIONS (…) stands right after the column's type, before NOT NULL and the rest");
    } else if (strchr(reader->text, '`') != NULL) {
        wendi_error_hint(reader->error, "names are quoted with double quotes: \"name\"");
    } else if (tokens[token].reserved && tokens[token].keyword) {
        hint_quote(reader, token);
    }
}

static void hint_message(wend_error *error, const char *message)
{
    if (strstr(message, "unterminated quoted string") != NULL) {
        wendi_error_hint(error, "end the string with '; a ' inside it is written twice: ''");
    } else if (strstr(message, "unterminated quoted identifier") != NULL) {
        wendi_error_hint(error, "end the name with a double quote; strings stand in single quotes");
    } else if (strstr(message, "LIMIT #,#") != NULL) {
        wendi_error_hint(error, "write LIMIT n OFFSET m");
    } else if (strstr(message, "must have an alias") != NULL) {
        wendi_error_hint(error, "name it: FROM (SELECT …) AS t");
    } else if (strstr(message, "memory exhausted") != NULL) {
        wendi_error_hint(error, "the statement is nested too deeply: split it");
    }
}

wend_status wendi_sql_syntax_error(wendi_sql_reader *reader, const PgQueryError *fault)
{
    int32_t at = fault->cursorpos > 0 ? byte_of_character(reader, fault->cursorpos - 1) : -1;
    int32_t end = reader->length - reader->tail;
    int32_t token = wendi_sql_token_at(reader, at);

    if (fault->message == NULL) {
        return wendi_fail_nomem(reader->error, "the parser", (size_t)reader->length);
    }
    if (at >= end && reader->shift > 0) {
        at = end; /* it stumbled over our own wrapper: to the caller that is the end of the text */
        token = WENDI_SQL_NO_TOKEN;
        wendi_fail_at(reader->error, WEND_INVALID, wendi_sql_place(reader, at),
                      "syntax error at end of input");
    } else {
        wendi_fail_at(reader->error, WEND_INVALID, at < 0 ? -1 : wendi_sql_place(reader, at), "%s",
                      fault->message);
    }
    hint_message(reader->error, fault->message);
    if (strstr(fault->message, "syntax error") != NULL && reader->token_count > 0) {
        hint_syntax(reader, token);
    }
    return WEND_INVALID;
}

wend_status wendi_sql_refuse(wendi_sql_reader *reader, int32_t location, const char *hint,
                             const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    int32_t position =
        location >= 0 && location < reader->shift ? 0 : wendi_sql_place(reader, location);
    wendi_fail_at(reader->error, WEND_UNSUPPORTED, position, "%s", message);
    if (hint != NULL) {
        wendi_error_hint(reader->error, "%s", hint);
    }
    return WEND_UNSUPPORTED;
}

wend_status wendi_sql_refuse_statement(wendi_sql_reader *reader, const PgQuery__Node *node,
                                       int32_t location)
{
    static const struct {
        PgQuery__Node__NodeCase kind;
        const char *name;
        const char *hint;
    } known[] = {
        {PG_QUERY__NODE__NODE_INSERT_STMT, "INSERT",
         "rows come in by wend ingest: from a file, standard input or Kafka"},
        {PG_QUERY__NODE__NODE_COPY_STMT, "COPY",
         "load with wend ingest, write out with wend export"},
        {PG_QUERY__NODE__NODE_UPDATE_STMT, "UPDATE",
         "stored events are never changed; derive columns with GENERATED"},
        {PG_QUERY__NODE__NODE_DELETE_STMT, "DELETE",
         "stored events are never changed; leave them out with WHERE"},
        {PG_QUERY__NODE__NODE_MERGE_STMT, "MERGE", "duplicates are refused at ingest by UNIQUE"},
        {PG_QUERY__NODE__NODE_TRUNCATE_STMT, "TRUNCATE", "drop the table and create it again"},
        {PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, "CREATE TABLE AS",
         "write the query's rows out with wend export --sql"},
        {PG_QUERY__NODE__NODE_VIEW_STMT, "CREATE VIEW", "use WITH name AS (SELECT …) in the query"},
        {PG_QUERY__NODE__NODE_INDEX_STMT, "CREATE INDEX",
         "wend needs none: zone maps and the sort order are made for every table"},
        {PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT, "CREATE FOREIGN TABLE",
         "write CREATE TABLE; OPTIONS on columns work there too"},
        {PG_QUERY__NODE__NODE_RENAME_STMT, "ALTER … RENAME", "of ALTER TABLE wend has ADD COLUMN"},
        {PG_QUERY__NODE__NODE_TRANSACTION_STMT, "a transaction",
         "every statement stands alone; ingest commits by itself"},
        {PG_QUERY__NODE__NODE_VARIABLE_SET_STMT, "SET",
         "options of the command line take its place, such as --tz"},
        {PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT, "SHOW",
         "see wend status, wend tables and wend describe"},
        {PG_QUERY__NODE__NODE_VACUUM_STMT, "VACUUM", "there is nothing to clean up: stored events are never changed"},
    };
    int32_t first = wendi_sql_token_at(reader, location);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].kind == node->node_case) {
            return wendi_sql_refuse(reader, location, known[i].hint, "%s is not supported",
                                    known[i].name);
        }
    }
    int length = first < 0 ? 0 : reader->tokens[first].end - reader->tokens[first].start;
    return wendi_sql_refuse(
        reader, location,
        "wend has SELECT, EXPLAIN, CREATE TABLE, ALTER TABLE … ADD COLUMN and DROP TABLE",
        "this statement (%.*s …) is not supported", length,
        first < 0 ? "" : reader->text + reader->tokens[first].start);
}

static int32_t lesser(int32_t a, int32_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/*
 * Walks by the library's own descriptors, so it needs to know no kind of node. A location of 0 is
 * not told apart from none, but nothing below a statement's first word stands at 0.
 */
int32_t wendi_sql_first_location(const ProtobufCMessage *message)
{
    int32_t found = -1;
    for (unsigned i = 0; message != NULL && i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const char *at = (const char *)message + field->offset;
        bool one_of = (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
        uint32_t held = 0;
        if (one_of) {
            memcpy(&held, (const char *)message + field->quantifier_offset, sizeof held);
        }
        if (one_of && held != field->id) {
            continue;
        }
        if (field->type == PROTOBUF_C_TYPE_INT32 && strcmp(field->name, "location") == 0) {
            int32_t location = 0;
            memcpy(&location, at, sizeof location);
            found = location > 0 ? lesser(found, location) : found;
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE &&
                   field->label == PROTOBUF_C_LABEL_REPEATED) {
            size_t count = 0;
            ProtobufCMessage **items = NULL;
            memcpy(&count, (const char *)message + field->quantifier_offset, sizeof count);
            memcpy(&items, at, sizeof items);
            for (size_t k = 0; k < count; k++) {
                found = lesser(found, wendi_sql_first_location(items[k]));
            }
        } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
            ProtobufCMessage *below = NULL;
            memcpy(&below, at, sizeof below);
            found = lesser(found, wendi_sql_first_location(below));
        }
    }
    return found;
}
