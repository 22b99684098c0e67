/*
 * The yardstick: libcurl's multi interface on epoll, one easy handle for each request in flight, used again and again.
 * The body is made once and the token fetched once, so this is what it costs to put the bytes on the wire.
 */
#include "rows.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/json.h"
#include "mock_intune/service_paths.h"
#include "net/url.h"
#include "pace.h"

enum { MAX_EVENTS = 256, MAX_REPLY_LEN = 64 * 1024, MAX_BODY_LEN = 256 * 1024, MAX_HEADER_LEN = 16 * 1024 };

typedef struct slot {
    CURL *easy;
    iscep_buf reply;
    int64_t started_mono_ns;
} slot;

struct bench_row_state {
    CURLM *multi;
    int epoll_fd;
    int64_t timer_mono_ns; /* when curl wants to be called; -1: it does not */
    struct curl_slist *headers;
    iscep_buf url;
    iscep_buf body;
    slot *slots;
    slot **idle;
    uint32_t idle_count;
    uint32_t slot_count;
};

/* One run. */
typedef struct course {
    uint32_t left; /* requests not begun yet */
    uint32_t finished;
    bench_pace pace; /* timer_fd -1: none, requests begin as slots are idle */
    bench_meter *meter;
} course;

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    iscep_buf *reply = user;
    iscep_buf_append(reply, data, size * count);
    return reply->is_overflown ? 0 : size * count;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy;
    static char is_watched; /* its address marks a socket that epoll knows */
    bench_row_state *state = user;
    struct epoll_event event = {.data.fd = fd,
                                .events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0) |
                                          ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0)};
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(state->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    curl_multi_assign(state->multi, fd, &is_watched);
    return epoll_ctl(state->epoll_fd, assigned != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    bench_row_state *state = user;
    state->timer_mono_ns = timeout_ms < 0 ? -1 : bench_now_mono_ns() + timeout_ms * 1000000LL;
    return 0;
}

static bool add_header(bench_row_state *state, const char *name, const char *value)
{
    ISCEP_AUTO_BUF line;
    iscep_buf_init(&line, MAX_HEADER_LEN);
    iscep_buf_printf(&line, "%s: %s", name, value);
    struct curl_slist *longer =
        line.is_overflown ? NULL : curl_slist_append(state->headers, iscep_buf_text(&line));
    if (longer != NULL)
        state->headers = longer;
    return longer != NULL;
}

static iscep_status emit_request(bench_row_state *state, const bench_world *world, iscep_error *err)
{
    ISCEP_AUTO_BUF csr_base64, bearer;
    iscep_buf_init(&csr_base64, MAX_BODY_LEN);
    iscep_buf_init(&bearer, MAX_HEADER_LEN);
    iscep_buf_init(&state->url, BENCH_URL_SIZE * 2);
    iscep_buf_init(&state->body, MAX_BODY_LEN);
    iscep_url_join(&state->url, world->intune->url, MOCK_SCEP_PATH "/ScepActions/validateRequest");
    iscep_base64_encode(&csr_base64, world->csr);
    iscep_buf_printf(&bearer, "Bearer %s", world->token);
    if (!add_header(state, "Authorization", iscep_buf_text(&bearer)) ||
        !add_header(state, "Content-Type", "application/json") ||
        !add_header(state, "api-version", "2018-02-20") ||
        !add_header(state, "client-request-id", "3b2f8a52-7c1d-4a40-9d1e-5f6071829304"))
        return iscep_error_nomem(err);
    iscep_buf_printf(&state->body,
                     "{\"request\":{\"transactionId\":\"%s\",\"certificateRequest\":\"%s\","
                     "\"callerInfo\":\"iscep-bench\"}}",
                     BENCH_TRANSACTION_ID, iscep_buf_text(&csr_base64));
    iscep_status status = iscep_buf_status(&state->url, err);
    return status == ISCEP_OK ? iscep_buf_status(&state->body, err) : status;
}

static iscep_status open_slot(slot *out, bench_row_state *state, const bench_world *world, iscep_error *err)
{
    CURL *easy = out->easy = curl_easy_init();
    if (easy == NULL)
        return iscep_error_nomem(err);
    iscep_buf_init(&out->reply, MAX_REPLY_LEN);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, out);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_URL, iscep_buf_text(&state->url));
    curl_easy_setopt(easy, CURLOPT_CAINFO, world->stack->ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)BENCH_ANSWER_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, state->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)state->body.len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (const char *)state->body.data);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &out->reply);
    return ISCEP_OK;
}

