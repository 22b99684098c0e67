/* See scarce_memory.h. */
#include "tests/support/scarce_memory.h"

#include <stddef.h>

static _Thread_local long countdown; /* allocations until one fails; 0: none does */
static _Thread_local bool is_paused;

void scarce_memory_begin(long at)
{
    countdown = at;
    is_paused = false;
}

bool scarce_memory_end(void)
{
    const bool was_met = countdown == 0;
    countdown = 0;
    return was_met;
}

static iscep_http_call *(*fake_send)(iscep_http *fake, const iscep_http_request *request,
                                     iscep_http_done done, void *user, iscep_error *err);

static iscep_http_call *send_spared(iscep_http *fake, const iscep_http_request *request, iscep_http_done done,
                                    void *user, iscep_error *err)
{
    is_paused = true;
    iscep_http_call *call = fake_send(fake, request, done, user, err);
    is_paused = false;
    return call;
}

void scarce_memory_spare(iscep_http *fake)
{
    fake_send = fake->send;
    fake->send = send_spared;
}

static bool fails_now(void)
{
    return !is_paused && countdown > 0 && --countdown == 0;
}

/* The linker's --wrap. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t max_len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t max_len);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails_now() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t max_len)
{
    return fails_now() ? NULL : __real_strndup(text, max_len);
}
