/*
 * The mock broker: in this process (tests) or as one of its own (demo, crash tests).
 *
 * A process of its own lives as long as somebody holds the other end of its `life` pipe, so it
 * survives the ingestor, which is killed on purpose, and never outlives whoever started it.
 */
#include "ingest/kafka/mock_broker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "engine/base/alloc.h"

enum { TOPICS_MAX = 64, START_TIMEOUT_MS = 15000 };

struct wendi_mock_broker {
    rd_kafka_t *handle; /* the cluster's threads and book-keeping hang on it */
    rd_kafka_mock_cluster_t *cluster;
};

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle, (void)level, (void)facility, (void)text; /* dropped clients are no news here */
}

wend_status wendi_mock_broker_open(int broker_count, wendi_mock_broker **broker_out,
                                   wend_error *error)
{
    wend_status status = WEND_OK;
    char reason[256];
    wendi_mock_broker *broker = wendi_alloc_zero(1, sizeof *broker);

    *broker_out = NULL;
    if (broker == NULL) {
        return wendi_fail_nomem(error, "a mock broker", sizeof *broker);
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    broker->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (broker->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        status = wendi_fail(error, WEND_KAFKA, "cannot start a mock broker: %s", reason);
        goto cleanup;
    }
    broker->cluster = rd_kafka_mock_cluster_new(broker->handle, broker_count);
    if (broker->cluster == NULL) {
        status = wendi_fail(error, WEND_KAFKA, "cannot start a mock cluster of %d brokers",
                            broker_count);
        goto cleanup;
    }
    *broker_out = broker;
    broker = NULL;
cleanup:
    wendi_mock_broker_close(broker);
    return status;
}

const char *wendi_mock_broker_servers(const wendi_mock_broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}

wend_status wendi_mock_broker_create_topic(wendi_mock_broker *broker, const char *topic,
                                           int32_t partition_count, wend_error *error)
{
    rd_kafka_resp_err_t code =
        rd_kafka_mock_topic_create(broker->cluster, topic, partition_count, 1);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? WEND_OK
               : wendi_fail(error, WEND_KAFKA, "mock topic %s: %s", topic, rd_kafka_err2str(code));
}

void wendi_mock_broker_fail_requests(wendi_mock_broker *broker, int16_t api_key,
                                     int16_t kafka_error, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        rd_kafka_resp_err_t code = (rd_kafka_resp_err_t)kafka_error;
        rd_kafka_mock_push_request_errors_array(broker->cluster, api_key, 1, &code);
    }
}

void wendi_mock_broker_set_down(wendi_mock_broker *broker, int down)
{
    (void)(down ? rd_kafka_mock_broker_set_down(broker->cluster, -1)
                : rd_kafka_mock_broker_set_up(broker->cluster, -1));
}

void wendi_mock_broker_close(wendi_mock_broker *broker)
{
    if (broker == NULL) {
        return;
    }
    if (broker->cluster != NULL) {
        rd_kafka_mock_cluster_destroy(broker->cluster);
    }
    if (broker->handle != NULL) {
        rd_kafka_destroy(broker->handle);
    }
    wendi_free(broker);
}

static wend_status write_all(int fd, const char *text, size_t length, wend_error *error)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno != EINTR) {
            return wendi_fail(error, WEND_IO, "cannot tell the mock broker's address: %s",
                              strerror(errno));
        }
        text += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return WEND_OK;
}

/* Until the life line breaks or somebody asks us to end. Bytes on the line mean nothing. */
static void wait_for_end(int life_fd, int signal_fd)
{
    struct pollfd lines[2] = {{.fd = life_fd, .events = POLLIN},
                              {.fd = signal_fd, .events = POLLIN}};
    for (;;) {
        char bytes[256];
        if (poll(lines, 2, -1) < 0 && errno != EINTR) {
            return;
        }
        if (lines[1].revents != 0) {
            return;
        }
        if (lines[0].revents != 0 && read(life_fd, bytes, sizeof bytes) <= 0) {
            return;
        }
        lines[0].revents = lines[1].revents = 0;
    }
}

