/* See admin_api.h. */
#include "daemon/admin_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/audit.h"
#include "base/json.h"
#include "daemon/admin_request.h"
#include "daemon/peer.h"

enum { MAX_REPLY_LEN = 16 * 1024 * 1024, MAX_SUBJECT_LEN = 1024 };

/* One request that waits for the journal. */
typedef struct errand {
    iscep_exchange *exchange;
    const iscep_admin_api *api;
    const char *action; /* of what changes something: its name in the audit trail */
    int64_t uid;
    int64_t asked_count;                        /* ids; -1: all */
    char tenant[ISCEP_ADMIN_TENANT_SIZE];       /* empty: everybody's */
    void (*after)(const struct errand *errand); /* NULL: nothing more is to be done */
} errand;

/* --- replies --- */

static void reply_fault(iscep_exchange *exchange, const iscep_error *err)
{
    int32_t http_status = err->status == ISCEP_USAGE ? 400 : 503;
    iscep_exchange_reply_error(exchange, err->http_status != 0 ? err->http_status : http_status, err->code,
                               err->message);
}

static void reply_text(iscep_exchange *exchange, iscep_buf *body)
{
    iscep_buf_append_text(body, "\n");
    if (body->is_overflown)
        iscep_exchange_reply_error(exchange, 503, "nomem",
                                   "the answer does not fit into memory: ask for less");
    else
        iscep_exchange_reply(exchange, &(iscep_reply){.status = 200, .body = iscep_buf_bytes(body)});
}

static void reply_json(iscep_exchange *exchange, const iscep_json *json)
{
    ISCEP_AUTO_BUF body;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    if (iscep_json_emit(&body, json, &err) == ISCEP_OK)
        reply_text(exchange, &body);
    else
        reply_fault(exchange, &err);
}

/* NULL: it has been answered. */
static errand *new_errand(iscep_exchange *exchange, const iscep_admin_api *api)
{
    iscep_error err = ISCEP_ERROR_INIT;
    errand *made = malloc(sizeof *made);
    if (made == NULL) {
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
        return NULL;
    }
    *made = (errand){.exchange = exchange, .api = api, .uid = -1};
    if (iscep_admin_read_tenant(made->tenant, exchange, api, &err) == ISCEP_OK)
        return made;
    reply_fault(exchange, &err);
    free(made);
    return NULL;
}

static const char *tenant_of(const errand *asked)
{
    return asked->tenant[0] != '\0' ? asked->tenant : NULL;
}

static void on_document(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    errand *asked = user;
    if (status == ISCEP_OK)
        reply_json(asked->exchange, json);
    else
        reply_fault(asked->exchange, err);
    free(asked);
}

/* --- looking --- */

static void handle_trace(iscep_exchange *exchange, const iscep_admin_api *api)
{
    ISCEP_AUTO_BUF what;
    iscep_trace_by by = ISCEP_TRACE_TRANSACTION;
    size_t limit;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&what, MAX_SUBJECT_LEN);
    iscep_status status = iscep_admin_read_limit(&limit, exchange, &err);
    if (status == ISCEP_OK)
        status = iscep_admin_read_subject(&by, &what, exchange, &err);
    if (status != ISCEP_OK) {
        reply_fault(exchange, &err);
        return;
    }
    errand *asked = new_errand(exchange, api);
    if (asked != NULL)
        iscep_journal_trace(api->journal, tenant_of(asked), by, iscep_buf_text(&what), limit, on_document,
                            asked);
}

static void handle_outbox(iscep_exchange *exchange, const iscep_admin_api *api)
{
    bool is_all;
    size_t limit;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_admin_read_state(&is_all, exchange, "dead", &err);
    if (status == ISCEP_OK)
        status = iscep_admin_read_limit(&limit, exchange, &err);
    if (status != ISCEP_OK) {
        reply_fault(exchange, &err);
        return;
    }
    errand *asked = new_errand(exchange, api);
    if (asked != NULL)
        iscep_journal_list_deliveries(api->journal, tenant_of(asked), 0, !is_all, limit, on_document, asked);
}

