/*
 * libcurl's multi interface on the event loop.
 *
 * A call that finds no room (connections times streams) waits in its origin's queue, which costs one small
 * struct; an easy handle, some kilobytes, is taken only while a call is in flight. So ten thousand callers of
 * a slow service cost what their requests cost.
 *
 * NOLINT stands where clang's analyser loses an intrusive list and believes a call that left it is still
 * inside.
 */
#include "net/curl_http.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "net/curl_handle.h"

enum {
    MAX_IDLE_HANDLES = 64, /* easy handles kept for reuse */
    MAX_CONTENT_TYPE_LEN = 128,
    QUEUE_TICK_MS = 50,  /* how often the queues are searched for calls that have waited too long */
    MAX_TEXTS = 8,       /* of the options */
    TRANSFER_SHARE = 10, /* the last tenth of a call's time is not for waiting */
};

typedef struct curl_http curl_http;

struct iscep_http_call {
    TAILQ_ENTRY(iscep_http_call) link; /* in its origin's queue, or in running */
    curl_http *http;
    struct origin *origin;
    CURL *easy; /* NULL while it waits */
    char *url;
    struct curl_slist *headers;
    iscep_bytes body;
    bool has_body; /* POST and PUT */
    bool is_put;
    bool is_local;
    int64_t deadline_mono_ms;
    int64_t start_by_mono_ms; /* who waits longer is not started any more */
    size_t max_response_len;
    iscep_buf response;
    char error_text[CURL_ERROR_SIZE];
    iscep_http_done done;
    void *user;
};
TAILQ_HEAD(call_list, iscep_http_call);

/*
 * scheme://host:port, and what we know of it. There are as many as the configuration and discovery name: a
 * handful.
 */
struct origin {
    struct origin *next;
    char *name;
    size_t running;
    bool is_known;       /* there was a reply: is_multiplexed is not a guess */
    bool is_multiplexed; /* the last reply came over HTTP/2 */
    struct call_list queue;
};

struct curl_http {
    iscep_http base;
    const iscep_env *env;
    iscep_loop *loop;
    CURLM *multi;
    iscep_timer *curl_timer;
    iscep_timer *start_timer; /* fires at once: starts what is queued, never from inside send */
    iscep_timer *queue_timer; /* ticks while something is queued: ends what waits too long */
    iscep_curl_options options;
    char *texts[MAX_TEXTS]; /* what the options point to */
    size_t text_count;
    struct origin *origins;
    struct call_list running;
    CURL *idle[MAX_IDLE_HANDLES];
    size_t idle_count;
    size_t queued;
};

static iscep_status describe_failure(const iscep_http_call *call, CURLcode result, iscep_error *err)
{
    const char *origin = call->origin->name;
    long tunnel_status = 0; /* the proxy's answer to CONNECT */
    curl_easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
    if (tunnel_status != 0 && tunnel_status / 100 != 2)
        return iscep_error_set(err, ISCEP_NETWORK, tunnel_status == 407 ? "proxy_auth" : "proxy_refused",
                               "%s: the proxy answered HTTP %ld", origin, tunnel_status);
    const char *detail = call->error_text[0] != '\0' ? call->error_text : curl_easy_strerror(result);
    iscep_status status = iscep_curl_describe(err, result, origin, detail);
    if (strcmp(err->code, "response_too_large") == 0)
        return iscep_error_set(err, status, "response_too_large", "%s: the reply is larger than %zu bytes",
                               origin, call->max_response_len);
    return status;
}

static size_t collect(char *data, size_t size, size_t count, void *user)
{
    iscep_http_call *call = user;
    iscep_buf_append(&call->response, data, size * count);
    return call->response.is_overflown ? 0 : size * count;
}

static CURL *new_handle(const curl_http *http)
{
    CURL *easy = iscep_curl_handle_new(&http->options);
    if (easy != NULL)
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    return easy;
}

static CURL *take_handle(curl_http *http)
{
    return http->idle_count > 0 ? http->idle[--http->idle_count] : new_handle(http);
}

static void give_handle(curl_http *http, CURL *easy)
{
    if (http->idle_count < MAX_IDLE_HANDLES)
        http->idle[http->idle_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

/* Everything that differs between two calls is set here, each time, so that nothing of the last one is left.
 */
static void prepare_handle(iscep_http_call *call, int64_t timeout_ms)
{
    CURL *easy = call->easy;
    /* Waiting for a connection that may turn out to be HTTP/2 is for the first calls only: once HTTP/1.1 is known to
     * be spoken, curl would open one connection after the other, each when the one before it is up. */
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT,
                     call->origin->is_known && !call->origin->is_multiplexed ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_URL, call->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
    if (call->has_body) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.len > 0 ? (const char *)call->body.data : "");
    } else {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->is_put ? "PUT" : NULL);
    iscep_curl_handle_set_reach(easy, &call->http->options, call->is_local);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->max_response_len);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error_text);
}

