/* The status document: what stands where, of what it is made, and what is said when something is not known. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "daemon/status_api.h"
#include "tests/support/fake_env.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

#define EXPIRY_UNIX 1796000000 /* 2026-11-30T00:53:20Z */

static fake_env fake;
static iscep_env env; /* of what runs: the system's clock */
static loop_thread on;
static temp_dir dir;
static char socket_path[128], journal_path[128];
static iscep_journal *journal;
static iscep_recent *recent;
static iscep_metrics *metrics;
static iscep_config config;
static iscep_config_tenant tenant;
static iscep_credential_options credential;
static iscep_listener_options listener;
static iscep_status_tenant described;
static iscep_status_listener heard;
static iscep_reload_outcome outcome;
static iscep_status_sources sources;

static void set_up(void)
{
    iscep_journal_options options = ISCEP_JOURNAL_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    fake_env_init(&fake);
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    temp_dir_path(&dir, journal_path, sizeof journal_path, "journal.db");
    options.path = journal_path;
    loop_thread_make(&on);
    cr_assert_eq(iscep_journal_open(&journal, &env, on.loop, &options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_recent_new(&recent, &fake.env, NULL), ISCEP_OK);
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    credential = (iscep_credential_options)ISCEP_CREDENTIAL_OPTIONS_INIT;
    credential.kind = ISCEP_CREDENTIAL_CERTIFICATE;
    credential.name = "main";
    tenant = (iscep_config_tenant){.name = "contoso", .cloud = iscep_cloud_find("public")};
    tenant.tenant = (iscep_tenant)ISCEP_TENANT_INIT;
    tenant.tenant.tenant_id = "11111111-2222-3333-4444-555555555555";
    tenant.tenant.credentials[0] = &credential;
    tenant.tenant.credential_count = 1;
    listener = (iscep_listener_options){.name = "door", .certificate_file = "door.pem"};
    config = (iscep_config){.workers = 2, .journal = {.path = journal_path}, .digest = "00ff"};
    described = (iscep_status_tenant){.config = &tenant};
    heard = (iscep_status_listener){
        .options = &listener, .address = "tcp:0.0.0.0:8443", .expires_unix = EXPIRY_UNIX};
    outcome = (iscep_reload_outcome){0};
    sources = (iscep_status_sources){.env = &fake.env,
                                     .config_path = "/etc/c.conf",
                                     .config = &config,
                                     .started_unix_ms = FAKE_ENV_UNIX_MS - 5000,
                                     .loaded_unix_ms = FAKE_ENV_UNIX_MS - 4000,
                                     .reload = &outcome,
                                     .tenants = &described,
                                     .tenant_count = 1,
                                     .listeners = &heard,
                                     .listener_count = 1,
                                     .journal = journal,
                                     .recent = recent,
                                     .metrics = &metrics,
                                     .metrics_count = 1};
}

static iscep_buf shown; /* what at() returned last */

static void tear_down(void)
{
    iscep_buf_clear(&shown);
    iscep_journal_close(journal);
    iscep_recent_free(recent);
    iscep_metrics_free(metrics);
    iscep_loop_free(on.loop);
    temp_dir_remove(&dir);
    fake_env_clear(&fake);
}

TestSuite(status_api, .init = set_up, .fini = tear_down);

/* The value at a path of members, "tenants/0/intune/reachable", as JSON. */
static const char *at(const iscep_json *json, const char *path)
{
    char name[64];
    while (json != NULL && *path != '\0') {
        size_t len = strcspn(path, "/");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        if (iscep_json_is_array(json)) {
            json = iscep_json_first(json);
            for (long i = strtol(name, NULL, 10); i > 0; i--)
                json = iscep_json_next(json);
        } else {
            json = iscep_json_member(json, name);
        }
        path += len + (path[len] == '/');
    }
    iscep_buf_clear(&shown);
    iscep_buf_init(&shown, 64 * 1024);
    if (json == NULL)
        return "absent";
    cr_assert_eq(iscep_json_emit(&shown, json, NULL), ISCEP_OK);
    return iscep_buf_text(&shown);
}

static void assert_at(const iscep_json *json, const char *path, const char *want)
{
    const char *got = at(json, path);
    cr_assert_str_eq(got, want, "%s: %s, not %s", path, got, want);
}

static const iscep_status_totals totals = {.tenant = "contoso",
                                           .is_known = true,
                                           .owed = 3,
                                           .dead = 1,
                                           .oldest_owed_unix_ms = FAKE_ENV_UNIX_MS - 1000,
                                           .journal_bytes = 4096};

Test(status_api, says_what_the_connector_is)
{
    ISCEP_AUTO_JSON *document = iscep_status_document(&sources, &totals, 1);
    assert_at(document, "version", "\"" ISCEP_VERSION "\"");
    assert_at(document, "now", "\"2026-11-18T11:06:40.000Z\"");
    assert_at(document, "startedAt", "\"2026-11-18T11:06:35.000Z\"");
    assert_at(document, "workers", "2");
    assert_at(document, "configuration",
              "{\"path\":\"/etc/"
              "c.conf\",\"digest\":\"00ff\",\"loadedAt\":\"2026-11-18T11:06:36.000Z\",\"lastReload\":null}");
    assert_at(document, "journal/isHealthy", "true");
    assert_at(document, "journal/reason", "null");
    assert_at(document, "journal/sizeBytes", "4096");
}

Test(status_api, says_what_became_of_the_sandbox)
{
    iscep_sandbox_outcome outcome_of_start = {.is_wanted = true, .landlock = 7, .is_filtered = true};
    ISCEP_AUTO_JSON *embedded = iscep_status_document(&sources, NULL, 0);
    assert_at(embedded, "sandbox", "null");
    sources.sandbox = &outcome_of_start;
    ISCEP_AUTO_JSON *whole = iscep_status_document(&sources, NULL, 0);
    assert_at(whole, "sandbox", "{\"isWanted\":true,\"landlock\":7,\"seccomp\":true,\"reason\":null}");
    outcome_of_start = (iscep_sandbox_outcome){.reason = "left out: sandbox = off"};
    ISCEP_AUTO_JSON *off = iscep_status_document(&sources, NULL, 0);
    assert_at(off, "sandbox",
              "{\"isWanted\":false,\"landlock\":0,\"seccomp\":false,\"reason\":\"left out: sandbox = off\"}");
}

Test(status_api, says_how_the_last_reload_ended)
{
    outcome = (iscep_reload_outcome){.at_unix_ms = FAKE_ENV_UNIX_MS, .message = "line 3"};
    ISCEP_AUTO_JSON *refused = iscep_status_document(&sources, NULL, 0);
    assert_at(refused, "configuration/lastReload",
              "{\"at\":\"2026-11-18T11:06:40.000Z\",\"result\":\"refused\",\"message\":\"line 3\"}");
    assert_at(refused, "problems/0/code", "\"reload_refused\"");
    outcome.is_taken = true;
    ISCEP_AUTO_JSON *taken = iscep_status_document(&sources, NULL, 0);
    assert_at(taken, "configuration/lastReload/result", "\"taken\"");
    assert_at(taken, "problems",
              "[{\"severity\":\"notice\",\"code\":\"listener_expiry\",\"tenant\":null,\"message\":"
              "\"the TLS certificate of the listener door expires in 11 days\",\"advice\":\"replace "
              "certificate and key in their files, then: intune-scepctl reload (systemctl restart "
              "intune-scepd where the configuration says credential:)\"}]");
}

Test(status_api, listeners_come_with_their_connections_of_all_workers)
{
    iscep_metrics *other, *both[2] = {metrics};
    cr_assert_eq(iscep_metrics_new(&other, NULL), ISCEP_OK);
    both[1] = other;
    sources.metrics = both;
    sources.metrics_count = 2;
    ISCEP_METRIC_ADD(metrics, ISCEP_METRIC_CONNECTIONS, 2, "door");
    ISCEP_METRIC_ADD(other, ISCEP_METRIC_CONNECTIONS, 5, "door");
    ISCEP_AUTO_JSON *document = iscep_status_document(&sources, NULL, 0);
    assert_at(document, "listeners",
              "[{\"name\":\"door\",\"address\":\"tcp:0.0.0.0:8443\",\"tls\":true,\"servesScep\":false,"
              "\"expiresAt\":\"2026-11-30T00:53:20.000Z\",\"connections\":7}]");
    iscep_metrics_free(other);
}

Test(status_api, a_tenant_of_which_nothing_is_known_is_not_said_to_be_well_or_ill)
{
    ISCEP_AUTO_JSON *document = iscep_status_document(&sources, NULL, 0);
    assert_at(document, "ready", "false");
    assert_at(document, "state", "\"working\"");
    assert_at(document, "tenants/0/intune",
              "{\"lastAnswerAt\":null,\"lastFailureAt\":null,\"p50Ms\":null,\"p99Ms\":null,\"ready\":false,"
              "\"reachable\":null,\"code\":null,\"message\":null,\"tokenExpiresAt\":null,\"circuits\":[]}");
    assert_at(document, "tenants/0/owed", "null");
    assert_at(document, "tenants/0/revocations", "null");
    assert_at(document, "tenants/0/credentials",
              "[{\"name\":\"main\",\"kind\":\"certificate\",\"expiresAt\":null}]");
    assert_at(document, "journal/sizeBytes", "null");
}

Test(status_api, a_tenant_shows_its_gauges_and_what_it_owes)
{
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_TOKEN_EXPIRY, EXPIRY_UNIX, "contoso", "intune");
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_CREDENTIAL_EXPIRY, EXPIRY_UNIX, "contoso", "main");
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_BREAKER_OPEN, 2, "contoso", "validate");
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_BREAKER_OPEN, 2, "fabrikam", "notify");
    ISCEP_AUTO_JSON *document = iscep_status_document(&sources, &totals, 1);
    assert_at(document, "tenants/0/tenantId", "\"11111111-2222-3333-4444-555555555555\"");
    assert_at(document, "tenants/0/cloud", "\"public\"");
    assert_at(document, "tenants/0/intune/tokenExpiresAt", "\"2026-11-30T00:53:20.000Z\"");
    assert_at(document, "tenants/0/intune/circuits", "[{\"endpoint\":\"validate\",\"state\":\"open\"}]");
    assert_at(document, "tenants/0/credentials/0/expiresAt", "\"2026-11-30T00:53:20.000Z\"");
    assert_at(document, "tenants/0/owed",
              "{\"owed\":3,\"dead\":1,\"oldestOwedAt\":\"2026-11-18T11:06:39.000Z\"}");
    assert_at(document, "tenants/0/state", "\"degraded\"");
    assert_at(document, "state", "\"degraded\"");
}