static void close_row(bench_row_state *state)
{
    if (state == NULL)
        return;
    for (uint32_t i = 0; state->slots != NULL && i < state->slot_count; i++) {
        if (state->slots[i].easy != NULL)
            curl_multi_remove_handle(state->multi, state->slots[i].easy);
        curl_easy_cleanup(state->slots[i].easy);
        iscep_buf_clear(&state->slots[i].reply);
    }
    curl_multi_cleanup(state->multi);
    curl_slist_free_all(state->headers);
    iscep_buf_clear(&state->url);
    iscep_buf_clear(&state->body);
    if (state->epoll_fd >= 0)
        close(state->epoll_fd);
    free(state->slots);
    free(state->idle);
    free(state);
}

static iscep_status set_up(bench_row_state *state, const bench_world *world, uint32_t in_flight,
                           iscep_error *err)
{
    state->timer_mono_ns = -1;
    state->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    state->multi = curl_multi_init();
    state->slots = calloc(in_flight, sizeof *state->slots);
    state->idle = calloc(in_flight, sizeof *state->idle);
    if (state->epoll_fd < 0 || state->multi == NULL || state->slots == NULL || state->idle == NULL)
        return iscep_error_nomem(err);
    state->slot_count = in_flight;
    curl_multi_setopt(state->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(state->multi, CURLMOPT_SOCKETDATA, state);
    curl_multi_setopt(state->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(state->multi, CURLMOPT_TIMERDATA, state);
    curl_multi_setopt(state->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)BENCH_MAX_CONNECTIONS);
    curl_multi_setopt(state->multi, CURLMOPT_MAXCONNECTS, (long)BENCH_MAX_CONNECTIONS * 2);
    iscep_status status = emit_request(state, world, err);
    for (uint32_t i = 0; i < in_flight && status == ISCEP_OK; i++)
        status = open_slot(&state->slots[i], state, world, err);
    return status;
}

static iscep_status open_row(bench_row_state **out, const bench_world *world, uint32_t in_flight,
                             iscep_error *err)
{
    bench_row_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return iscep_error_nomem(err);
    iscep_status status = set_up(state, world, in_flight, err);
    if (status != ISCEP_OK) {
        close_row(state);
        return status;
    }
    *out = state;
    return ISCEP_OK;
}

static iscep_status judge(slot *done, CURLcode result, iscep_error *err)
{
    long http_status = 0;
    ISCEP_AUTO_JSON *reply = NULL;
    if (result != CURLE_OK)
        return iscep_error_set(err, ISCEP_NETWORK, "curl", "%s", curl_easy_strerror(result));
    curl_easy_getinfo(done->easy, CURLINFO_RESPONSE_CODE, &http_status);
    const char *code = NULL;
    if (http_status == 200 && iscep_json_parse(&reply, iscep_buf_bytes(&done->reply), NULL) == ISCEP_OK)
        code = iscep_json_text(reply, "code");
    if (code != NULL && strcmp(code, "Success") == 0)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_PROTOCOL, "not_allowed", "HTTP %ld, code %s", http_status,
                           code != NULL ? code : "none");
}

static iscep_status start(bench_row_state *state, slot *idle, int64_t started_mono_ns, iscep_error *err)
{
    idle->reply.len = 0;
    idle->started_mono_ns = started_mono_ns;
    if (curl_multi_add_handle(state->multi, idle->easy) == CURLM_OK)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_NOMEM, "curl", "curl_multi_add_handle failed");
}

