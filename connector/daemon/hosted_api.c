/* See hosted_api.h. */
#include "daemon/hosted_api.h"

#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/json.h"
#include "ca/hosted.h"
#include "daemon/local_verdict.h"
#include "daemon/peer.h"
#include "net/url.h"

enum { MAX_WAIT_MS = 60000, MAX_MESSAGE_LEN = 4096, MAX_REPLY_LEN = 64 * 1024 };

/* Somebody who asked for work and has none yet. */
typedef struct iscep_hosted_asker {
    LIST_ENTRY(iscep_hosted_asker) link;
    iscep_exchange *exchange;
    iscep_hosted_wait *wait;
} asker;

static void reply_bad_request(iscep_exchange *exchange, const char *code, const char *message)
{
    iscep_exchange_reply_error(exchange, 400, code, message);
}

static void reply_nothing_to_do(iscep_exchange *exchange)
{
    iscep_exchange_reply(exchange, &(iscep_reply){.status = 204});
}

/* --- which CA --- */

static bool is_hosted(const iscep_ca *ca)
{
    return iscep_ca_options_of(ca)->kind == ISCEP_CA_PLUGIN;
}

/* The one that X-Scep-Ca names; without it the only one there is. NULL: it has been answered. */
static iscep_ca *find_ca(iscep_exchange *exchange, const iscep_hosted_api *api)
{
    const char *name = iscep_exchange_header(exchange, "X-Scep-Ca");
    iscep_ca *found = name != NULL ? iscep_routing_by_name(api->routing, name) : NULL;
    size_t count = 0;
    for (size_t i = 0; i < api->routing->count && name == NULL; i++) {
        if (!is_hosted(api->routing->cas[i]))
            continue;
        found = api->routing->cas[i];
        count++;
    }
    if (count > 1)
        reply_bad_request(exchange, "ca_ambiguous",
                          "more than one [ca/NAME] has kind = plugin: X-Scep-Ca must name one");
    else if (found == NULL || !is_hosted(found))
        reply_bad_request(exchange, "ca_unknown", "the connector has no such [ca/NAME] with kind = plugin");
    else
        return found;
    return NULL;
}

/* What was asked of the same CA before a reload comes first: the revoker of now waits until it is done. */
static iscep_ca *prefer_retired(const iscep_hosted_api *api, iscep_ca *now)
{
    const iscep_routing *routing;
    for (size_t i = 0; api->retired != NULL && (routing = api->retired(api->retired_user, i)) != NULL; i++) {
        iscep_ca *before = iscep_routing_by_name(routing, iscep_ca_options_of(now)->name);
        if (before != NULL && is_hosted(before) && iscep_hosted_has_work(before))
            return before;
    }
    return now;
}

/* --- work --- */

static void emit_text_work(iscep_buf *out, const iscep_hosted_work *work, const char *issuer)
{
    iscep_buf_printf(out, "id: %s\nserialNumber: %s\nissuer: %s\nreason: %d\ntimeoutMs: %lld\n", work->id,
                     work->serial, issuer, (int)work->reason, (long long)work->timeout_ms);
}

static void emit_json_work(iscep_buf *out, const iscep_hosted_work *work, const char *issuer)
{
    iscep_buf_printf(out, "{\"id\":\"%s\",\"serialNumber\":\"%s\",\"issuer\":", work->id, work->serial);
    iscep_json_append_quoted(out, issuer);
    iscep_buf_printf(out, ",\"reason\":%d,\"timeoutMs\":%lld}\n", (int)work->reason,
                     (long long)work->timeout_ms);
}

static void reply_work(iscep_exchange *exchange, const iscep_hosted_work *work)
{
    char issuer[MAX_REPLY_LEN / 4]; /* a line is a line: no control characters */
    ISCEP_AUTO_BUF body;
    const bool wants_text = iscep_local_verdict_wants_text(exchange);
    iscep_buf_init(&body, MAX_REPLY_LEN);
    iscep_text_copy(issuer, sizeof issuer, work->issuer);
    (wants_text ? emit_text_work : emit_json_work)(&body, work, issuer);
    iscep_exchange_reply(exchange,
                         &(iscep_reply){.status = 200,
                                        .content_type = wants_text ? "text/plain; charset=utf-8" : NULL,
                                        .body = iscep_buf_bytes(&body)});
}