static void on_item(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    errand *asked = user;
    if (status == ISCEP_OK && iscep_json_first(iscep_json_member(json, "deliveries")) == NULL) {
        iscep_exchange_reply_error(asked->exchange, 404, "delivery_unknown",
                                   "nothing is owed under this id: it was delivered, or never was");
        free(asked);
        return;
    }
    on_document(user, status, json, err);
}

static void handle_outbox_item(iscep_exchange *exchange, const iscep_admin_api *api)
{
    int64_t id;
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_admin_read_id(&id, exchange, &err) != ISCEP_OK) {
        reply_fault(exchange, &err);
        return;
    }
    errand *asked = new_errand(exchange, api);
    if (asked != NULL)
        iscep_journal_list_deliveries(api->journal, tenant_of(asked), id, false, 1, on_item, asked);
}

static void handle_revocations(iscep_exchange *exchange, const iscep_admin_api *api)
{
    bool is_all;
    size_t limit;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_admin_read_state(&is_all, exchange, "open", &err);
    if (status == ISCEP_OK)
        status = iscep_admin_read_limit(&limit, exchange, &err);
    if (status != ISCEP_OK) {
        reply_fault(exchange, &err);
        return;
    }
    errand *asked = new_errand(exchange, api);
    if (asked != NULL)
        iscep_journal_list_revocations(api->journal, tenant_of(asked), !is_all, limit, on_document, asked);
}

static void on_nodes(void *user, iscep_json *document)
{
    iscep_exchange *exchange = user;
    if (document != NULL)
        reply_json(exchange, document);
    else
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
    iscep_json_free(document);
}

static void handle_nodes(iscep_exchange *exchange, const iscep_admin_api *api)
{
    if (api->heartbeat != NULL)
        iscep_heartbeat_ask(api->heartbeat, on_nodes, exchange);
    else
        iscep_exchange_reply_error(exchange, 503, "shutting_down", "the connector is shutting down");
}

static void add_audit_head(iscep_json *root, iscep_audit *audit)
{
    char hash[ISCEP_AUDIT_HASH_SIZE];
    if (audit == NULL)
        return;
    iscep_json *head = iscep_json_add_object(root, "audit");
    iscep_json_add_int(head, "seq", (int64_t)iscep_audit_head(audit, hash));
    iscep_json_add_text(head, "hash", hash);
}

/* [{"tenant":NAME, …}] */
static void add_revokers(iscep_json *root, const iscep_admin_api *api, const char *tenant)
{
    iscep_json *all = NULL;
    for (size_t i = 0; i < api->tenant_count; i++) {
        if (tenant != NULL && strcmp(api->tenants[i].name, tenant) != 0)
            continue;
        if (all == NULL)
            all = iscep_json_add_array(root, "revokers");
        iscep_json *one = iscep_json_append_object(all);
        iscep_json_add_text(one, "tenant", api->tenants[i].name);
        iscep_revoker_describe(api->tenants[i].revoker, one);
    }
}

/* {"journal":STATISTICS,"revokers":[…],"audit":{…}}; the last two only if there are such. */
static void on_stats(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    errand *asked = user;
    ISCEP_AUTO_BUF body;
    ISCEP_AUTO_JSON *rest = iscep_json_new_object();
    iscep_error fault = err != NULL ? *err : (iscep_error)ISCEP_ERROR_INIT;
    iscep_buf_init(&body, MAX_REPLY_LEN);
    add_revokers(rest, asked->api, tenant_of(asked));
    add_audit_head(rest, asked->api->env->audit);
    iscep_buf_append_text(&body, "{\"journal\":");
    if (status == ISCEP_OK)
        status = iscep_json_emit(&body, json, &fault);
    const bool is_alone = iscep_json_first(rest) == NULL;
    const size_t rest_at = body.len;
    if (status == ISCEP_OK)
        status = iscep_json_emit(&body, rest, &fault); /* behind the statistics: its brace becomes a comma */
    if (status == ISCEP_OK) {
        if (is_alone)
            body.len = rest_at + 1;
        body.data[rest_at] = is_alone ? '}' : ',';
        reply_text(asked->exchange, &body);
    } else {
        reply_fault(asked->exchange, &fault);
    }
    free(asked);
}

static void handle_journal(iscep_exchange *exchange, const iscep_admin_api *api)
{
    errand *asked = new_errand(exchange, api);
    if (asked != NULL)
        iscep_journal_stats(api->journal, on_stats, asked);
}