static void free_call(iscep_http_call *call)
{
    curl_slist_free_all(call->headers); /* the bearer token is in here: curl offers no cleansing */
    iscep_buf_wipe(&call->response);    /* may hold a token */
    free(call->url);
    free(call);
}

static size_t room_of(const curl_http *http, const struct origin *origin)
{
    size_t room = http->options.max_connections;
    return origin->is_multiplexed ? room * http->options.max_streams : room;
}

/* Takes the call out of flight or queue; it belongs to nobody but the caller then. */
static void detach(iscep_http_call *call)
{
    curl_http *http = call->http;
    if (call->easy == NULL) {
        TAILQ_REMOVE(&call->origin->queue, call, link);
        http->queued--;
        return;
    }
    TAILQ_REMOVE(&http->running, call, link);
    call->origin->running--;
    curl_multi_remove_handle(http->multi, call->easy);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL);
    give_handle(http, call->easy);
    call->easy = NULL;
}

static void finish(iscep_http_call *call, iscep_status status, const iscep_http_response *response,
                   const iscep_error *err)
{
    call->done(call->user, status, response, err);
    free_call(call);
}

static void fail_call(iscep_http_call *call, iscep_status status, const char *code, const char *text)
{
    iscep_error err;
    iscep_error_set(&err, status, code, "%s: %s", call->origin->name, text);
    detach(call);
    finish(call, status, NULL, &err);
}

/*
 * Hands the first of a queue to curl; when that cannot be, the call is finished with the reason. With hardly any time
 * left it is not tried: when thousands wait too long, each would cost a TLS handshake that only makes the others late.
 */
static void start(iscep_http_call *call)
{
    curl_http *http = call->http;
    int64_t now_ms = iscep_now_mono_ms(http->env);
    if (now_ms >= call->start_by_mono_ms) {
        fail_call(call, ISCEP_THROTTLED, "timeout", "no connection became free in time");
        return;
    }
    CURL *easy = take_handle(http);
    if (easy == NULL) {
        fail_call(call, ISCEP_NOMEM, "nomem", "out of memory");
        return;
    }
    TAILQ_REMOVE(&call->origin->queue, call, link);
    http->queued--;
    call->easy = easy;
    TAILQ_INSERT_TAIL(&http->running, call, link);
    call->origin->running++;
    prepare_handle(call, call->deadline_mono_ms - now_ms);
    free(call->url); /* curl has made its own copy */
    call->url = NULL;
    if (curl_multi_add_handle(http->multi, easy) != CURLM_OK)
        fail_call(call, ISCEP_NOMEM, "nomem", "cannot start the transfer");
}

static void start_waiting(curl_http *http, struct origin *origin)
{
    while (!TAILQ_EMPTY(&origin->queue) && origin->running < room_of(http, origin))
        start(TAILQ_FIRST(&origin->queue)); /* NOLINT(clang-analyzer-unix.Malloc) */
}

static void complete(iscep_http_call *call, CURLcode result)
{
    curl_http *http = call->http;
    struct origin *origin = call->origin;
    iscep_http_response response = {.retry_after_ms = -1};
    char content_type[MAX_CONTENT_TYPE_LEN]; /* curl's own copy dies when the handle is used again */
    iscep_error err = ISCEP_ERROR_INIT;
    if (result == CURLE_OK) {
        long status = 0, version = 0;
        curl_off_t retry_after_s = 0;
        const char *type = NULL;
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
        curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        origin->is_known = true;
        origin->is_multiplexed = version == CURL_HTTP_VERSION_2_0;
        response.status = (int32_t)status;
        response.body = iscep_buf_bytes(&call->response);
        if (type != NULL) {
            iscep_text_copy(content_type, sizeof content_type, type);
            response.content_type = content_type;
        }
        if (retry_after_s > 0 && retry_after_s <= INT32_MAX)
            response.retry_after_ms = (int64_t)retry_after_s * 1000;
    } else {
        describe_failure(call, result, &err);
    }
    detach(call);
    finish(call, err.status, result == CURLE_OK ? &response : NULL, &err);
    start_waiting(http, origin); /* calls back, too: this call's owner must have been told by then */
}

static void collect_finished(curl_http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        iscep_http_call *call = NULL;
        CURLcode result = message->data.result; /* message dies with the handle's removal */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
        complete(call, result);
    }
}

