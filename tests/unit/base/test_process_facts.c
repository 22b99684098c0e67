/* What the kernel says of this process, and whether it is this process that it speaks of. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/process_facts.h"

Test(process_facts, descriptors_are_counted_and_their_limit_is_known)
{
    iscep_process_facts before, after;
    struct rlimit limit = {.rlim_cur = 500, .rlim_max = 500};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    iscep_process_facts_read(&before);
    int fd = open("/dev/null", O_RDONLY);
    cr_assert_geq(fd, 0);
    iscep_process_facts_read(&after);
    close(fd);
    cr_assert_eq(after.open_fds, before.open_fds + 1);
    cr_assert_eq(after.max_fds, 500);
    double open_fds = 0;
    for (int at = 0; at < 500; at++)
        open_fds += fcntl(at, F_GETFD) >= 0;
    cr_assert_eq(before.open_fds, open_fds, "%f, not %f", before.open_fds, open_fds);
}

Test(process_facts, it_began_a_moment_ago_and_has_not_worked_longer_than_it_lives)
{
    iscep_process_facts facts;
    struct timespec now;
    iscep_process_facts_read(&facts);
    clock_gettime(CLOCK_REALTIME, &now);
    double age = (double)now.tv_sec - facts.start_unix;
    cr_assert(age > -5 && age < 130, "%f s", age); /* the boot time is rounded; a test ends after 120 s */
    cr_assert(facts.cpu_seconds >= 0 && facts.cpu_seconds <= age + 10, "%f s", facts.cpu_seconds);
}

Test(process_facts, memory_is_what_is_touched)
{
    enum { LEN = 64 * 1024 * 1024 };
    iscep_process_facts before, after;
    iscep_process_facts_read(&before);
    volatile char *block = malloc(LEN);
    cr_assert_not_null((const void *)block);
    for (size_t i = 0; i < LEN; i += 4096)
        block[i] = 1;
    iscep_process_facts_read(&after);
    cr_assert_gt(after.resident_bytes - before.resident_bytes, LEN * 0.9);
    free((void *)block);
}

static void *wait_for_leave(void *user)
{
    pthread_barrier_wait(user);
    pthread_barrier_wait(user);
    return NULL;
}

Test(process_facts, threads_are_counted)
{
    pthread_t thread;
    pthread_barrier_t both;
    const int before = iscep_process_count_threads();
    cr_assert_geq(before, 1);
    cr_assert_eq(pthread_barrier_init(&both, NULL, 2), 0);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_leave, &both), 0);
    pthread_barrier_wait(&both);
    cr_assert_eq(iscep_process_count_threads(), before + 1);
    pthread_barrier_wait(&both);
    pthread_join(thread, NULL);
}