static void take(iscep_decision decision, const char *code, const char *request_id)
{
    iscep_verdict verdict = {.decision = decision};
    iscep_text_copy(verdict.code, sizeof verdict.code, code);
    iscep_text_copy(verdict.request_id, sizeof verdict.request_id, request_id);
    iscep_text_copy(verdict.message, sizeof verdict.message, "so it was");
    iscep_recent_take(recent, &(iscep_answer){.tenant = "contoso",
                                              .operation = "validate",
                                              .verdict = &verdict,
                                              .transaction_id = "T1",
                                              .subject = "CN=<script>",
                                              .seconds = 0.1});
}

Test(status_api, who_was_not_answered_lately_tells_that_intune_is_not_reachable)
{
    take(ISCEP_ALLOW, "Success", "id");
    fake_env_advance(&fake, 1000);
    take(ISCEP_RETRY, "timeout", "id");
    ISCEP_AUTO_JSON *failed = iscep_status_document(&sources, NULL, 0);
    assert_at(failed, "tenants/0/intune/reachable", "false");
    assert_at(failed, "tenants/0/intune/code", "\"timeout\"");
    assert_at(failed, "state", "\"failing\"");
    assert_at(failed, "tenants/0/refusals/0/subject", "\"CN=<script>\"");
    fake_env_advance(&fake, 1000);
    take(ISCEP_DENY, "ChallengeExpired", "id");
    ISCEP_AUTO_JSON *answered = iscep_status_document(&sources, NULL, 0);
    assert_at(answered, "tenants/0/intune/reachable", "null");
    assert_at(answered, "state", "\"working\"");
}

