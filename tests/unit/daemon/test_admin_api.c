/* The operator's API: what is asked of the journal, who may change something, and what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/audit.h"
#include "daemon/admin_api.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/daemon/fake_journal.h"

enum { NOBODY = 65534 };

static iscep_env env;
static loop_thread on;
static iscep_http_server *server;
static iscep_admin_api api;
static iscep_admin_tenant tenants[2];
static temp_dir dir;
static char socket_path[128], audit_path[128];
static uint32_t admins[1];
static int revoker_stand_in, service_stand_in; /* only their addresses are passed on */

static void handle(iscep_exchange *exchange, void *user)
{
    bool is_known = false;
    (void)user;
    if (!iscep_admin_api_handle(exchange, &api, &is_known))
        iscep_exchange_reply_error(exchange, is_known ? 405 : 404, "no", "no");
}

static void set_up(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    fake_journal_reset();
    env = iscep_env_system(NULL);
    temp_dir_make(&dir);
    cr_assert_eq(chmod(dir.path, 0755), 0);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    temp_dir_path(&dir, audit_path, sizeof audit_path, "audit");
    cr_assert_eq(iscep_audit_open(&env.audit, &env, audit_path, &err), ISCEP_OK);
    tenants[0] = (iscep_admin_tenant){.name = "contoso",
                                      .service = (iscep_service *)(void *)&service_stand_in,
                                      .revoker = (iscep_revoker *)(void *)&revoker_stand_in};
    api = (iscep_admin_api){.env = &env, .tenants = tenants, .tenant_count = 1};
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, handle, NULL, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0666, &err), ISCEP_OK);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    iscep_audit_close(env.audit);
    temp_dir_remove(&dir);
}

TestSuite(admin_api, .init = set_up, .fini = tear_down);

/* text: the body, as what it must be. */
static void assert_reply(int fd, const char *request, int status, const char *text)
{
    peer_reply reply;
    peer_ask(fd, request, status, &reply);
    if (text != NULL)
        cr_assert_str_eq(iscep_buf_text(&reply.body), text);
    peer_reply_clear(&reply);
}

static void get(const char *target, int status, const char *text)
{
    char request[2048];
    int fd = peer_connect_unix(socket_path);
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
    assert_reply(fd, request, status, text);
    close(fd);
}

static void post_at(int fd, const char *target, const char *body, int status, const char *text)
{
    char request[2048];
    snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", target,
             strlen(body), body);
    assert_reply(fd, request, status, text);
}

static void post(const char *target, const char *body, int status, const char *text)
{
    int fd = peer_connect_unix(socket_path);
    post_at(fd, target, body, status, text);
    close(fd);
}

static void assert_asked(const char *text)
{
    cr_assert_str_eq(journal_asked.asked, text);
    journal_asked.asked[0] = '\0';
}

/* The newest line of the trail holds these words. */
static void assert_audited(const char *words)
{
    char text[8192];
    FILE *file = fopen(audit_path, "rb");
    cr_assert_not_null(file);
    const size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    cr_assert_not_null(strstr(text, words), "%s", text);
}

/* --- looking --- */

Test(admin_api, trace_asks_for_one_of_three)
{
    journal_asked.document = "{\"enrolments\":[]}";
    get("/v1/trace?transactionId=1F2E3D", 200, "{\"enrolments\":[]}\n");
    assert_asked("trace 1 1F2E3D limit 100");
    get("/v1/trace?serialNumber=0a%3a1&limit=7", 400, NULL);
    assert_asked("");
    get("/v1/trace?serialNumber=00:0a:1b&limit=7", 200, NULL);
    assert_asked("trace 2 0A1B limit 7");
    get("/v1/trace?subject=CN%3dkim+%25", 200, NULL);
    assert_asked("trace 3 CN=kim % limit 100");
}

Test(admin_api, a_trace_that_is_not_clear_is_refused)
{
    static const char *const targets[] = {
        "/v1/trace",
        "/v1/trace?transactionId=",
        "/v1/trace?transactionId=a&subject=b",
        "/v1/trace?transactionId=a&transactionId=b",
        "/v1/trace?serialNumber=xyz",
        "/v1/trace?serialNumber=-1",
        "/v1/trace?subject=a%00b",
        "/v1/trace?subject=%zz",
        "/v1/trace?subject=a&limit=0",
        "/v1/trace?subject=a&limit=1001",
        "/v1/trace?subject=a&limit=-1",
        "/v1/trace?subject=a&limit=99999999999999999999",
        "/v1/trace?subject=a&limit=1&limit=2",
        "/v1/outbox?state=open",
        "/v1/revocations?state=dead",
        "/v1/outbox/item",
        "/v1/outbox/item?id=0",
        "/v1/outbox/item?id=x",
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        get(targets[i], 400, NULL);
        assert_asked("");
    }
}

