/* The CREATE TABLE statements that fit the generated lines, and the topics' names. */
#include "bench/clickgen/clickgen.h"

#define CLICK_COLUMNS                                                                              \
    "    event_id uuid UNIQUE,\n"                                                                  \
    "    session_id text,\n"                                                                       \
    "    user_id text,\n"                                                                          \
    "    ts timestamptz NOT NULL,\n"                                                               \
    "    event_type text NOT NULL,\n"                                                              \
    "    page text,\n"                                                                             \
    "    referrer text,\n"                                                                         \
    "    product_id text,\n"                                                                       \
    "    price numeric(12,2) CHECK (price >= 0),\n"                                                \
    "    quantity smallint CHECK (quantity > 0),\n"                                                \
    "    currency text,\n"                                                                         \
    "    payment_method text,\n"                                                                   \
    "    ip inet,\n"                                                                               \
    "    user_agent text,\n"                                                                       \
    "    os text,\n"                                                                               \
    "    device text,\n"                                                                           \
    "    browser text,\n"                                                                          \
    "    country text,\n"                                                                          \
    "    city text,\n"                                                                             \
    "    language text\n"                                                                          \
    ") WITH (user_column='user_id', time_column='ts', event_column='event_type', rest='drop');\n"

static const char user_events_ddl[] =
    "CREATE TABLE user_events (\n"
    "    event_id uuid UNIQUE,\n"
    "    session_id text,\n"
    "    user_id text,\n"
    "    ts timestamptz NOT NULL,\n"
    "    kind text NOT NULL,\n"
    "    \"attributes.plan\" text,\n"
    "    \"attributes.newsletter\" boolean,\n"
    "    \"attributes.ip\" inet,\n"
    "    country text,\n"
    "    city text,\n"
    "    language text\n"
    ") WITH (user_column='user_id', time_column='ts', event_column='kind', rest='drop');\n";

static const char transactions_ddl[] =
    "CREATE TABLE transactions (\n"
    "    transaction_id uuid UNIQUE,\n"
    "    session_id text,\n"
    "    user_id text,\n"
    "    ts timestamptz OPTIONS (path '$.event_time', format 'epoch_ms') NOT NULL,\n"
    "    product_id text NOT NULL,\n"
    "    price numeric(12,2) CHECK (price >= 0),\n"
    "    quantity smallint CHECK (quantity > 0),\n"
    "    amount numeric(12,2) CHECK (amount >= 0),\n"
    "    currency text,\n"
    "    \"payment.method\" text,\n"
    "    \"payment.status\" text,\n"
    "    country text,\n"
    "    city text,\n"
    "    language text\n"
    ") WITH (user_column='user_id', time_column='ts', event_column='payment.status', rest='drop');\n";

const char *wendi_clickgen_ddl(bool shop, wendi_clickgen_topic topic)
{
    switch (topic) {
    case WENDI_CLICKGEN_USER_EVENTS:
        return user_events_ddl;
    case WENDI_CLICKGEN_TRANSACTIONS:
        return transactions_ddl;
    default:
        return shop ? "CREATE TABLE clickstream_raw (\n" CLICK_COLUMNS
                    : "CREATE TABLE events (\n" CLICK_COLUMNS;
    }
}

const char *wendi_clickgen_topic_name(wendi_clickgen_topic topic)
{
    static const char *const names[WENDI_CLICKGEN_TOPIC_COUNT] = {"clickstream_raw", "user_events",
                                                                  "transactions"};
    return (unsigned)topic < WENDI_CLICKGEN_TOPIC_COUNT ? names[topic] : "?";
}