Test(status_api, an_old_failure_tells_nothing)
{
    take(ISCEP_RETRY, "timeout", "id");
    fake_env_advance(&fake, 10 * 60 * 1000);
    ISCEP_AUTO_JSON *young = iscep_status_document(&sources, NULL, 0);
    assert_at(young, "tenants/0/intune/reachable", "false");
    fake_env_advance(&fake, 1);
    ISCEP_AUTO_JSON *old = iscep_status_document(&sources, NULL, 0);
    assert_at(old, "tenants/0/intune/reachable", "null");
    assert_at(old, "tenants/0/intune/lastFailure/code", "\"timeout\"");
}

/* --- by HTTP --- */

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    iscep_status_api_handle(exchange, &sources);
}

static void ask(int want_status, peer_reply *reply)
{
    iscep_http_server *server;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, handle, NULL, NULL), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0600, NULL), ISCEP_OK);
    loop_thread_start(&on);
    peer_ask(peer_connect_unix(socket_path), "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", want_status,
             reply);
    loop_thread_stop(&on);
    iscep_http_server_free(server);
}

Test(status_api, is_answered_when_the_journal_has_been_asked)
{
    peer_reply reply;
    ISCEP_AUTO_JSON *document = NULL;
    ask(200, &reply);
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "application/json");
    cr_assert_str_eq(peer_reply_header(&reply, "Cache-Control"), "no-store");
    cr_assert_str_eq(peer_reply_header(&reply, "Cross-Origin-Resource-Policy"), "same-origin");
    cr_assert_eq(iscep_json_parse(&document, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    assert_at(document, "tenants/0/owed", "{\"owed\":0,\"dead\":0,\"oldestOwedAt\":null}");
    cr_assert_str_neq(at(document, "journal/sizeBytes"), "null");
    cr_assert_str_neq(at(document, "process/rssBytes"), "null");
    peer_reply_clear(&reply);
}

Test(status_api, without_tenants_it_is_shutting_down)
{
    peer_reply reply;
    sources.tenant_count = 0;
    ask(503, &reply);
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"shutting_down\""));
    peer_reply_clear(&reply);
}
