/* See process.h. */
#include "plugin/abi/process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* How many forks this process is away from the one that loaded the module. No lock: a child finds it whole at any moment. */
static _Atomic(uint32_t) generation;

static void after_fork_in_child(void)
{
    atomic_fetch_add(&generation, 1);
}

/* dlclose takes it back where it unloads: glibc keeps such handlers by module, and musl unloads nothing. */
static void count_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

uint64_t iscep_process_this(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, count_forks);
    return (uint64_t)atomic_load(&generation) << 32 | (uint32_t)getpid();
}
