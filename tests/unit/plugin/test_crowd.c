/*
 * Thousands of calls at once on one thread, by poll and by epoll: the daemon's stand-in answers nobody before everybody has asked,
 * and then the last first.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "loaded_plugin.h"

#define MAX_CALLS        2000u
#define BACKLOG          16 /* far fewer than calls: most find the queue full */
#define FDS_PER_CALL     4u /* three of the call, and the stand-in's end of the connection */
#define MUST(condition)  ((condition) ? (void)0 : (perror(#condition), abort()))
#define REQUEST_MAX      1024
#define CROWD_TIMEOUT_MS 50000u

/* --- the stand-in: one thread, which reads all requests and then answers all --- */

typedef struct asker {
    int fd;
    char request[REQUEST_MAX];
    size_t len;
} asker;

typedef struct crowd_daemon {
    struct sockaddr_un address;
    int listener;
    size_t count;
    asker *askers;
    pthread_t thread;
} crowd_daemon;

/* The CSR of request_of follows the head at once, and is what makes a request whole. */
static bool is_whole(const asker *from)
{
    const scep_bytes csr = request_of("").csr_der;
    const uint8_t *end = memmem(from->request, from->len, "\r\n\r\n", 4);
    return end != NULL && (size_t)((const uint8_t *)from->request + from->len - end) == 4 + csr.len;
}

static void answer_by_id(const asker *to)
{
    static const char header[] = "X-Scep-Transaction-Id: ";
    const char *id = (const char *)memmem(to->request, to->len, header, strlen(header)) + strlen(header);
    const int id_len = (int)strcspn(id, "\r");
    const bool is_allowed = strncmp(id, "allow", 5) == 0;
    char body[256];
    char reply[512];
    const int body_len = snprintf(body, sizeof body, "verdict: %s\nmessage: %.*s\n",
                                  is_allowed ? "allow" : "deny", id_len, id);
    const int len = snprintf(reply, sizeof reply,
                             "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
                             is_allowed ? "200 OK" : "403 Forbidden", body_len, body);
    MUST(send(to->fd, reply, (size_t)len, MSG_NOSIGNAL) == len);
}