/* --- changing --- */

static void audit_action(const errand *done, int64_t count, const char *code)
{
    iscep_audit_event(done->api->env->audit, "admin_action", ISCEP_LOG_TEXT("action", done->action),
                      ISCEP_LOG_NUM("uid", done->uid), ISCEP_LOG_NUM("asked", done->asked_count),
                      ISCEP_LOG_NUM("count", count), ISCEP_LOG_TEXT("code", code),
                      ISCEP_LOG_TEXT("tenant", done->tenant));
}

static void on_count(void *user, iscep_status status, int64_t count, const iscep_error *err)
{
    errand *done = user;
    audit_action(done, status == ISCEP_OK ? count : 0, status == ISCEP_OK ? "" : err->code);
    if (status == ISCEP_OK) {
        ISCEP_AUTO_JSON *json = iscep_json_new_object();
        iscep_json_add_int(json, "count", count);
        reply_json(done->exchange, json);
        if (done->after != NULL)
            done->after(done);
    } else {
        reply_fault(done->exchange, err);
    }
    free(done);
}

bool iscep_admin_api_admit(iscep_exchange *exchange, const iscep_admin_api *api, const char *action,
                           int64_t *uid)
{
    if (iscep_peer_is_one_of(exchange, api->admin_uids, api->admin_uid_count, uid))
        return true;
    iscep_log_event(api->env->log, ISCEP_LOG_WARN, "admin_refused", ISCEP_LOG_TEXT("action", action),
                    ISCEP_LOG_NUM("uid", *uid));
    iscep_audit_event(api->env->audit, "admin_refused", ISCEP_LOG_TEXT("action", action),
                      ISCEP_LOG_NUM("uid", *uid));
    iscep_exchange_reply_error(
        exchange, 403, "not_admin",
        "only root, the connector's own user and those of admin_uids may change something");
    return false;
}

/* NULL: it has been answered. */
static errand *new_action(iscep_exchange *exchange, const iscep_admin_api *api, const char *action)
{
    int64_t uid;
    if (!iscep_admin_api_admit(exchange, api, action, &uid))
        return NULL;
    errand *made = new_errand(exchange, api);
    if (made != NULL) {
        made->action = action;
        made->uid = uid;
        made->asked_count = -1;
    }
    return made;
}

typedef void change_deliveries_fn(iscep_journal *journal, const char *tenant, const int64_t *ids,
                                  size_t id_count, iscep_journal_count_fn done, void *user);

static void change_deliveries(errand *action, change_deliveries_fn *change)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_admin_ids *ids = malloc(sizeof *ids);
    iscep_status status =
        ids == NULL ? iscep_error_nomem(&err) : iscep_admin_read_ids(ids, action->exchange, &err);
    if (status == ISCEP_OK) {
        action->asked_count = ids->is_all ? -1 : (int64_t)ids->count;
        change(action->api->journal, tenant_of(action), ids->is_all ? NULL : ids->ids, ids->count, on_count,
               action);
    } else {
        reply_fault(action->exchange, &err);
        free(action);
    }
    free(ids);
}

static void wake_service(const errand *done)
{
    for (size_t i = 0; i < done->api->tenant_count; i++)
        iscep_service_wake(done->api->tenants[i].service);
}

static void handle_retry(iscep_exchange *exchange, const iscep_admin_api *api)
{
    errand *action = new_action(exchange, api, "outbox_retry");
    if (action == NULL)
        return;
    action->after = wake_service;
    change_deliveries(action, iscep_journal_retry_deliveries);
}

static void handle_purge(iscep_exchange *exchange, const iscep_admin_api *api)
{
    errand *action = new_action(exchange, api, "outbox_purge");
    if (action != NULL)
        change_deliveries(action, iscep_journal_purge_deliveries);
}

