/* Are Kafka settings read as people write them, and are secrets kept? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/alloc.h"
#include "ingest/kafka/kafka_properties.h"
#include "ingest/kafka/kafka_source.h"

static void texts_are_taken_apart(void **state)
{
    (void)state;
    wendi_kafka_properties set = {0};
    assert_int_equal(wendi_kafka_properties_add(&set, "a.b=c", NULL), WEND_OK);
    assert_int_equal(wendi_kafka_properties_add(&set, " spaced \t=  x = y  ", NULL), WEND_OK);
    assert_int_equal(wendi_kafka_properties_add(&set, "empty=", NULL), WEND_OK);
    assert_string_equal(wendi_kafka_properties_get(&set, "a.b"), "c");
    assert_string_equal(wendi_kafka_properties_get(&set, "spaced"), "x = y");
    assert_string_equal(wendi_kafka_properties_get(&set, "empty"), "");
    assert_null(wendi_kafka_properties_get(&set, "a"));
    assert_int_equal(wendi_kafka_properties_add(&set, "a.b=later", NULL), WEND_OK);
    assert_string_equal(wendi_kafka_properties_get(&set, "a.b"), "later");
    assert_int_equal(set.count, 3);
    for (int k = 0; k < 40; k++) {
        char text[32];
        snprintf(text, sizeof text, "k%d=%d", k, k);
        assert_int_equal(wendi_kafka_properties_add(&set, text, NULL), WEND_OK);
    }
    assert_string_equal(wendi_kafka_properties_get(&set, "k39"), "39");
    wendi_kafka_properties_free(&set);
    wendi_kafka_properties_free(&set);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "novalue", "=x", "  =x", "a=${", "a=${}", "a=${WEND_NO_SUCH_VARIABLE}"};
    wendi_kafka_properties set = {0};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        wend_error error;
        assert_int_equal(wendi_kafka_properties_add(&set, wrong[k], &error), WEND_INVALID);
    }
    assert_int_equal(set.count, 0);
}

static void the_environment_is_filled_in(void **state)
{
    (void)state;
    wendi_kafka_properties set = {0};
    wend_error error;
    setenv("WEND_TEST_NAME", "anna", 1);
    setenv("WEND_TEST_PASSWORD", "tr=$ {ick}", 1);
    assert_int_equal(
        wendi_kafka_properties_add(&set, "u=<${WEND_TEST_NAME}-${WEND_TEST_NAME}>", NULL), WEND_OK);
    assert_int_equal(wendi_kafka_properties_add(&set, "sasl.password=${WEND_TEST_PASSWORD}", NULL),
                     WEND_OK);
    assert_int_equal(wendi_kafka_properties_add(&set, "l=\\${WEND_TEST_NAME} $x $", NULL), WEND_OK);
    assert_string_equal(wendi_kafka_properties_get(&set, "u"), "<anna-anna>");
    assert_string_equal(wendi_kafka_properties_get(&set, "sasl.password"), "tr=$ {ick}");
    assert_string_equal(wendi_kafka_properties_get(&set, "l"), "${WEND_TEST_NAME} $x $");
    unsetenv("WEND_TEST_NAME");
    assert_int_equal(wendi_kafka_properties_add(&set, "u=${WEND_TEST_NAME}", &error), WEND_INVALID);
    assert_non_null(strstr(error.message, "WEND_TEST_NAME"));
    wendi_kafka_properties_free(&set);
}

static void secrets_are_not_shown(void **state)
{
    (void)state;
    static const char *const keys[] = {"sasl.password",
                                       "ssl.key.password",
                                       "ssl.keystore.password",
                                       "ssl.key.pem",
                                       "sasl.oauthbearer.client.secret",
                                       "sasl.oauthbearer.config",
                                       "sasl.jaas.config"};
    wendi_kafka_properties set = {0};
    wendi_buffer shown = {0};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        assert_int_equal(wendi_kafka_properties_set(&set, keys[k], "hunter2", NULL), WEND_OK);
    }
    assert_int_equal(wendi_kafka_properties_set(&set, "client.id", "visible", NULL), WEND_OK);
    assert_int_equal(wendi_kafka_properties_show(&set, &shown), WEND_OK);
    assert_int_equal(wendi_buffer_u8(&shown, 0), WEND_OK);
    assert_null(strstr((const char *)shown.data, "hunter2"));
    assert_non_null(strstr((const char *)shown.data, "sasl.password=******\n"));
    assert_non_null(strstr((const char *)shown.data, "client.id=visible\n"));
    wendi_buffer_free(&shown);
    wendi_kafka_properties_free(&set);
}

static wend_status read_text(wendi_kafka_properties *set, const char *text, size_t length,
                             wend_error *error)
{
    char path[] = "/tmp/wend-properties-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, length), (ssize_t)length);
    close(file);
    wend_status status = wendi_kafka_properties_read(set, path, error);
    unlink(path);
    return status;
}

static void files_are_read(void **state)
{
    (void)state;
    wendi_kafka_properties set = {0};
    wend_error error;
    static const char good[] = "# comment = not taken\n! neither\n\n  \t\na=1\r\n b = 2\n#\nc=3";
    assert_int_equal(read_text(&set, good, sizeof good - 1, &error), WEND_OK);
    assert_int_equal(set.count, 3);
    assert_string_equal(wendi_kafka_properties_get(&set, "a"), "1");
    assert_string_equal(wendi_kafka_properties_get(&set, "b"), "2");
    assert_string_equal(wendi_kafka_properties_get(&set, "c"), "3");
    static const char bad[] = "a=1\n\nsecret value\n";
    assert_int_equal(read_text(&set, bad, sizeof bad - 1, &error), WEND_INVALID);
    assert_non_null(strstr(error.message, ":3"));
    assert_null(strstr(error.message, "secret value"));
    static const char nul[] = "a=1\0b\n";
    assert_int_equal(read_text(&set, nul, sizeof nul - 1, &error), WEND_INVALID);
    assert_int_equal(wendi_kafka_properties_read(&set, "/no/such/file", &error), WEND_NOT_FOUND);
    wendi_kafka_properties_free(&set);
}

static void what_is_ours_and_what_is_unknown_is_refused(void **state)
{
    (void)state;
    static const char *const ours[] = {"enable.auto.commit", "auto.offset.reset",
                                       "enable.auto.offset.store"};
    const char *topic = "t";
    wendi_source *source = NULL;
    wend_error error;
    for (size_t k = 0; k < sizeof ours / sizeof *ours; k++) {
        wendi_kafka_properties set = {0};
        assert_int_equal(wendi_kafka_properties_set(&set, ours[k], "true", NULL), WEND_OK);
        wendi_kafka_source_options options = {
            .brokers = "127.0.0.1:1", .topics = &topic, .topic_count = 1, .properties = &set};
        assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_INVALID);
        assert_non_null(strstr(error.message, ours[k]));
        wendi_kafka_properties_free(&set);
    }
    static const char *const wrong[][2] = {{"no.such.setting", "hunter2"},
                                           {"fetch.wait.max.ms", "many"}};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        wendi_kafka_properties set = {0};
        assert_int_equal(wendi_kafka_properties_set(&set, wrong[k][0], wrong[k][1], NULL), WEND_OK);
        wendi_kafka_source_options options = {
            .brokers = "127.0.0.1:1", .topics = &topic, .topic_count = 1, .properties = &set};
        assert_int_equal(wendi_kafka_source_open(&options, &source, &error), WEND_INVALID);
        assert_non_null(strstr(error.message, wrong[k][0]));
        wendi_kafka_properties_free(&set);
    }
    wendi_kafka_source_options none = {.topics = &topic, .topic_count = 1};
    assert_int_equal(wendi_kafka_source_open(&none, &source, &error), WEND_INVALID);
    none = (wendi_kafka_source_options){.brokers = "127.0.0.1:1"};
    assert_int_equal(wendi_kafka_source_open(&none, &source, &error), WEND_INVALID);
}

static void refused_memory_leaks_nothing(void **state)
{
    (void)state;
    setenv("WEND_TEST_NAME", "anna", 1);
    wend_status status = WEND_NOMEM;
    for (int64_t calls = 0; status == WEND_NOMEM; calls++) {
        wendi_kafka_properties set = {0};
        wendi_alloc_refuse_at(calls);
        status = wendi_kafka_properties_add(&set, "a=${WEND_TEST_NAME}", NULL);
        if (status == WEND_OK) {
            status = wendi_kafka_properties_add(&set, "a=again", NULL);
        }
        wendi_alloc_refuse_at(-1);
        wendi_kafka_properties_free(&set);
    }
    assert_int_equal(status, WEND_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_taken_apart),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(the_environment_is_filled_in),
        cmocka_unit_test(secrets_are_not_shown),
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(what_is_ours_and_what_is_unknown_is_refused),
        cmocka_unit_test(refused_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