/* The exchange; the asker is gone afterwards. */
static iscep_exchange *end_asker(asker *ended)
{
    iscep_exchange *exchange = ended->exchange;
    LIST_REMOVE(ended, link);
    free(ended);
    return exchange;
}

static void on_work(void *user, const iscep_hosted_work *work)
{
    iscep_exchange *exchange = end_asker(user);
    iscep_exchange_on_gone(exchange, NULL, NULL);
    if (work != NULL)
        reply_work(exchange, work);
    else
        reply_nothing_to_do(exchange);
}

/* Work must not be given to somebody who has hung up: he waits no longer. */
static void on_gone(iscep_exchange *exchange, void *user)
{
    asker *gone = user;
    iscep_hosted_cancel(gone->wait);
    end_asker(gone);
    reply_nothing_to_do(exchange);
}

static bool read_wait(int64_t *out, iscep_exchange *exchange)
{
    const char *text = iscep_exchange_header(exchange, "X-Scep-Wait-Ms");
    *out = 0;
    if (text == NULL)
        return true;
    const size_t len = strspn(text, "0123456789");
    *out = strtoll(text, NULL, 10);
    if (len > 0 && len <= 5 && text[len] == '\0' && *out <= MAX_WAIT_MS)
        return true;
    reply_bad_request(exchange, "wait", "X-Scep-Wait-Ms must be a number of milliseconds up to 60000");
    return false;
}

static void handle_next(iscep_exchange *exchange, iscep_hosted_api *api)
{
    int64_t wait_ms;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_ca *ca = find_ca(exchange, api);
    if (ca == NULL || !read_wait(&wait_ms, exchange))
        return;
    if (api->is_stopping) {
        reply_nothing_to_do(exchange);
        return;
    }
    asker *asking = calloc(1, sizeof *asking);
    if (asking == NULL) {
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
        return;
    }
    asking->exchange = exchange;
    LIST_INSERT_HEAD(&api->askers, asking, link);
    const bool was_attended = iscep_ca_is_attended(ca);
    iscep_hosted_wait *wait;
    iscep_status status = iscep_hosted_take(&wait, prefer_retired(api, ca),
                                            iscep_now_mono_ms(api->env) + wait_ms, on_work, asking, &err);
    if (status != ISCEP_OK) {
        iscep_exchange_reply_error(end_asker(asking), 503, err.code, err.message);
    } else if (wait != NULL) { /* otherwise he has been answered already */
        asking->wait = wait;
        iscep_exchange_on_gone(exchange, on_gone, asking);
    }
    if (!was_attended && api->on_attended != NULL)
        api->on_attended(api->attended_user);
}

/* --- results --- */

static bool read_outcome(iscep_ca_outcome *out, const char *word)
{
    static const iscep_ca_outcome outcomes[] = {ISCEP_CA_REVOKED, ISCEP_CA_ALREADY_REVOKED,
                                                ISCEP_CA_NOT_FOUND, ISCEP_CA_REFUSED, ISCEP_CA_FAILED};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes && word != NULL; i++) {
        *out = outcomes[i];
        if (strcmp(iscep_ca_outcome_name(outcomes[i]), word) == 0)
            return true;
    }
    return false;
}

/* The id is nobody else's: the CA that knows it is the one. */
static iscep_status settle_at(const iscep_routing *routing, const char *id, const iscep_ca_result *result,
                              iscep_error *err)
{
    iscep_status status = iscep_error_set(err, ISCEP_USAGE, "revocation_unknown",
                                          "nobody waits for the result of this revocation");
    for (size_t i = 0; i < routing->count && status != ISCEP_OK; i++)
        if (is_hosted(routing->cas[i]))
            status = iscep_hosted_settle(routing->cas[i], id, result, err);
    return status;
}