static void on_socket(evutil_socket_t fd, short what, void *user)
{
    curl_http *http = user;
    int actions =
        ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    int running;
    curl_multi_socket_action(http->multi, fd, actions, &running);
    collect_finished(http);
}

static void on_curl_timer(void *user)
{
    curl_http *http = user;
    int running;
    curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(http);
}

/* curl asks to watch a socket. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *assigned)
{
    (void)easy;
    curl_http *http = user;
    struct event *event = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (event != NULL)
            event_free(event);
        curl_multi_assign(http->multi, fd, NULL);
        return 0;
    }
    short events = (short)(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                           ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) | EV_PERSIST);
    struct event_base *base = iscep_loop_base(http->loop);
    if (event == NULL) {
        event = event_new(base, fd, events, on_socket, http);
        if (event == NULL)
            return -1;
        curl_multi_assign(http->multi, fd, event);
    } else {
        event_del(event);
        event_assign(event, base, fd, events, on_socket, http);
    }
    return event_add(event, NULL);
}

/* curl asks to be called after a while. */
static int set_curl_timer(CURLM *multi, long timeout_ms, void *user)
{
    (void)multi;
    curl_http *http = user;
    if (timeout_ms < 0)
        iscep_timer_disarm(http->curl_timer);
    else
        iscep_timer_arm(http->curl_timer, timeout_ms);
    return 0;
}

static void on_start_timer(void *user)
{
    curl_http *http = user;
    for (struct origin *origin = http->origins; origin != NULL; origin = origin->next)
        start_waiting(http, origin);
}

static iscep_http_call *find_expired(const curl_http *http, int64_t now_ms)
{
    for (struct origin *origin = http->origins; origin != NULL; origin = origin->next) {
        iscep_http_call *call;
        TAILQ_FOREACH(call, &origin->queue, link)
        if (call->start_by_mono_ms <= now_ms) /* NOLINT(clang-analyzer-unix.Malloc) */
            return call;
    }
    return NULL;
}

static void on_queue_timer(void *user)
{
    curl_http *http = user;
    iscep_http_call *call;
    while ((call = find_expired(http, iscep_now_mono_ms(http->env))) != NULL)
        fail_call(call, ISCEP_THROTTLED, "timeout", "no connection became free in time");
    if (http->queued > 0)
        iscep_timer_arm(http->queue_timer, QUEUE_TICK_MS);
}

/* "https://host:port" of a URL: up to the first slash behind the scheme. */
static size_t origin_len(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

static struct origin *find_origin(curl_http *http, const char *url)
{
    size_t len = origin_len(url);
    for (struct origin *origin = http->origins; origin != NULL; origin = origin->next)
        if (strlen(origin->name) == len && strncmp(origin->name, url, len) == 0)
            return origin;
    struct origin *origin = calloc(1, sizeof *origin);
    char *name = strndup(url, len);
    if (origin == NULL || name == NULL) {
        free(origin);
        free(name);
        return NULL;
    }
    origin->name = name;
    TAILQ_INIT(&origin->queue);
    origin->next = http->origins;
    http->origins = origin;
    return origin;
}

static bool copy_headers(iscep_http_call *call, const iscep_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        ISCEP_AUTO_BUF line;
        iscep_buf_init(&line, 64 * 1024);
        iscep_buf_append_text(&line, request->headers[i].name);
        iscep_buf_append_text(&line, ": ");
        iscep_buf_append_text(&line, request->headers[i].value);
        struct curl_slist *longer =
            line.is_overflown ? NULL : curl_slist_append(call->headers, iscep_buf_text(&line));
        iscep_buf_wipe(&line);
        if (longer == NULL)
            return false;
        call->headers = longer;
    }
    return true;
}

static int64_t start_by(const curl_http *http, int64_t deadline_mono_ms)
{
    int64_t left_ms = deadline_mono_ms - iscep_now_mono_ms(http->env);
    return deadline_mono_ms - left_ms / TRANSFER_SHARE;
}

