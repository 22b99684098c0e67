/* scep_plugin.health against a stand-in for the daemon: READY is one reply, and everything else is DOWN, with words, in time. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_daemon.h"
#include "loaded_plugin.h"
#include "plugin/socket/deadline.h"

#define SHORT_MS  200u
#define MARGIN_MS 2000 /* what a busy test machine may add; far below LOADED_TIMEOUT_MS */
#define READY     FAKE_REPLY("200 OK", "11", "status: ok\n")

static loaded_plugin loaded;
static const scep_plugin *plugin;
static char path[64];
static scep_instance *instance;
static int log_count;

static void count_log(void *user, int32_t level, const char *message)
{
    (void)user, (void)level, (void)message;
    log_count++;
}

static const scep_host host = {.size = sizeof host, .log = count_log};

static void set_up(void)
{
    loaded = loaded_plugin_open();
    plugin = loaded.plugin;
    fresh_socket_path(path);
    instance = loaded_instance(plugin, path, &host);
}

static void tear_down(void)
{
    plugin->close(instance);
    loaded_plugin_close(&loaded);
    remove_socket_dir(path);
}

TestSuite(health, .init = set_up, .fini = tear_down, .timeout = 60);

static scep_health read_health(scep_instance *of, uint32_t timeout_ms)
{
    scep_health health = {.size = sizeof health, .state = SCEP_HEALTH_READY, .reserved = 77};
    memset(health.code, 'x', sizeof health.code);
    memset(health.message, 'x', sizeof health.message);
    cr_assert_eq(plugin->health(of, timeout_ms, &health), SCEP_OK);
    cr_assert_eq(health.size, sizeof health);
    cr_assert_eq(health.reserved, 0);
    return health;
}