/* Work that was given before a reload, or several, is its own CA's. */
static iscep_status settle(const iscep_hosted_api *api, const char *id, const iscep_ca_result *result,
                           iscep_error *err)
{
    const iscep_routing *before;
    iscep_status status = settle_at(api->routing, id, result, err);
    for (size_t i = 0; status != ISCEP_OK && api->retired != NULL; i++) {
        before = api->retired(api->retired_user, i);
        if (before == NULL)
            break;
        status = settle_at(before, id, result, err);
    }
    return status;
}

static void handle_result(iscep_exchange *exchange, iscep_hosted_api *api)
{
    static const char taken[] = "{\"taken\":true}\n";
    const char *id = iscep_exchange_header(exchange, "X-Scep-Revocation-Id");
    const char *description = iscep_exchange_header(exchange, "X-Scep-Error-Description");
    ISCEP_AUTO_BUF text;
    char message[MAX_MESSAGE_LEN];
    iscep_ca_result result = {.retry_after_ms = -1, .message = message};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&text, MAX_MESSAGE_LEN);
    if (id == NULL ||
        !read_outcome(&result.outcome, iscep_exchange_header(exchange, "X-Scep-Revocation-Outcome"))) {
        reply_bad_request(exchange, "revocation_outcome",
                          "X-Scep-Revocation-Id and X-Scep-Revocation-Outcome (revoked, already_revoked, "
                          "not_found, refused "
                          "or failed) must be given");
        return;
    }
    if (iscep_form_decode(&text, iscep_bytes_of_text(description), NULL) != ISCEP_OK) {
        reply_bad_request(exchange, "description",
                          "X-Scep-Error-Description is too long, or not encoded well");
        return;
    }
    iscep_text_copy(message, sizeof message, iscep_buf_text(&text));
    if (settle(api, id, &result, &err) != ISCEP_OK)
        iscep_exchange_reply_error(exchange, 404, err.code, err.message);
    else
        iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(taken)});
}

static const struct {
    const char *path;
    void (*handle)(iscep_exchange *exchange, iscep_hosted_api *api);
} routes[] = {{"/v1/revocations/next", handle_next}, {"/v1/revocations/result", handle_result}};

/* Who takes work keeps it from the server that revokes; who answers it is believed, and Intune is told. */
static bool is_allowed(iscep_exchange *exchange, const iscep_hosted_api *api)
{
    int64_t uid;
    if (iscep_peer_is_one_of(exchange, api->plugin_uids, api->plugin_uid_count, &uid) ||
        api->plugin_uid_count == 0)
        return true;
    const iscep_log_field fields[] = {ISCEP_LOG_TEXT("path", iscep_exchange_path(exchange)),
                                      ISCEP_LOG_NUM("uid", uid)};
    iscep_log_write(api->env->log, ISCEP_LOG_WARN, "plugin_refused", fields, sizeof fields / sizeof *fields);
    iscep_audit_write(api->env->audit, "plugin_refused", fields, sizeof fields / sizeof *fields);
    iscep_exchange_reply_error(exchange, 403, "not_plugin",
                               "only those of plugin_uids revoke for this connector");
    return false;
}

bool iscep_hosted_api_handle(iscep_exchange *exchange, iscep_hosted_api *api, bool *is_known_path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, iscep_exchange_path(exchange)) != 0)
            continue;
        *is_known_path = true;
        if (strcmp(iscep_exchange_method(exchange), "POST") != 0)
            return false;
        if (is_allowed(exchange, api))
            routes[i].handle(exchange, api);
        return true;
    }
    return false;
}

bool iscep_hosted_api_has(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0)
            return true;
    return false;
}

void iscep_hosted_api_release(iscep_hosted_api *api)
{
    asker *next;
    for (asker *waiting = LIST_FIRST(&api->askers); waiting != NULL; waiting = next) {
        next = LIST_NEXT(waiting, link);
        iscep_exchange_on_gone(waiting->exchange, NULL, NULL);
        iscep_hosted_cancel(waiting->wait);
        reply_nothing_to_do(end_asker(waiting));
    }
}

void iscep_hosted_api_stop(iscep_hosted_api *api)
{
    api->is_stopping = true;
    iscep_hosted_api_release(api);
}