static iscep_http_call *send_request(iscep_http *base, const iscep_http_request *request,
                                     iscep_http_done done, void *user, iscep_error *err)
{
    curl_http *http = (curl_http *)base;
    iscep_http_call *call = calloc(1, sizeof *call);
    struct origin *origin = find_origin(http, request->url);
    char *url = strdup(request->url);
    if (call == NULL || origin == NULL || url == NULL || !copy_headers(call, request)) {
        if (call != NULL)
            curl_slist_free_all(call->headers);
        free(call);
        free(url);
        iscep_error_nomem(err);
        return NULL;
    }
    call->http = http;
    call->origin = origin;
    call->url = url;
    call->body = request->body;
    call->is_put = strcmp(request->method, "PUT") == 0;
    call->has_body = call->is_put || strcmp(request->method, "POST") == 0;
    call->is_local = request->is_local;
    call->deadline_mono_ms = request->deadline_mono_ms;
    call->start_by_mono_ms = start_by(http, request->deadline_mono_ms);
    call->max_response_len = request->max_response_len;
    call->done = done;
    call->user = user;
    iscep_buf_init(&call->response, request->max_response_len);
    TAILQ_INSERT_TAIL(&origin->queue, call, link);
    if (http->queued++ == 0)
        iscep_timer_arm(http->queue_timer, QUEUE_TICK_MS);
    if (origin->running < room_of(http, origin))
        iscep_timer_arm(http->start_timer, 0);
    return call;
}

static void cancel_call(iscep_http *base, iscep_http_call *call)
{
    (void)base;
    curl_http *http = call->http;
    detach(call);
    free_call(call);
    iscep_timer_arm(http->start_timer, 0);
}

static void free_curl_http(iscep_http *base)
{
    curl_http *http = (curl_http *)base;
    struct origin *next_origin;
    while (!TAILQ_EMPTY(&http->running)) {
        iscep_http_call *call = TAILQ_FIRST(&http->running);
        detach(call); /* NOLINT(clang-analyzer-unix.Malloc) */
        free_call(call);
    }
    for (struct origin *origin = http->origins; origin != NULL; origin = next_origin) {
        next_origin = origin->next;
        while (!TAILQ_EMPTY(&origin->queue)) {
            iscep_http_call *call = TAILQ_FIRST(&origin->queue);
            detach(call); /* NOLINT(clang-analyzer-unix.Malloc) */
            free_call(call);
        }
        free(origin->name);
        free(origin);
    }
    while (http->idle_count > 0)
        curl_easy_cleanup(http->idle[--http->idle_count]);
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi); /* takes its sockets back through watch_socket */
    iscep_timer_free(http->curl_timer);
    iscep_timer_free(http->start_timer);
    iscep_timer_free(http->queue_timer);
    for (size_t i = 0; i < http->text_count; i++)
        free(http->texts[i]);
    free(http);
}

/* Each text of the options, which are a copy, becomes one that is ours. */
static bool keep_texts(curl_http *http)
{
    iscep_curl_options *options = &http->options;
    const char **const texts[MAX_TEXTS] = {&options->ca_file,
                                           &options->proxy,
                                           &options->proxy_user,
                                           &options->user_agent,
                                           &options->no_proxy,
                                           &options->unix_socket_path,
                                           &options->client_certificate,
                                           &options->client_key};
    for (size_t i = 0; i < MAX_TEXTS; i++) {
        if (*texts[i] == NULL)
            continue;
        char *copy = strdup(*texts[i]);
        if (copy == NULL)
            return false;
        http->texts[http->text_count++] = copy;
        *texts[i] = copy;
    }
    return true;
}

static iscep_status set_up(curl_http *http, const iscep_curl_options *options, iscep_error *err)
{
    http->options = *options;
    if (!keep_texts(http))
        return iscep_error_nomem(err);
    iscep_status status = iscep_timer_new(&http->curl_timer, http->loop, on_curl_timer, http, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&http->start_timer, http->loop, on_start_timer, http, err);
    if (status == ISCEP_OK)
        status = iscep_timer_new(&http->queue_timer, http->loop, on_queue_timer, http, err);
    if (status != ISCEP_OK)
        return status;
    http->multi = curl_multi_init();
    if (http->multi == NULL)
        return iscep_error_nomem(err);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->max_connections);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)options->max_connections * 2);
    curl_multi_setopt(http->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)options->max_streams);
    return ISCEP_OK;
}

iscep_status iscep_curl_http_new(iscep_http **out, const iscep_env *env, iscep_loop *loop,
                                 const iscep_curl_options *options, iscep_error *err)
{
    curl_http *http = iscep_curl_is_ready() ? calloc(1, sizeof *http) : NULL;
    if (http == NULL)
        return iscep_error_nomem(err);
    http->base = (iscep_http){.send = send_request, .cancel = cancel_call, .free = free_curl_http};
    http->env = env;
    http->loop = loop;
    TAILQ_INIT(&http->running);
    iscep_status status = set_up(http, options, err);
    if (status != ISCEP_OK) {
        free_curl_http(&http->base);
        return status;
    }
    *out = &http->base;
    return ISCEP_OK;
}