Test(admin_api, lists_begin_with_what_needs_a_person)
{
    get("/v1/outbox", 200, "{}\n");
    assert_asked("deliveries 0 dead limit 100");
    get("/v1/outbox?state=all&limit=1000", 200, NULL);
    assert_asked("deliveries 0 all limit 1000");
    get("/v1/revocations", 200, NULL);
    assert_asked("revocations open limit 100");
    get("/v1/revocations?state=all", 200, NULL);
    assert_asked("revocations all limit 100");
}

Test(admin_api, an_item_that_is_not_there_is_not_found)
{
    journal_asked.document = "{\"deliveries\":[]}";
    get("/v1/outbox/item?id=7", 404, NULL);
    assert_asked("deliveries 7 all limit 1");
    journal_asked.document = "{\"deliveries\":[{\"id\":7}]}";
    get("/v1/outbox/item?id=7", 200, "{\"deliveries\":[{\"id\":7}]}\n");
}

Test(admin_api, the_journal_is_described_with_revoker_and_audit_head)
{
    journal_asked.document = "{\"owed\":3}";
    get("/v1/journal", 200,
        "{\"journal\":{\"owed\":3},\"revokers\":[{\"tenant\":\"contoso\",\"isHeld\":false}],\"audit\":{"
        "\"seq\":0,\"hash\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}}\n");
    iscep_audit *trail = env.audit;
    env.audit = NULL;
    api.tenant_count = 0;
    get("/v1/journal", 200, "{\"journal\":{\"owed\":3}}\n");
    env.audit = trail;
}

Test(admin_api, a_journal_that_cannot_be_read_is_said)
{
    iscep_error_set(&journal_asked.fault, ISCEP_STORAGE, "journal_io", "it is gone");
    static const char said[] = "{\"error\":{\"code\":\"journal_io\",\"message\":\"it is gone\"}}";
    static const char *const targets[] = {"/v1/trace?subject=a", "/v1/outbox", "/v1/outbox/item?id=1",
                                          "/v1/revocations", "/v1/journal"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        peer_reply reply;
        char request[256];
        int fd = peer_connect_unix(socket_path);
        snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", targets[i]);
        peer_ask(fd, request, 503, &reply);
        cr_assert_eq(strncmp(iscep_buf_text(&reply.body), said, sizeof said - 1), 0, "%s",
                     iscep_buf_text(&reply.body));
        peer_reply_clear(&reply);
        close(fd);
    }
    post("/v1/outbox/retry", "{\"all\":true}", 503, NULL);
    cr_assert_eq(journal_asked.woken, 0);
    assert_audited("\"action\":\"outbox_retry\"");
    assert_audited("\"count\":0,\"code\":\"journal_io\"");
}

Test(admin_api, a_path_knows_its_method)
{
    get("/v1/outbox/retry", 405, NULL);
    post("/v1/trace", "{}", 405, NULL);
    get("/v1/outbox/", 404, NULL);
}

/* --- changing --- */

/* As the process ends: the journal carries out what it was asked for, and the service is gone. */
Test(admin_api, a_retry_that_ends_after_the_service_wakes_nobody)
{
    api.tenant_count = 0;
    post("/v1/outbox/retry", "{\"ids\":[3]}", 200, "{\"count\":1}\n");
    cr_assert_eq(journal_asked.woken, 0);
}

Test(admin_api, retry_and_purge_concern_what_is_named)
{
    journal_asked.count = 2;
    post("/v1/outbox/retry", "{\"ids\":[3,5]}", 200, "{\"count\":2}\n");
    assert_asked("retry 3 5");
    cr_assert_eq(journal_asked.woken, 1);
    assert_audited("\"event\":\"admin_action\",\"action\":\"outbox_retry\",\"uid\":");
    assert_audited("\"asked\":2,\"count\":2,\"code\":\"\"");
    post("/v1/outbox/purge", "{\"all\":true}", 200, "{\"count\":2}\n");
    assert_asked("purge all");
    cr_assert_eq(journal_asked.woken, 1);
    assert_audited("\"action\":\"outbox_purge\"");
}

Test(admin_api, what_was_not_clearly_meant_is_not_done)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "{\"all\":false}",
        "{\"all\":1}",
        "{\"all\":\"true\"}",
        "{\"all\":true,\"ids\":[1]}",
        "{\"all\":true,\"all\":true}",
        "{\"all\":true,\"x\":1}",
        "{\"ids\":[]}",
        "{\"ids\":1}",
        "{\"ids\":[0]}",
        "{\"ids\":[-1]}",
        "{\"ids\":[1.5]}",
        "{\"ids\":[\"1\"]}",
        "{\"ids\":[null]}",
        "{\"ids\":[1]} ids",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        post("/v1/outbox/purge", bodies[i], 400, NULL);
        cr_assert_str_eq(journal_asked.asked, "", "%s", bodies[i]);
    }
}