static void *serve_crowd(void *user)
{
    crowd_daemon *self = user;
    for (size_t i = 0; i < self->count; i++) {
        MUST((self->askers[i].fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0);
    }
    for (size_t i = 0; i < self->count; i++) {
        asker *from = &self->askers[i];
        while (!is_whole(from)) {
            const ssize_t got = recv(from->fd, from->request + from->len, REQUEST_MAX - from->len, 0);
            MUST(got > 0);
            from->len += (size_t)got;
        }
    }
    for (size_t i = self->count; i-- > 0;) {
        answer_by_id(&self->askers[i]);
    }
    return NULL;
}

static void crowd_daemon_start(crowd_daemon *self, const char *path, size_t count)
{
    *self = (crowd_daemon){.count = count, .address = {.sun_family = AF_UNIX}};
    memcpy(self->address.sun_path, path, strlen(path) + 1);
    self->askers = calloc(count, sizeof *self->askers);
    self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(self->askers != NULL);
    MUST(bind(self->listener, (struct sockaddr *)&self->address, sizeof self->address) == 0);
    MUST(listen(self->listener, BACKLOG) == 0);
    MUST(pthread_create(&self->thread, NULL, serve_crowd, self) == 0);
}

static void crowd_daemon_stop(crowd_daemon *self)
{
    pthread_join(self->thread, NULL);
    for (size_t i = 0; i < self->count; i++) {
        close(self->askers[i].fd);
    }
    close(self->listener);
    free(self->askers);
}

/* --- the host --- */

typedef struct device {
    char id[32];
    scep_answer answer;
    scep_call *call; /* NULL: it has its answer */
} device;

typedef struct crowd {
    const scep_plugin *plugin;
    scep_instance *instance;
    size_t count;
    size_t waiting;
    device *devices;
} crowd;

static void begin_all(crowd *all)
{
    for (size_t i = 0; i < all->count; i++) {
        device *one = &all->devices[i];
        snprintf(one->id, sizeof one->id, "%s-%zu", i % 3 == 0 ? "deny" : "allow", i);
        scep_request request = request_of(one->id);
        request.timeout_ms = CROWD_TIMEOUT_MS;
        one->answer = stale_answer();
        cr_assert_eq(all->plugin->begin_verify_request(all->instance, &request, &one->answer, &one->call),
                     SCEP_OK, "%zu", i);
    }
    all->waiting = all->count;
}

/* True: it goes on. */
static bool finish_one(crowd *all, device *one)
{
    const int32_t status = all->plugin->finish(one->call);
    if (status == SCEP_PENDING) {
        return true;
    }
    cr_assert_eq(status, SCEP_OK);
    cr_assert_eq(one->answer.verdict,
                 strncmp(one->id, "allow", 5) == 0 ? SCEP_VERDICT_ALLOW : SCEP_VERDICT_DENY, "%s: %s",
                 one->id, one->answer.code);
    cr_assert_str_eq(one->answer.message, one->id);
    one->call = NULL;
    all->waiting--;
    return false;
}

static void finish_all_by_poll(crowd *all)
{
    struct pollfd *set = calloc(all->count, sizeof *set);
    for (size_t i = 0; i < all->count; i++) {
        set[i] = (struct pollfd){.fd = all->plugin->descriptor(all->devices[i].call), .events = POLLIN};
    }
    while (all->waiting > 0) {
        cr_assert_gt(poll(set, all->count, (int)CROWD_TIMEOUT_MS), 0);
        for (size_t i = 0; i < all->count; i++) {
            if (set[i].revents != 0 && !finish_one(all, &all->devices[i])) {
                set[i].fd = -1;
            }
        }
    }
    free(set);
}

static void watch(const crowd *all, int set, device *one)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    cr_assert_eq(epoll_ctl(set, EPOLL_CTL_ADD, all->plugin->descriptor(one->call), &event), 0);
}

static void finish_all_by_epoll(crowd *all)
{
    const int set = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < all->count; i++) {
        watch(all, set, &all->devices[i]);
    }
    while (all->waiting > 0) {
        struct epoll_event events[64];
        const int count = epoll_wait(set, events, 64, (int)CROWD_TIMEOUT_MS);
        cr_assert_gt(count, 0);
        for (int i = 0; i < count; i++) {
            device *one = events[i].data.ptr;
            cr_assert_eq(epoll_ctl(set, EPOLL_CTL_DEL, all->plugin->descriptor(one->call), NULL), 0);
            if (finish_one(all, one)) {
                watch(all, set, one);
            }
        }
    }
    close(set);
}

static size_t count_possible_calls(void)
{
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const size_t possible = ((size_t)limit.rlim_cur - 64) / FDS_PER_CALL;
    return possible < MAX_CALLS ? possible : MAX_CALLS;
}

static void ask_all(void (*finish_all)(crowd *))
{
    loaded_plugin loaded = loaded_plugin_open();
    char path[64];
    fresh_socket_path(path);
    crowd all = {.plugin = loaded.plugin,
                 .instance = loaded_instance(loaded.plugin, path, NULL),
                 .count = count_possible_calls()};
    crowd_daemon daemon;
    all.devices = calloc(all.count, sizeof *all.devices);
    crowd_daemon_start(&daemon, path, all.count);
    begin_all(&all);
    finish_all(&all);
    crowd_daemon_stop(&daemon);
    free(all.devices);
    loaded.plugin->close(all.instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

Test(crowd, of_calls_is_finished_by_poll, .timeout = 60)
{
    ask_all(finish_all_by_poll);
}

Test(crowd, of_calls_is_finished_by_epoll, .timeout = 60)
{
    ask_all(finish_all_by_epoll);
}
