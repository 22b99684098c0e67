/*
 * The connector is inside this process: one for each configuration file, however many instances share it. A forked child has
 * no thread of it, and the journal is one process's: so the child asks its parent's.
 *
 * The registry is short of everything that could wait; fork takes its lock, so that a child finds it whole.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/file_lock.h"
#include "plugin/abi/backend.h"
#include "plugin/abi/process.h"
#include "plugin/abi/text.h"
#include "plugin/direct/embedded.h"
#include "plugin/direct/named_sockets.h"
#include "plugin/socket/connector.h"
#include "plugin/socket/local_conn.h"

const char iscep_backend_name[] = "scep_intune_direct";
const char iscep_connector_default_socket[] = "";
const bool iscep_connector_has_config = true;
const char iscep_connector_name[] = "the SCEP server's own connector";
const char iscep_connector_gone[] =
    "The process that opened this instance has ended, or closed it: after a fork the connector "
    "stays there. Restart the SCEP server, and have it open instances in the process that lives on.";

/* A connector of this process, or of one that it was forked from. Those of others are never freed: the memory is a copy. */
typedef struct house {
    LIST_ENTRY(house) link;
    uint64_t owner; /* plugin/abi/process.h */
    enum { STARTING, RUNNING, STOPPING, GONE } standing;
    unsigned instance_count;
    char config_path[PATH_MAX];
    char socket_path[sizeof((iscep_socket_config *)0)->path];
    char address[ISCEP_EMBEDDED_ADDRESS_SIZE]; /* of its private socket, before and after embedded is there */
    iscep_embedded *embedded;                  /* NULL: it has not begun */
    atomic_bool is_muted;     /* the process exits: what the host lent for its log may be gone */
    pthread_mutex_t log_lock; /* of the list, and held while the host takes a line: detach waits for that */
    LIST_HEAD(, iscep_connector) guests;
} house;

