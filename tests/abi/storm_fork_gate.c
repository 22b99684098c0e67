/*
 * The allocators of ThreadSanitizer and of AddressSanitizer before LLVM 16 are of no use in a child that was forked while another
 * thread was in them: its next malloc waits for ever. glibc's is made for that. So the sanitized module is linked with
 * --wrap=malloc and the like, and allocates only while nobody forks. Compiled without a sanitizer: what it synchronises with
 * must not hide a race of the module.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *memory);

static atomic_int forking;
static atomic_int allocating;

static void enter(void)
{
    atomic_fetch_add(&allocating, 1);
    while (atomic_load(&forking) > 0) {
        atomic_fetch_sub(&allocating, 1);
        sched_yield();
        atomic_fetch_add(&allocating, 1);
    }
}

static void leave(void)
{
    atomic_fetch_sub(&allocating, 1);
}

void *__wrap_malloc(size_t size)
{
    enter();
    void *memory = __real_malloc(size);
    leave();
    return memory;
}

void *__wrap_calloc(size_t count, size_t size)
{
    enter();
    void *memory = __real_calloc(count, size);
    leave();
    return memory;
}

void __wrap_free(void *memory)
{
    enter();
    __real_free(memory);
    leave();
}

static void before_fork(void)
{
    atomic_fetch_add(&forking, 1);
    while (atomic_load(&allocating) > 0) {
        sched_yield();
    }
}

static void after_fork_in_parent(void)
{
    atomic_fetch_sub(&forking, 1);
}

/* Who was on the way in was another thread. */
static void after_fork_in_child(void)
{
    atomic_store(&allocating, 0);
    atomic_store(&forking, 0);
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
