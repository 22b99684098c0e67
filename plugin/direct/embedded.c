/* See embedded.h. */
#include "plugin/direct/embedded.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "daemon/core.h"
#include "plugin/direct/own_openssl.h"
#include "scep_plugin.h"

#define ADDRESS_PREFIX "@intune-scep-connector-"
enum { RANDOM_LEN = 16, MAX_LINE_LEN = 4096, ABANDON_WAIT_S = 5 };

struct iscep_embedded {
    iscep_embedded_options options;
    iscep_log log;
    pthread_t thread;
    /* The thread's, until it has ended. */
    iscep_loop *loop;
    iscep_core *core;
    /* What whoever starts it waits for. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_tried;
    iscep_status status;
    iscep_error err;
};

/* --- the log --- */

_Static_assert((int)ISCEP_LOG_DEBUG == SCEP_LOG_DEBUG && (int)ISCEP_LOG_INFO == SCEP_LOG_INFO &&
                   (int)ISCEP_LOG_WARN == SCEP_LOG_WARN && (int)ISCEP_LOG_ERROR == SCEP_LOG_ERROR,
               "levels of the log and of the ABI");

/* Never standard error: it is the host's. */
static bool take_record(void *user, const iscep_log_record *record)
{
    const iscep_embedded *embedded = user;
    const size_t event_len = strlen(record->event);
    ISCEP_AUTO_BUF line;
    iscep_buf_init(&line, MAX_LINE_LEN);
    iscep_log_record_emit(&line, record);
    const bool has_fields = !line.is_overflown && line.len > event_len;
    embedded->options.log(embedded->options.log_user, (int32_t)record->level, record->event,
                          has_fields ? iscep_buf_text(&line) + event_len + 1 : "");
    return true;
}

/* --- the configuration --- */

/* Who may ask: our own user; and, where a host's children run as somebody else, those of plugin_uids. */
static iscep_listener_options private_listener(const iscep_embedded *embedded, const iscep_config *config)
{
    iscep_listener_options listener = {
        .name = "private", .at = ISCEP_LISTEN_OPTIONS_INIT, .serves = ISCEP_SERVES_API};
    listener.at.unix_path = embedded->options.address;
    listener.peer_uids = config->plugin_uids;
    if (listener.peer_uids.count == 0)
        listener.peer_uids = (iscep_config_uids){.ids = {geteuid()}, .count = 1};
    return listener;
}

static iscep_listener_options named_listener(const iscep_embedded *embedded)
{
    iscep_listener_options listener = {.name = "socket",
                                       .at = ISCEP_LISTEN_OPTIONS_INIT,
                                       .serves = ISCEP_SERVES_API | ISCEP_SERVES_ADMIN |
                                                 ISCEP_SERVES_METRICS | ISCEP_SERVES_STATUS};
    listener.at.unix_path = embedded->options.socket_path;
    return listener;
}

/* The process is the host's: its doors are not in our file, and one thread is enough. */
static void adapt(void *user, iscep_config *config)
{
    const iscep_embedded *embedded = user;
    config->workers = 1;
    config->listeners[0] = private_listener(embedded, config);
    config->listener_count = 1;
    config->socket_path = NULL;
    if (embedded->options.socket_path[0] != '\0') {
        config->listeners[config->listener_count++] = named_listener(embedded);
        config->socket_path = embedded->options.socket_path;
    }
}

/* --- its thread --- */

/*
 * Where the host has closed a standard descriptor, the next that is opened here would have its number, and the journal what
 * somebody prints. So /dev/null is put there, and stays: the host may have come to use it.
 */
static void occupy_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static iscep_status make_core(iscep_embedded *embedded, iscep_error *err)
{
    iscep_config *config;
    occupy_standard_descriptors();
    if (!iscep_own_openssl_use())
        return iscep_error_nomem(err);
    iscep_status status = iscep_config_load(&config, embedded->options.config_path, err);
    if (status != ISCEP_OK)
        return status;
    embedded->log = (iscep_log){.min_level = config->log_level, .take = take_record, .take_user = embedded};
    status = iscep_loop_new(&embedded->loop, err);
    if (status != ISCEP_OK) {
        iscep_config_free(config);
        return status;
    }
    const iscep_core_options options = {.config_path = embedded->options.config_path,
                                        .loop = embedded->loop,
                                        .log = &embedded->log,
                                        .adapt = adapt,
                                        .adapt_user = embedded};
    return iscep_core_new(&embedded->core, &options, config, err);
}

static void tell_tried(iscep_embedded *embedded, iscep_status status)
{
    pthread_mutex_lock(&embedded->lock);
    embedded->status = status;
    embedded->is_tried = true;
    pthread_cond_signal(&embedded->changed);
    pthread_mutex_unlock(&embedded->lock);
}

static void *live(void *user)
{
    iscep_embedded *embedded = user;
    pthread_setname_np(pthread_self(), "intune-scep"); /* as top -H sees it */
    iscep_status status = make_core(embedded, &embedded->err);
    tell_tried(embedded, status);
    if (status == ISCEP_OK)
        iscep_core_run(embedded->core);
    iscep_core_free(embedded->core);
    iscep_loop_free(embedded->loop);
    return NULL;
}

/* --- its beginning and end --- */

_Static_assert(sizeof ADDRESS_PREFIX + 2 * (size_t)RANDOM_LEN <= ISCEP_EMBEDDED_ADDRESS_SIZE,
               "room for an address");

bool iscep_embedded_address_make(char out[ISCEP_EMBEDDED_ADDRESS_SIZE])
{
    uint8_t bytes[RANDOM_LEN];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    int len = snprintf(out, ISCEP_EMBEDDED_ADDRESS_SIZE, "%s", ADDRESS_PREFIX);
    for (size_t i = 0; i < sizeof bytes; i++)
        len += snprintf(out + len, ISCEP_EMBEDDED_ADDRESS_SIZE - (size_t)len, "%02x", bytes[i]);
    return true;
}

static void free_embedded(iscep_embedded *embedded)
{
    pthread_cond_destroy(&embedded->changed);
    pthread_mutex_destroy(&embedded->lock);
    free(embedded);
}

static iscep_status start(iscep_embedded *embedded)
{
    if (!iscep_thread_start(&embedded->thread, live, embedded))
        return iscep_error_set(&embedded->err, ISCEP_NOMEM, "thread", "cannot start a thread");
    pthread_mutex_lock(&embedded->lock);
    while (!embedded->is_tried)
        pthread_cond_wait(&embedded->changed, &embedded->lock);
    pthread_mutex_unlock(&embedded->lock);
    if (embedded->status != ISCEP_OK)
        pthread_join(embedded->thread, NULL);
    return embedded->status;
}

int32_t iscep_embedded_start(iscep_embedded **out, const iscep_embedded_options *options, char *why,
                             size_t why_size)
{
    iscep_embedded *embedded = calloc(1, sizeof *embedded);
    if (embedded == NULL) {
        snprintf(why, why_size, "out of memory");
        return SCEP_ERR_NOMEM;
    }
    embedded->options = *options;
    pthread_mutex_init(&embedded->lock, NULL);
    pthread_cond_init(&embedded->changed, NULL);
    const iscep_status status = start(embedded);
    if (status == ISCEP_OK) {
        *out = embedded;
        return SCEP_OK;
    }
    snprintf(why, why_size, "%s", embedded->err.message);
    free_embedded(embedded);
    if (status == ISCEP_NOMEM)
        return SCEP_ERR_NOMEM;
    return status == ISCEP_CONFIG ? SCEP_ERR_CONFIG : SCEP_ERR_UNAVAILABLE;
}

void iscep_embedded_stop(iscep_embedded *embedded)
{
    iscep_core_stop(embedded->core);
    pthread_join(embedded->thread, NULL);
    free_embedded(embedded);
}

void iscep_embedded_abandon(iscep_embedded *embedded)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ABANDON_WAIT_S;
    iscep_loop_stop(embedded->loop);
    pthread_timedjoin_np(embedded->thread, NULL, &until);
}