/* What an instance has of it. */
struct iscep_connector {
    LIST_ENTRY(iscep_connector) link; /* the first one's log is the connector's */
    house *house;
    const iscep_host_log *log;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(, house) houses = LIST_HEAD_INITIALIZER(houses);
/* Forked from a process in which a connector was at work: what SQLite and OpenSSL had locked at that moment stays so for ever. */
static bool is_child_of_busy;

/* --- fork --- */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* What the parent listens on, also when it is only beginning or ending just now: nobody is to wait for a parent that is gone. */
static void leave_sockets(const house *at)
{
    iscep_named_sockets_close(at->address);
    if (at->socket_path[0] != '\0')
        iscep_named_sockets_close(at->socket_path);
}

static void after_fork_in_child(void)
{
    const house *at;
    LIST_FOREACH(at, &houses, link)
    leave_sockets(at);
    iscep_file_locks_leave();
    is_child_of_busy = !LIST_EMPTY(&houses);
    pthread_cond_init(&changed, NULL);
    pthread_mutex_unlock(&lock);
}

static void look_after_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* --- exit --- */

static house *take_running(void)
{
    house *at;
    pthread_mutex_lock(&lock);
    LIST_FOREACH(at, &houses, link)
    if (at->owner == iscep_process_this() && at->standing == RUNNING)
        break;
    if (at != NULL)
        at->standing = GONE;
    pthread_mutex_unlock(&lock);
    return at;
}

/*
 * Who loads the module may exit without close, and OpenSSL, where the host has begun to use it, has an exit handler that takes
 * away what our threads stand on. This one was registered later, and so comes first. It is the module's only one, and safe
 * because the module is never unloaded. No lock is held while it waits: a line may be with the host just now, which may
 * fork, or never return (a thread of Python's that has ended).
 */
static void at_exit(void)
{
    house *at;
    while ((at = take_running()) != NULL) {
        atomic_store(&at->is_muted, true);
        iscep_embedded_abandon(at->embedded);
    }
}

static void look_after_exit(void)
{
    atexit(at_exit);
}

/* --- the log --- */

static void on_log(void *user, int32_t level, const char *event, const char *text)
{
    house *at = user;
    pthread_mutex_lock(&at->log_lock);
    const iscep_connector *first = LIST_FIRST(&at->guests);
    if (first != NULL && !atomic_load(&at->is_muted))
        iscep_host_log_pass(first->log, level, event, text);
    pthread_mutex_unlock(&at->log_lock);
}

static void add_guest(house *at, iscep_connector *guest)
{
    guest->house = at;
    pthread_mutex_lock(&at->log_lock);
    iscep_connector *last = LIST_FIRST(&at->guests);
    while (last != NULL && LIST_NEXT(last, link) != NULL)
        last = LIST_NEXT(last, link);
    if (last == NULL)
        LIST_INSERT_HEAD(&at->guests, guest, link);
    else
        LIST_INSERT_AFTER(last, guest, link);
    pthread_mutex_unlock(&at->log_lock);
}

static void remove_guest(iscep_connector *guest)
{
    pthread_mutex_lock(&guest->house->log_lock);
    LIST_REMOVE(guest, link);
    pthread_mutex_unlock(&guest->house->log_lock);
}

/* --- the registry; the lock is held --- */

static bool is_alive(const house *at)
{
    iscep_local_conn *conn;
    if (iscep_local_conn_new(&conn) != 0)
        return false;
    const int failure = iscep_local_conn_connect(conn, at->address);
    iscep_local_conn_close(conn);
    return failure == 0 || failure == EAGAIN; /* EAGAIN: many wait there */
}

/* Waits for one that begins or ends. One of another process is as good, as long as that lives. NULL: there is none. */
static house *find_house_locked(const char *config_path)
{
    house *at = LIST_FIRST(&houses);
    while (at != NULL) {
        if (at->standing == GONE || strcmp(at->config_path, config_path) != 0) {
            at = LIST_NEXT(at, link);
        } else if (at->owner != iscep_process_this()) {
            if (is_alive(at))
                return at;
            at->standing = GONE;
        } else if (at->standing == RUNNING) {
            return at;
        } else {
            pthread_cond_wait(&changed, &lock);
            at = LIST_FIRST(&houses);
        }
    }
    return NULL;
}

static house *add_house_locked(const char *config_path, const char *socket_path)
{
    house *made = calloc(1, sizeof *made);
    if (made == NULL || !iscep_embedded_address_make(made->address)) {
        free(made);
        return NULL;
    }
    made->owner = iscep_process_this();
    made->standing = STARTING;
    memcpy(made->config_path, config_path, strlen(config_path) + 1);
    memcpy(made->socket_path, socket_path, strlen(socket_path) + 1);
    pthread_mutex_init(&made->log_lock, NULL);
    LIST_INSERT_HEAD(&houses, made, link);
    return made;
}

static void set_running(house *at, iscep_embedded *embedded)
{
    pthread_mutex_lock(&lock);
    at->embedded = embedded;
    at->standing = RUNNING;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void free_house(house *at)
{
    pthread_mutex_lock(&lock);
    LIST_REMOVE(at, link);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_mutex_destroy(&at->log_lock);
    free(at);
}

/* --- beginning and end --- */

static int32_t start_house(house *at, scep_text *text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char why[sizeof text->text];
    const iscep_embedded_options options = {.config_path = at->config_path,
                                            .address = at->address,
                                            .socket_path = at->socket_path,
                                            .log = on_log,
                                            .log_user = at};
    iscep_embedded *embedded = NULL;
    const int32_t status = iscep_embedded_start(&embedded, &options, why, sizeof why);
    if (status != SCEP_OK) {
        iscep_plugin_text_fill(text, "%s", why);
        return status;
    }
    pthread_once(&once, look_after_exit); /* not before OpenSSL is in use */
    set_running(at, embedded);
    return SCEP_OK;
}

static void refuse_socket(const house *at, const char *wanted, scep_text *text)
{
    iscep_plugin_text_fill(text,
                           "socket: the connector of %s is open in this process, and listens at %s%s, not "
                           "at %s: give every instance the same socket, or only the first",
                           at->config_path, at->socket_path[0] != '\0' ? "" : "no socket", at->socket_path,
                           wanted);
}

static void refuse_child(const char *config_path, scep_text *text)
{
    iscep_plugin_text_fill(text,
                           "the connector of %s would have to begin in a process that was forked while one "
                           "was open in its parent, which cannot be: open instances in the process that "
                           "lives on, before it forks, or in one that was started by exec",
                           config_path);
}

/* Into an instance: one that runs already, or a new one. */
static int32_t enter(iscep_connector *guest, const char *config_path, const char *socket_path,
                     scep_text *text)
{
    pthread_mutex_lock(&lock);
    house *found = find_house_locked(config_path);
    if (found == NULL && is_child_of_busy) {
        pthread_mutex_unlock(&lock);
        refuse_child(config_path, text);
        return SCEP_ERR_UNAVAILABLE;
    }
    house *at = found != NULL ? found : add_house_locked(config_path, socket_path);
    if (at == NULL) {
        pthread_mutex_unlock(&lock);
        iscep_plugin_text_fill(text, "out of memory");
        return SCEP_ERR_NOMEM;
    }
    if (socket_path[0] != '\0' && strcmp(socket_path, at->socket_path) != 0) {
        refuse_socket(at, socket_path, text);
        pthread_mutex_unlock(&lock);
        return SCEP_ERR_CONFIG;
    }
    at->instance_count++;
    pthread_mutex_unlock(&lock);
    guest->house = at;
    if (at->owner != iscep_process_this())
        return SCEP_OK;
    add_guest(at, guest);
    return found != NULL ? SCEP_OK : start_house(at, text);
}

/* The last one of this process ends it. Its log is heard until then. */
static void leave(iscep_connector *guest)
{
    house *at = guest->house;
    if (at->owner != iscep_process_this())
        return;
    pthread_mutex_lock(&lock);
    if (at->standing == GONE) { /* the process exits meanwhile */
        pthread_mutex_unlock(&lock);
        remove_guest(guest);
        return;
    }
    const bool is_last = --at->instance_count == 0;
    if (is_last)
        at->standing = STOPPING;
    pthread_mutex_unlock(&lock);
    if (is_last && at->embedded != NULL)
        iscep_embedded_stop(at->embedded);
    remove_guest(guest);
    if (is_last)
        free_house(at);
}

int32_t iscep_connector_attach(iscep_connector **out, iscep_socket_config *settings,
                               const iscep_host_log *log, scep_text *text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    char canonical[PATH_MAX];
    const char *config_path =
        realpath(settings->config_path, canonical) != NULL ? canonical : settings->config_path;
    pthread_once(&once, look_after_forks);
    iscep_connector *guest = calloc(1, sizeof *guest);
    if (guest == NULL) {
        iscep_plugin_text_fill(text, "out of memory");
        return SCEP_ERR_NOMEM;
    }
    guest->log = log;
    const int32_t status = enter(guest, config_path, settings->path, text);
    if (status != SCEP_OK) {
        iscep_connector_detach(guest);
        return status;
    }
    memcpy(settings->path, guest->house->address, sizeof guest->house->address);
    *out = guest;
    return SCEP_OK;
}

void iscep_connector_detach(iscep_connector *connector)
{
    if (connector != NULL && connector->house != NULL)
        leave(connector);
    free(connector);
}