static scep_health health_scripted(const char *reply, fake_then then)
{
    const fake_step script[] = {{reply, then}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    const scep_health health = read_health(instance, LOADED_TIMEOUT_MS);
    fake_daemon_stop(daemon);
    return health;
}

static void expect_down(const scep_health *health, const char *code)
{
    cr_assert_eq(health->state, SCEP_HEALTH_DOWN);
    cr_assert_str_eq(health->code, code);
    cr_assert_not_null(strstr(health->message, path), "%s", health->message);
}

Test(health, is_ready_when_the_daemon_says_so)
{
    const scep_health health = health_scripted(READY, FAKE_KEEP);
    cr_assert_eq(health.state, SCEP_HEALTH_READY);
    cr_assert_str_eq(health.code, "");
    cr_assert_str_eq(health.message, "");
}

Test(health, is_asked_of_the_instances_tenant)
{
    const scep_config_entry config[] = {{"socket", path}, {"tenant", "contoso"}};
    const fake_step script[] = {{READY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_instance *tied = NULL;
    cr_assert_eq(plugin->open(&host, config, 2, &tied, NULL), SCEP_OK);
    read_health(tied, LOADED_TIMEOUT_MS);
    read_health(instance, LOADED_TIMEOUT_MS); /* which has none */
    const fake_request *got = fake_daemon_request(daemon, 0);
    cr_assert_eq(strncmp(got->head, "GET /readyz HTTP/1.1\r\n", 22), 0);
    cr_assert_str_eq(fake_request_header(got, "Accept"), "text/plain");
    cr_assert_str_eq(fake_request_header(got, "X-Scep-Tenant"), "contoso");
    cr_assert_eq(got->body_len, 0);
    cr_assert_null(fake_request_header(fake_daemon_request(daemon, 1), "X-Scep-Tenant"));
    plugin->close(tied);
    fake_daemon_stop(daemon);
}

Test(health, is_down_with_the_daemons_own_words)
{
    const struct {
        const char *reply;
        const char *code;
        const char *message;
    } cases[] = {
        {fake_reply("503 Service Unavailable", "code: token_refused\nmessage: The secret is over.\n"),
         "token_refused", "The secret is over."},
        {fake_reply("404 Not Found", "code: tenant_unknown\nmessage: No such tenant.\n"), "tenant_unknown",
         "No such tenant."},
        {fake_reply("503 Service Unavailable", "code: journal_full\n"), "journal_full", ""},
        /* what contradicts itself is not ready */
        {fake_reply("200 OK", "code: journal_full\nmessage: Not yet.\n"), "journal_full", "Not yet."},
        {fake_reply("503 Service Unavailable", "status: ok\ncode: journal_full\n"), "journal_full", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const scep_health health = health_scripted(cases[i].reply, FAKE_KEEP);
        cr_assert_eq(health.state, SCEP_HEALTH_DOWN, "%zu", i);
        cr_assert_str_eq(health.code, cases[i].code);
        cr_assert_str_eq(health.message, cases[i].message);
    }
}

/* A request that comes then is not answered with RETRY: it waits for the same. */
Test(health, waits_for_a_connector_that_has_just_begun)
{
    const char *starting = fake_reply("503 Service Unavailable", "code: starting\nmessage: Not yet.\n");
    const fake_step ready[] = {{starting, FAKE_KEEP}, {starting, FAKE_KEEP}, {READY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, ready, 3);
    scep_health health = read_health(instance, LOADED_TIMEOUT_MS);
    cr_assert_eq(health.state, SCEP_HEALTH_READY);
    cr_assert_str_eq(health.code, "");
    cr_assert_str_eq(health.message, "");
    fake_daemon_stop(daemon);

    const fake_step never[] = {{starting, FAKE_KEEP}};
    daemon = fake_daemon_start(path, never, 1);
    const int64_t start_ms = iscep_mono_ms();
    health = read_health(instance, SHORT_MS);
    cr_assert_lt(iscep_mono_ms() - start_ms, SHORT_MS + MARGIN_MS);
    cr_assert_eq(health.state, SCEP_HEALTH_DOWN);
    cr_assert_str_eq(health.code, "starting");
    cr_assert_str_eq(health.message, "Not yet.");
    fake_daemon_stop(daemon);
}

Test(health, is_down_when_what_comes_does_not_say_ready)
{
    const struct {
        const char *reply;
        const char *code;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}",
         "connector_reply_unusable"},
        {FAKE_ALLOW, "connector_reply_unusable"},
        {fake_reply("200 OK", "status: okay\n"), "connector_reply_unusable"},
        {fake_reply("200 OK", "status: ok\nstatus: ok\n"), "connector_reply_unusable"},
        {fake_reply("204 No Content", "status: ok\n"), "connector_reply_unusable"},
        {fake_reply("201 Created", "status: ok\n"), "connector_reply_unusable"},
        {"SSH-2.0-OpenSSH_9.2\r\n", "connector_reply_unusable"},
        {"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         "connector_busy"},
        {"HTTP/1.1 200 OK\r\nContent-", "connector_reply_cut"},
        {NULL, "connector_reply_cut"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const scep_health health = health_scripted(cases[i].reply, FAKE_CLOSE);
        expect_down(&health, cases[i].code);
    }
}

Test(health, of_an_absent_daemon_is_down_and_says_what_to_do)
{
    const scep_health health = read_health(instance, LOADED_TIMEOUT_MS);
    expect_down(&health, "connector_unreachable");
    cr_assert_not_null(strstr(health.message, "systemctl status intune-scepd"));
    cr_assert_eq(log_count, 0, "who asks is told; the log is for what devices meet");
}

static void expect_down_in_time(scep_instance *of, uint32_t timeout_ms)
{
    const int64_t start_ms = iscep_mono_ms();
    const scep_health health = read_health(of, timeout_ms);
    const int64_t elapsed_ms = iscep_mono_ms() - start_ms;
    expect_down(&health, "connector_timeout");
    cr_assert_not_null(strstr(health.message, "within 200 ms"), "%s", health.message);
    cr_assert_geq(elapsed_ms, SHORT_MS);
    cr_assert_lt(elapsed_ms, SHORT_MS + MARGIN_MS);
}

Test(health, of_a_hung_daemon_costs_the_deadline_and_no_more)
{
    const fake_step script[] = {{NULL, FAKE_HANG}};
    const scep_config_entry config[] = {{"socket", path}, {"timeout_ms", "200"}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    scep_instance *hasty = NULL;
    cr_assert_eq(plugin->open(&host, config, 2, &hasty, NULL), SCEP_OK);
    expect_down_in_time(instance, SHORT_MS);
    expect_down_in_time(hasty, 0);
    plugin->close(hasty);
    fake_daemon_stop(daemon);
}

Test(health, and_questions_share_connections_and_nothing_else)
{
    const fake_step script[] = {{FAKE_ALLOW, FAKE_KEEP}, {READY, FAKE_KEEP}, {FAKE_DENY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 3);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_ALLOW);
    cr_assert_eq(read_health(instance, LOADED_TIMEOUT_MS).state, SCEP_HEALTH_READY);
    cr_assert_eq(ask(plugin, instance, "deny-2").verdict, SCEP_VERDICT_DENY);
    cr_assert_eq(fake_daemon_connection_count(daemon), 1);
    fake_daemon_stop(daemon);
}

/* A service that says ready to everything allows nothing. */
Test(health, is_no_verdict)
{
    const fake_step script[] = {{READY, FAKE_KEEP}};
    fake_daemon *daemon = fake_daemon_start(path, script, 1);
    cr_assert_eq(ask(plugin, instance, "allow-1").verdict, SCEP_VERDICT_RETRY);
    fake_daemon_stop(daemon);
}
