/* Opening librdkafka clients and listening to what they say of their connections. */
#include "ingest/kafka/kafka_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

enum {
    RDKAFKA_LOOKS_AGAIN = 0x020200ff, /* has fetch.queue.backoff.ms */
    METADATA_SLICE_MS = 1000,
    REFUSAL_PATIENCE_MS = 30000,      /* of a client that has worked before */
    RDKAFKA_SCRAM_MENDED = 0x020601ff /* before, its last message repeats a nonce wrongly */
};

int64_t wendi_kafka_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t wendi_kafka_wall_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void wendi_kafka_client_note(wendi_kafka_client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&client->mutex);
    vsnprintf(client->last_error, sizeof client->last_error, format, arguments);
    pthread_mutex_unlock(&client->mutex);
    va_end(arguments);
}

void wendi_kafka_client_last_error(wendi_kafka_client *client, char *text, size_t bytes)
{
    pthread_mutex_lock(&client->mutex);
    snprintf(text, bytes, "%s", client->last_error);
    pthread_mutex_unlock(&client->mutex);
}

/*
 * A topic that is deleted and created again between two fetches shows nowhere else than in this
 * line of the debug context "topic", which we therefore always ask for: "BROKERUA: t [0]: broker
 * unavailable: fetch: Broker: Unknown topic or partition". Steady reading logs next to nothing
 * there.
 */
static void notice_unavailable(wendi_kafka_client *client, const char *facility, const char *text)
{
    if (strcmp(facility, "BROKERUA") != 0) {
        return;
    }
    if (strstr(text, "Unknown topic") != NULL) {
        client->missing_topics++;
    } else {
        client->lost_connections++; /* another leader, which may have another past */
    }
}

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    wendi_kafka_client *client = rd_kafka_opaque(handle);
    notice_unavailable(client, facility, text);
    if (client->verbose) {
        fprintf(stderr, "librdkafka %s: %s\n", facility, text);
    } else if (level <= LOG_ERR) {
        wendi_kafka_client_note(client, "%s: %s", facility, text);
    }
}

/* Errors that come back however often one tries. */
static bool is_refusal(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL ||
           code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
           code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static void on_error(rd_kafka_t *handle, int error, const char *reason, void *opaque)
{
    wendi_kafka_client *client = opaque;
    rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)error;

    (void)handle;
    wendi_kafka_client_note(client, "%s: %s", rd_kafka_err2name(code),
                            reason == NULL ? "" : reason);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        client->brokers_down = true;
        client->lost_connections++;
    } else if (code == RD_KAFKA_RESP_ERR__TRANSPORT) {
        /* A broker that never answers is no lost connection: only one that we had can have hidden
           something from us. */
        client->lost_connections += reason == NULL || strstr(reason, "Connect to") == NULL;
    } else if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
               code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
               code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        client->missing_topics++;
    } else if (is_refusal(code) && client->refusal == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->refusal = code;
        client->refused_at_ms = wendi_kafka_now_ms();
        snprintf(client->refusal_text, sizeof client->refusal_text, "%s: %s",
                 rd_kafka_err2name(code), reason == NULL ? "" : reason);
    }
}

/* Among what librdkafka offers, only new credentials for log-ins to come wake all of its threads and
 * change nothing else when they are the old ones. */
void wendi_kafka_client_wake(const wendi_kafka_client *client)
{
    if (rd_kafka_version() < RDKAFKA_LOOKS_AGAIN) {
        const char *username = wendi_kafka_properties_get(&client->log_in, "sasl.username");
        const char *password = wendi_kafka_properties_get(&client->log_in, "sasl.password");
        rd_kafka_error_t *error =
            rd_kafka_sasl_set_credentials(client->handle, username != NULL ? username : "",
                                          password != NULL ? password : "");
        if (error != NULL) {
            rd_kafka_error_destroy(error); /* it looks within a second all the same */
        }
    }
}

