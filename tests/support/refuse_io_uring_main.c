/*
 * Runs a program to which the kernel refuses io_uring, as containers and hardened systems do:
 *
 *   refuse_io_uring eperm|enosys PROGRAM [ARGUMENT …]
 *
 * A seccomp filter answers io_uring_setup, _enter and _register with that error; it holds for all processes that the
 * program starts. Ends with 77 where filters are refused themselves, so that CTest counts a skip.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    SKIPPED = 77,
    COULD_NOT = 125,
    FIRST_CALL = 425, /* io_uring_setup; then _enter and _register. The same number everywhere */
    LAST_CALL = 427
};

static int refuse(unsigned int error_code)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_CALL, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_CALL, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error_code & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
    bool eperm = argc > 1 && strcmp(argv[1], "eperm") == 0;
    if (argc < 3 || (!eperm && strcmp(argv[1], "enosys") != 0)) {
        fprintf(stderr, "usage: refuse_io_uring eperm|enosys PROGRAM [ARGUMENT …]\n");
        return COULD_NOT;
    }
    if (refuse(eperm ? EPERM : ENOSYS) != 0) {
        fprintf(stderr, "skipped: this system takes no seccomp filter: %s\n", strerror(errno));
        return SKIPPED;
    }
    execvp(argv[2], argv + 2);
    fprintf(stderr, "refuse_io_uring: %s: %s\n", argv[2], strerror(errno));
    return COULD_NOT;
}