/* The tenant that is named, else the only one. NULL: it has been answered. */
static const iscep_admin_tenant *find_tenant(iscep_exchange *exchange, const iscep_admin_api *api)
{
    char name[ISCEP_ADMIN_TENANT_SIZE];
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_admin_read_tenant(name, exchange, api, &err) != ISCEP_OK) {
        reply_fault(exchange, &err);
        return NULL;
    }
    for (size_t i = 0; i < api->tenant_count; i++)
        if (name[0] == '\0' ? api->tenant_count == 1 : strcmp(api->tenants[i].name, name) == 0)
            return &api->tenants[i];
    if (name[0] == '\0')
        iscep_exchange_reply_error(
            exchange, 400, "tenant_missing",
            "there are several tenants: name one (--tenant, or the header X-Scep-Tenant)");
    else
        iscep_exchange_reply_error(exchange, 404, "tenant_unknown", "there is no [tenant/NAME] of this name");
    return NULL;
}

/* As new_action, with the tenant's revoker. */
static errand *new_revoker_action(iscep_exchange *exchange, const iscep_admin_api *api, const char *action,
                                  iscep_revoker **revoker)
{
    const iscep_admin_tenant *tenant = find_tenant(exchange, api);
    if (tenant == NULL)
        return NULL;
    *revoker = tenant->revoker;
    return new_action(exchange, api, action);
}

static void handle_approve(iscep_exchange *exchange, const iscep_admin_api *api)
{
    iscep_revoker *revoker;
    errand *action = new_revoker_action(exchange, api, "revocations_approve", &revoker);
    if (action != NULL)
        iscep_revoker_approve(revoker, on_count, action);
}

static void refuse_to_ask(const errand *action)
{
    audit_action(action, 0, "not_polling");
    iscep_exchange_reply_error(
        action->exchange, 409, "not_polling",
        "nobody asks: this connector has no [ca/NAME] that could revoke, or poll = no in [revocation]");
}

/* leader: who asks Intune; empty: nobody, as far as is known. */
static void refuse_to_follow(const errand *action, const char *leader)
{
    char message[256];
    audit_action(action, 0, "not_leader");
    if (leader[0] != '\0')
        snprintf(
            message, sizeof message,
            "of the nodes that share the database %s asks Intune for this tenant's revocations: run it there",
            leader);
    else
        snprintf(message, sizeof message,
                 "no node asks Intune for this tenant's revocations: intune-scepctl nodes says why");
    iscep_exchange_reply_error(action->exchange, 409, "not_leader", message);
}

static void ask_now(const errand *action, iscep_revoker *revoker)
{
    static const char started[] = "{\"started\":true}\n";
    const char *leader = iscep_revoker_poll_now(revoker);
    if (leader != NULL) {
        refuse_to_follow(action, leader);
        return;
    }
    audit_action(action, 0, "");
    iscep_exchange_reply(action->exchange,
                         &(iscep_reply){.status = 200, .body = iscep_bytes_of_text(started)});
}

static void handle_run(iscep_exchange *exchange, const iscep_admin_api *api)
{
    iscep_revoker *revoker;
    errand *action = new_revoker_action(exchange, api, "revocations_run", &revoker);
    if (action == NULL)
        return;
    if (iscep_revoker_is_polling(revoker))
        ask_now(action, revoker);
    else
        refuse_to_ask(action);
    free(action);
}

static const struct {
    const char *method;
    const char *path;
    void (*handle)(iscep_exchange *exchange, const iscep_admin_api *api);
} routes[] = {
    {"GET", "/v1/trace", handle_trace},
    {"GET", "/v1/outbox", handle_outbox},
    {"GET", "/v1/outbox/item", handle_outbox_item},
    {"POST", "/v1/outbox/retry", handle_retry},
    {"POST", "/v1/outbox/purge", handle_purge},
    {"GET", "/v1/revocations", handle_revocations},
    {"POST", "/v1/revocations/approve", handle_approve},
    {"POST", "/v1/revocations/run", handle_run},
    {"GET", "/v1/journal", handle_journal},
    {"GET", "/v1/nodes", handle_nodes},
};

bool iscep_admin_api_has(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0)
            return true;
    return false;
}

bool iscep_admin_api_handle(iscep_exchange *exchange, const iscep_admin_api *api, bool *is_known_path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strcmp(routes[i].path, iscep_exchange_path(exchange)) != 0)
            continue;
        *is_known_path = true;
        if (strcmp(routes[i].method, iscep_exchange_method(exchange)) != 0)
            continue;
        routes[i].handle(exchange, api);
        return true;
    }
    return false;
}