void wendi_kafka_client_works(wendi_kafka_client *client)
{
    client->brokers_down = false;
    client->settled = true;
    client->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What to look at, in the order in which people get it wrong. */
static const char *refusal_hint(rd_kafka_resp_err_t code)
{
    if (code == RD_KAFKA_RESP_ERR__SSL) {
        return "check ssl.ca.location (the authority that signed the brokers' certificates), "
               "ssl.certificate.location and security.protocol";
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        return "the user may not do this: check the brokers' access rules (ACLs)";
    }
    if (rd_kafka_version() < RDKAFKA_SCRAM_MENDED) {
        return "check sasl.username, sasl.password, sasl.mechanisms and security.protocol; and "
               "note "
               "that this librdkafka's SCRAM is refused by brokers from 4.0 on";
    }
    return "check sasl.username, sasl.password, sasl.mechanisms and security.protocol";
}

static wend_status set_one(rd_kafka_conf_t *conf, const char *key, const char *value, bool optional,
                           wend_error *error)
{
    char reason[512];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, reason, sizeof reason);

    if (result == RD_KAFKA_CONF_OK || (optional && result == RD_KAFKA_CONF_UNKNOWN)) {
        return WEND_OK;
    }
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        wendi_fail(error, WEND_INVALID, "librdkafka %s has no setting %s", rd_kafka_version_str(),
                   key);
        wendi_error_hint(
            error,
            "its settings differ from those of Java clients; see librdkafka's CONFIGURATION.md");
        return WEND_INVALID;
    }
    if (wendi_kafka_property_is_secret(key)) {
        return wendi_fail(error, WEND_INVALID, "librdkafka refused the value of %s (not shown)",
                          key);
    }
    return wendi_fail(error, WEND_INVALID, "Kafka setting %s: %s", key, reason);
}

/* The user's debug contexts and the one that notice_unavailable() needs. */
static wend_status set_debug(rd_kafka_conf_t *conf, const char *asked, wend_error *error)
{
    char contexts[512];
    if (asked != NULL && strlen(asked) > sizeof contexts - 16) {
        return wendi_fail(error, WEND_INVALID, "Kafka setting debug is too long");
    }
    snprintf(contexts, sizeof contexts, "%s%stopic", asked != NULL ? asked : "",
             asked != NULL && asked[0] != 0 ? "," : "");
    return set_one(conf, "debug", contexts, false, error);
}

static wend_status set_all(rd_kafka_conf_t *conf, const wendi_kafka_setting *settings,
                           wend_error *error)
{
    wend_status status = WEND_OK;
    for (; status == WEND_OK && settings != NULL && settings->key != NULL; settings++) {
        status = set_one(conf, settings->key, settings->value, settings->optional, error);
    }
    return status;
}

bool wendi_kafka_brokers_named(const char *brokers, const wendi_kafka_properties *properties)
{
    return brokers != NULL ||
           (properties != NULL &&
            (wendi_kafka_properties_get(properties, "bootstrap.servers") != NULL ||
             wendi_kafka_properties_get(properties, "metadata.broker.list") != NULL));
}

/* What wendi_kafka_client_wake() needs; in a set, which overwrites secrets when it is freed. */
static wend_status keep_log_in(wendi_kafka_client *client, const wendi_kafka_properties *properties,
                               const char *key, wend_error *error)
{
    const char *value = properties != NULL ? wendi_kafka_properties_get(properties, key) : NULL;
    return value != NULL ? wendi_kafka_properties_set(&client->log_in, key, value, error) : WEND_OK;
}

wend_status wendi_kafka_client_open(wendi_kafka_client *client, rd_kafka_type_t type,
                                    const char *brokers, const wendi_kafka_properties *properties,
                                    const wendi_kafka_setting *defaults,
                                    const wendi_kafka_setting *fixed,
                                    void (*configure)(rd_kafka_conf_t *), wend_error *error)
{
    wend_status status = WEND_OK;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[512];

    pthread_mutex_init(&client->mutex, NULL);
    client->mutex_made = true;
    if (type == RD_KAFKA_CONSUMER) {
        WEND_TRY(keep_log_in(client, properties, "sasl.username", error));
        WEND_TRY(keep_log_in(client, properties, "sasl.password", error));
    }
    WEND_TRY(set_all(conf, defaults, error));
    for (uint32_t k = 0; properties != NULL && k < properties->count; k++) {
        const wendi_kafka_property *entry = &properties->entries[k];
        if (strcmp(entry->key, "debug") != 0) {
            WEND_TRY(set_one(conf, entry->key, entry->value, false, error));
        }
    }
    const char *debug = properties == NULL ? NULL : wendi_kafka_properties_get(properties, "debug");
    client->verbose = debug != NULL;
    if (debug != NULL || type == RD_KAFKA_CONSUMER) {
        WEND_TRY(set_debug(conf, debug, error));
    }
    WEND_TRY(set_all(conf, fixed, error));
    if (brokers != NULL) {
        WEND_TRY(set_one(conf, "bootstrap.servers", brokers, false, error));
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (configure != NULL) {
        configure(conf);
    }
    client->handle = rd_kafka_new(type, conf, reason, sizeof reason);
    if (client->handle == NULL) {
        status = wendi_fail(error, WEND_INVALID, "librdkafka refused its settings: %s", reason);
        goto cleanup;
    }
    conf = NULL; /* The client owns it now. */
cleanup:
    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }
    return status;
}