Test(admin_api, more_ids_than_a_thousand_are_refused)
{
    static char body[8192], request[9000];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"ids\":[1");
    for (int i = 1; i < 1001; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, ",1");
    snprintf(body + len, sizeof body - len, "]}");
    snprintf(request, sizeof request,
             "POST /v1/outbox/retry HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
    int fd = peer_connect_unix(socket_path);
    assert_reply(fd, request, 400, NULL);
    assert_asked("");
    close(fd);
}

Test(admin_api, revocations_are_approved_and_asked_for)
{
    journal_asked.count = 40;
    post("/v1/revocations/approve", "{}", 200, "{\"count\":40}\n");
    assert_asked("approve");
    assert_audited("\"action\":\"revocations_approve\"");
    post("/v1/revocations/run", "", 200, "{\"started\":true}\n");
    cr_assert_eq(journal_asked.polled, 1);
    assert_audited("\"action\":\"revocations_run\"");
}

Test(admin_api, who_asks_intune_for_no_revocations_says_so)
{
    journal_asked.is_poll_off = true;
    post("/v1/revocations/run", "", 409,
         "{\"error\":{\"code\":\"not_polling\",\"message\":\"nobody asks: this connector has no [ca/NAME] "
         "that "
         "could revoke, or poll = no in [revocation]\"}}\n");
    assert_audited("\"code\":\"not_polling\"");
    cr_assert_eq(journal_asked.polled, 0);
    post("/v1/revocations/approve", "{}", 200, "{\"count\":1}\n");
}

Test(admin_api, who_does_not_lead_says_who_does)
{
    journal_asked.leader = "node-b";
    post("/v1/revocations/run", "", 409,
         "{\"error\":{\"code\":\"not_leader\",\"message\":\"of the nodes that share the database node-b asks "
         "Intune for this tenant's revocations: run it there\"}}\n");
    assert_audited("\"code\":\"not_leader\"");
    journal_asked.leader = "";
    post("/v1/revocations/run", "", 409,
         "{\"error\":{\"code\":\"not_leader\",\"message\":\"no node asks Intune for this tenant's "
         "revocations: "
         "intune-scepctl nodes says why\"}}\n");
    cr_assert_eq(journal_asked.polled, 0);
}

Test(admin_api, the_nodes_are_shown_as_long_as_this_one_is_one)
{
    int heartbeat;
    get("/v1/nodes", 503, NULL);
    assert_asked("");
    api.heartbeat = (iscep_heartbeat *)(void *)&heartbeat;
    journal_asked.document = "{\"nodes\":[]}";
    get("/v1/nodes", 200, "{\"nodes\":[]}\n");
    assert_asked("nodes");
    journal_asked.fault.status = ISCEP_NOMEM;
    get("/v1/nodes", 503, NULL);
    post("/v1/nodes", "{}", 405, NULL);
}

Test(admin_api, with_several_tenants_one_must_be_named)
{
    tenants[1] = (iscep_admin_tenant){
        .name = "fabrikam", .service = tenants[0].service, .revoker = tenants[0].revoker};
    api.tenant_count = 2;
    post("/v1/revocations/run", "", 400, NULL);
    int fd = peer_connect_unix(socket_path);
    static const char *const expected[][2] = {{"contoso", "200"}, {"fabrikam", "200"}, {"other", "404"}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        char request[256];
        snprintf(
            request, sizeof request,
            "POST /v1/revocations/run HTTP/1.1\r\nHost: x\r\nX-Scep-Tenant: %s\r\nContent-Length: 0\r\n\r\n",
            expected[i][0]);
        assert_reply(fd, request, (int)strtol(expected[i][1], NULL, 10), NULL);
    }
    cr_assert_eq(journal_asked.polled, 2);
    close(fd);
}

/* The kernel remembers who connected. */
static int connect_as_nobody(void)
{
    if (geteuid() != 0)
        cr_skip_test("only root can be somebody else");
    cr_assert_eq(seteuid(NOBODY), 0);
    int fd = peer_connect_unix(socket_path);
    cr_assert_eq(seteuid(0), 0);
    return fd;
}

static void ask_of(const char *method, const char *target, const char *tenant, const char *body, int status)
{
    char request[2048];
    int fd = peer_connect_unix(socket_path);
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: x\r\nX-Scep-Tenant: %s\r\nContent-Length: %zu\r\n\r\n%s", method,
             target, tenant, strlen(body), body);
    assert_reply(fd, request, status, NULL);
    close(fd);
}

