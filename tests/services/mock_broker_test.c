/*
 * Does the mock broker live in a process of its own as long as it should and no longer? This
 * program plays `wend mock-broker` when it is started with those words.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ingest/kafka/mock_broker.h"
#include "tests/support/kafka_feed.h"

static const wendi_mock_broker_topic topics[] = {{"clicks", 3}, {"orders", 1}};

static void a_spawned_broker_serves_until_it_is_ended(void **state)
{
    (void)state;
    wendi_mock_broker_process process;
    wend_error error = {.message = ""};
    wendi_test_taken taken;

    if (wendi_mock_broker_spawn(NULL, topics, 2, &process, &error) != WEND_OK) {
        fail_msg("%s", error.message);
    }
    wendi_test_feed feed = {
        .brokers = process.servers, .topic = "clicks", .payload_bytes = 100, .partition = -1};
    wendi_test_feed_send(&feed, 0, 3000);
    wendi_source *source = wendi_test_source_open(&feed, NULL);
    uint32_t count = 0;
    source->partitions(source, &count);
    assert_int_equal(count, 3);
    wendi_test_taken_init(&taken, 3000);
    wendi_test_take(source, &feed, &taken, UINT64_MAX, 5000);
    assert_true(wendi_test_taken_all_once(&taken, 3000));
    source->close(source);
    wendi_test_taken_free(&taken);

    pid_t pid = process.pid;
    wendi_mock_broker_process_end(&process);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
    wendi_mock_broker_process_end(&process); /* twice does no harm */
}

/* A process that starts a broker and dies without a word: the broker must go too. */
static void a_broker_does_not_outlive_who_started_it(void **state)
{
    (void)state;
    int tell[2];
    pid_t broker_pid = 0;

    assert_int_equal(pipe(tell), 0);
    pid_t starter = fork();
    if (starter == 0) {
        char *arguments[] = {(char *)(uintptr_t) "starter", (char *)(uintptr_t) "start-and-die",
                             NULL};
        dup2(tell[1], STDOUT_FILENO);
        execv("/proc/self/exe", arguments);
        _exit(9);
    }
    close(tell[1]);
    assert_int_equal(read(tell[0], &broker_pid, sizeof broker_pid), (ssize_t)sizeof broker_pid);
    int how = 0;
    assert_int_equal(waitpid(starter, &how, 0), starter);
    assert_true(WIFSIGNALED(how));
    /* Nobody is left to reap it, so look until it is gone or a zombie of init's. */
    bool gone = false;
    for (int tries = 0; tries < 500 && !gone; tries++) {
        char path[64], name[64] = "", letter = 0;
        int pid = 0;
        snprintf(path, sizeof path, "/proc/%d/stat", broker_pid);
        FILE *file = fopen(path, "r");
        gone =
            file == NULL || fscanf(file, "%d %63s %c", &pid, name, &letter) != 3 || letter == 'Z';
        if (file != NULL) {
            fclose(file);
        }
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    assert_true(gone);
    close(tell[0]);
}

static void a_program_that_is_no_broker_is_an_error(void **state)
{
    (void)state;
    wendi_mock_broker_process process;
    wend_error error;
    assert_int_equal(wendi_mock_broker_spawn("/no/such/program", topics, 2, &process, &error),
                     WEND_IO);
    assert_int_equal(wendi_mock_broker_spawn("/bin/true", topics, 2, &process, &error), WEND_KAFKA);
    assert_int_equal(process.pid, -1);
}

static int play_broker(int argc, char **argv)
{
    wendi_mock_broker_topic asked[8];
    uint32_t count = 0;
    for (int k = 2; k + 1 < argc && count < 8; k += 2) {
        char *colon = strrchr(argv[k + 1], ':');
        *colon = 0;
        asked[count++] = (wendi_mock_broker_topic){argv[k + 1], atoi(colon + 1)};
    }
    return wendi_mock_broker_serve(asked, count, STDOUT_FILENO, STDIN_FILENO, NULL) == WEND_OK ? 0
                                                                                               : 1;
}

static int start_and_die(void)
{
    wendi_mock_broker_process process;
    if (wendi_mock_broker_spawn(NULL, topics, 2, &process, NULL) != WEND_OK) {
        return 1;
    }
    pid_t pid = process.pid;
    if (write(STDOUT_FILENO, &pid, sizeof pid) != (ssize_t)sizeof pid) {
        return 1;
    }
    return raise(SIGKILL);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "mock-broker") == 0) {
        return play_broker(argc, argv);
    }
    if (argc > 1 && strcmp(argv[1], "start-and-die") == 0) {
        return start_and_die();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spawned_broker_serves_until_it_is_ended),
        cmocka_unit_test(a_broker_does_not_outlive_who_started_it),
        cmocka_unit_test(a_program_that_is_no_broker_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