void wendi_kafka_client_close(wendi_kafka_client *client)
{
    if (client->handle != NULL) {
        rd_kafka_destroy(client->handle);
        client->handle = NULL;
    }
    wendi_kafka_properties_free(&client->log_in);
    if (client->mutex_made) {
        pthread_mutex_destroy(&client->mutex);
        client->mutex_made = false;
    }
}

wend_status wendi_kafka_client_serve(wendi_kafka_client *client, int timeout_ms, wend_error *error)
{
    char reason[512];
    rd_kafka_poll(client->handle, timeout_ms);
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client->handle, reason, sizeof reason);
    if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return wendi_fail(error, WEND_KAFKA, "the Kafka client cannot go on: %s: %s",
                          rd_kafka_err2name(fatal), reason);
    }
    if (client->refusal != RD_KAFKA_RESP_ERR_NO_ERROR &&
        (!client->settled || wendi_kafka_now_ms() - client->refused_at_ms >= REFUSAL_PATIENCE_MS)) {
        wendi_fail(error, WEND_KAFKA, "the broker refused us: %s", client->refusal_text);
        wendi_error_hint(error, "%s", refusal_hint(client->refusal));
        return WEND_KAFKA;
    }
    return WEND_OK;
}

/* As rd_kafka_metadata(), but a refusal is heard of at once instead of when the time is over. */
static rd_kafka_resp_err_t ask_metadata(wendi_kafka_client *client, rd_kafka_topic_t *topic,
                                        int timeout_ms, const struct rd_kafka_metadata **metadata)
{
    int64_t deadline_ms = wendi_kafka_now_ms() + timeout_ms;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t left_ms = timeout_ms;

    while (left_ms > 0) {
        int slice_ms = left_ms < METADATA_SLICE_MS ? (int)left_ms : METADATA_SLICE_MS;
        code = rd_kafka_metadata(client->handle, 0, topic, metadata, slice_ms);
        wend_error refused;
        bool retry = code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (!retry || wendi_kafka_client_serve(client, 0, &refused) != WEND_OK) {
            break;
        }
        left_ms = deadline_ms - wendi_kafka_now_ms();
        if (left_ms > 0 && code == RD_KAFKA_RESP_ERR__TRANSPORT) {
            wendi_kafka_client_serve(client, left_ms < 50 ? (int)left_ms : 50, &refused);
            left_ms = deadline_ms - wendi_kafka_now_ms();
        }
    }
    return code;
}

wend_status wendi_kafka_client_partition_count(wendi_kafka_client *client, rd_kafka_topic_t *topic,
                                               int timeout_ms, int32_t *count, wend_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const char *name = rd_kafka_topic_name(topic);
    rd_kafka_resp_err_t code = ask_metadata(client, topic, timeout_ms, &metadata);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        wend_error refused;
        if (wendi_kafka_client_serve(client, 0, &refused) != WEND_OK) {
            if (error != NULL) {
                *error = refused;
            }
            return WEND_KAFKA;
        }
        char text[256];
        wendi_kafka_client_last_error(client, text, sizeof text);
        wendi_fail(error, WEND_KAFKA, "no broker told about topic %s within %d ms: %s%s%s", name,
                   timeout_ms, rd_kafka_err2str(code), text[0] != 0 ? "; " : "", text);
        wendi_error_hint(error, "check the brokers' hosts and ports, and whether security.protocol "
                                "is what that port speaks");
        return WEND_KAFKA;
    }
    wend_status status = WEND_OK;
    const struct rd_kafka_metadata_topic *found =
        metadata->topic_cnt == 1 ? &metadata->topics[0] : NULL;
    wendi_kafka_client_works(client);
    if (found == NULL || found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        found->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
        status = wendi_fail(error, WEND_NOT_FOUND, "the Kafka topic %s does not exist", name);
    } else if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
               found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        status = wendi_fail(error, WEND_KAFKA, "topic %s: %s", name, rd_kafka_err2str(found->err));
    } else {
        *count = found->partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}