Test(admin_api, whatever_is_looked_at_or_changed_can_be_one_tenants)
{
    get("/v1/outbox?tenant=contoso", 200, NULL);
    assert_asked("deliveries 0 dead limit 100 of contoso");
    ask_of("GET", "/v1/outbox?state=all", "contoso", "", 200);
    assert_asked("deliveries 0 all limit 100 of contoso");
    ask_of("GET", "/v1/outbox/item?id=7", "contoso", "", 404);
    assert_asked("deliveries 7 all limit 1 of contoso");
    ask_of("GET", "/v1/trace?transactionId=A1", "contoso", "", 200);
    assert_asked("trace 1 A1 limit 100 of contoso");
    ask_of("GET", "/v1/revocations?tenant=contoso", "contoso", "", 200);
    assert_asked("revocations open limit 100 of contoso");
    ask_of("POST", "/v1/outbox/retry", "contoso", "{\"all\":true}", 200);
    assert_asked("retry all of contoso");
    assert_audited("\"tenant\":\"contoso\"");
    ask_of("POST", "/v1/outbox/purge?tenant=fabrikam", "fabrikam", "{\"ids\":[3]}", 200);
    assert_asked("purge of fabrikam 3");
}

Test(admin_api, a_tenant_that_is_not_clear_is_refused)
{
    static const char long_name[] = "0123456789012345678901234567890123456789012345678901234567890123";
    char target[128];
    ask_of("GET", "/v1/outbox?tenant=fabrikam", "contoso", "", 400);
    ask_of("POST", "/v1/revocations/run?tenant=fabrikam", "contoso", "", 400);
    ask_of("GET", "/v1/outbox", "", "", 400);
    get("/v1/outbox?tenant=", 400, NULL);
    get("/v1/outbox?tenant=a&tenant=a", 400, NULL);
    snprintf(target, sizeof target, "/v1/outbox?tenant=%s", long_name);
    get(target, 400, NULL);
    assert_asked("");
    snprintf(target, sizeof target, "/v1/outbox?tenant=%s", long_name + 1);
    get(target, 200, NULL);
}

static const char *tied_to_contoso(const iscep_exchange *exchange, void *user)
{
    (void)exchange;
    cr_assert_eq(user, &dir);
    return "contoso";
}

Test(admin_api, a_listener_that_is_tied_shows_its_tenant_alone)
{
    api.door_tenant = tied_to_contoso;
    api.door_user = &dir;
    get("/v1/outbox", 200, NULL);
    assert_asked("deliveries 0 dead limit 100 of contoso");
    get("/v1/trace?transactionId=A1&tenant=contoso", 200, NULL);
    assert_asked("trace 1 A1 limit 100 of contoso");
    get("/v1/trace?transactionId=A1&tenant=fabrikam", 403, NULL);
    ask_of("GET", "/v1/revocations", "fabrikam", "", 403);
    ask_of("POST", "/v1/outbox/purge", "fabrikam", "{\"all\":true}", 403);
    assert_asked("");
    post("/v1/outbox/purge", "{\"all\":true}", 200, NULL);
    assert_asked("purge all of contoso");
}

Test(admin_api, somebody_else_may_look_and_not_touch)
{
    static const char *const targets[] = {"/v1/outbox/retry", "/v1/outbox/purge", "/v1/revocations/approve",
                                          "/v1/revocations/run"};
    int fd = connect_as_nobody();
    assert_reply(fd, "GET /v1/outbox HTTP/1.1\r\nHost: x\r\n\r\n", 200, NULL);
    assert_asked("deliveries 0 dead limit 100");
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        post_at(fd, targets[i], "{\"all\":true}", 403,
                "{\"error\":{\"code\":\"not_admin\",\"message\":\"only root, the connector's own user and "
                "those of admin_uids may "
                "change something\"}}\n");
    assert_asked("");
    cr_assert_eq(journal_asked.polled, 0);
    assert_audited("\"event\":\"admin_refused\",\"action\":\"outbox_purge\",\"uid\":65534");
    close(fd);
}

Test(admin_api, an_admin_of_the_configuration_may)
{
    int fd = connect_as_nobody();
    admins[0] = NOBODY - 1;
    api.admin_uids = admins;
    api.admin_uid_count = 1;
    post_at(fd, "/v1/outbox/retry", "{\"all\":true}", 403, NULL);
    admins[0] = NOBODY;
    post_at(fd, "/v1/outbox/retry", "{\"all\":true}", 200, "{\"count\":1}\n");
    assert_audited("\"event\":\"admin_action\",\"action\":\"outbox_retry\",\"uid\":65534");
    close(fd);
}