wend_status wendi_mock_broker_serve(const wendi_mock_broker_topic *topics, uint32_t topic_count,
                                    int ready_fd, int life_fd, wend_error *error)
{
    wend_status status = WEND_OK;
    wendi_mock_broker *broker = NULL;
    sigset_t ending, before;
    int signal_fd = -1;

    /* Blocked before librdkafka starts its threads, so that only the descriptor takes them. A ^C at
       the terminal goes to the whole group: whoever started us decides what it means. */
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, &before);
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal_fd = signalfd(-1, &ending, SFD_CLOEXEC);
    if (signal_fd < 0) {
        status = wendi_fail(error, WEND_IO, "signalfd: %s", strerror(errno));
        goto cleanup;
    }
    WEND_TRY(wendi_mock_broker_open(1, &broker, error));
    for (uint32_t k = 0; k < topic_count; k++) {
        WEND_TRY(wendi_mock_broker_create_topic(broker, topics[k].name, topics[k].partition_count,
                                                error));
    }
    const char *servers = wendi_mock_broker_servers(broker);
    WEND_TRY(write_all(ready_fd, servers, strlen(servers), error));
    WEND_TRY(write_all(ready_fd, "\n", 1, error));
    wait_for_end(life_fd, signal_fd);
cleanup:
    wendi_mock_broker_close(broker);
    if (signal_fd >= 0) {
        close(signal_fd);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* Read the line of servers that the new process writes, for at most START_TIMEOUT_MS. */
static wend_status read_servers(int fd, char *servers, size_t bytes, wend_error *error)
{
    size_t length = 0;
    while (length + 1 < bytes) {
        struct pollfd line = {.fd = fd, .events = POLLIN};
        int ready = poll(&line, 1, START_TIMEOUT_MS);
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        ssize_t got = ready <= 0 ? -1 : read(fd, servers + length, bytes - 1 - length);
        if (got <= 0) {
            return wendi_fail(error, WEND_KAFKA, "the mock broker %s",
                              ready == 0 ? "did not start in time" : "ended at once");
        }
        length += (size_t)got;
        if (servers[length - 1] == '\n') {
            servers[length - 1] = 0;
            return WEND_OK;
        }
    }
    return wendi_fail(error, WEND_KAFKA, "the mock broker's answer is too long");
}

static int spawn(const char *program, char **arguments, int life_read, int ready_write, pid_t *pid)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, life_read, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ready_write, STDOUT_FILENO);
    int result = posix_spawn(pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

wend_status wendi_mock_broker_spawn(const char *program, const wendi_mock_broker_topic *topics,
                                    uint32_t topic_count, wendi_mock_broker_process *process,
                                    wend_error *error)
{
    char names[TOPICS_MAX][288];
    char topic_word[] = "--topic", command_word[] = "mock-broker", program_word[] = "wend";
    char *arguments[2 * TOPICS_MAX + 3] = {program_word, command_word};
    int life[2] = {-1, -1}, ready[2] = {-1, -1}, argument_count = 2;
    wend_status status = WEND_OK;
    pid_t pid = -1;

    *process = (wendi_mock_broker_process){.pid = -1, .life_fd = -1};
    if (topic_count > TOPICS_MAX) {
        return wendi_fail(error, WEND_INVALID, "a mock broker takes at most %d topics", TOPICS_MAX);
    }
    for (uint32_t k = 0; k < topic_count; k++) {
        snprintf(names[k], sizeof names[k], "%s:%d", topics[k].name, topics[k].partition_count);
        arguments[argument_count++] = topic_word;
        arguments[argument_count++] = names[k];
    }
    if (pipe2(life, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
        status = wendi_fail(error, WEND_IO, "pipe: %s", strerror(errno));
        goto cleanup;
    }
    int failed =
        spawn(program == NULL ? "/proc/self/exe" : program, arguments, life[0], ready[1], &pid);
    if (failed != 0) {
        status = wendi_fail(error, WEND_IO, "cannot start the mock broker: %s", strerror(failed));
        goto cleanup;
    }
    close(ready[1]);
    ready[1] = -1;
    *process = (wendi_mock_broker_process){.pid = pid, .life_fd = life[1]};
    life[1] = -1;
    status = read_servers(ready[0], process->servers, sizeof process->servers, error);
    if (status != WEND_OK) {
        wendi_mock_broker_process_end(process);
    }
cleanup:
    for (int k = 0; k < 2; k++) {
        if (life[k] >= 0) {
            close(life[k]);
        }
        if (ready[k] >= 0) {
            close(ready[k]);
        }
    }
    return status;
}

void wendi_mock_broker_process_end(wendi_mock_broker_process *process)
{
    if (process->life_fd >= 0) {
        close(process->life_fd);
    }
    if (process->pid > 0) {
        while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    *process = (wendi_mock_broker_process){.pid = -1, .life_fd = -1};
}