static iscep_status collect_finished(bench_row_state *state, course *c, iscep_error *err)
{
    const CURLMsg *message;
    int queued;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && (message = curl_multi_info_read(state->multi, &queued)) != NULL) {
        slot *done = NULL;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&done);
        status = judge(done, result, err);
        curl_multi_remove_handle(state->multi, done->easy);
        state->idle[state->idle_count++] = done;
        c->finished++;
        if (status == ISCEP_OK)
            bench_meter_record(c->meter, done->started_mono_ns);
    }
    return status;
}

static bool is_due(course *c, int64_t *started_mono_ns)
{
    *started_mono_ns = bench_now_mono_ns();
    return c->pace.timer_fd < 0 || bench_pace_take(&c->pace, started_mono_ns);
}

static iscep_status begin_due(bench_row_state *state, course *c, iscep_error *err)
{
    int64_t started_mono_ns;
    iscep_status status = ISCEP_OK;
    while (status == ISCEP_OK && c->left > 0 && state->idle_count > 0 && is_due(c, &started_mono_ns)) {
        c->left--;
        status = start(state, state->idle[--state->idle_count], started_mono_ns, err);
    }
    return status;
}

static void act(bench_row_state *state, const course *c, const struct epoll_event *event)
{
    int running;
    int actions = ((event->events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                  ((event->events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                  ((event->events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
    if (event->data.fd == c->pace.timer_fd)
        bench_pace_rest(&c->pace);
    else
        curl_multi_socket_action(state->multi, event->data.fd, actions, &running);
}

static void wait_and_act(bench_row_state *state, const course *c)
{
    struct epoll_event events[MAX_EVENTS];
    int running;
    int64_t left_ns = state->timer_mono_ns < 0 ? 1000000000 : state->timer_mono_ns - bench_now_mono_ns();
    int count = epoll_wait(state->epoll_fd, events, MAX_EVENTS,
                           left_ns <= 0 ? 0 : (int)((left_ns + 999999) / 1000000));
    for (int i = 0; i < count; i++)
        act(state, c, &events[i]);
    if (state->timer_mono_ns >= 0 && bench_now_mono_ns() >= state->timer_mono_ns) {
        state->timer_mono_ns = -1;
        curl_multi_socket_action(state->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static iscep_status run(bench_row_state *state, course *c, uint32_t count, iscep_error *err)
{
    c->left = count;
    state->idle_count = 0;
    for (uint32_t i = 0; i < state->slot_count; i++)
        state->idle[state->idle_count++] = &state->slots[i];
    iscep_status status = begin_due(state, c, err);
    while (c->finished < count && status == ISCEP_OK) {
        wait_and_act(state, c);
        status = collect_finished(state, c, err);
        if (status == ISCEP_OK)
            status = begin_due(state, c, err);
    }
    return status;
}

static iscep_status run_row(bench_row_state *state, uint32_t count, bench_meter *meter, iscep_error *err)
{
    course c = {.meter = meter, .pace = {.timer_fd = -1}};
    return run(state, &c, count, err);
}

static iscep_status run_paced(bench_row_state *state, uint32_t count, int64_t interval_ns, bench_meter *meter,
                              iscep_error *err)
{
    course c = {.meter = meter};
    iscep_status status = bench_pace_start(&c.pace, interval_ns, err);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = c.pace.timer_fd};
    if (status == ISCEP_OK && epoll_ctl(state->epoll_fd, EPOLL_CTL_ADD, c.pace.timer_fd, &event) != 0)
        status = iscep_error_nomem(err);
    if (status == ISCEP_OK)
        status = run(state, &c, count, err);
    bench_pace_stop(&c.pace); /* epoll forgets it */
    return status;
}

const bench_row bench_row_curl = {
    .name = "curl", .open = open_row, .run = run_row, .run_paced = run_paced, .close = close_row};
