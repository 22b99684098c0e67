/* See local_daemon.h. */
#include "tests/unit/daemon/local_daemon.h"

#include <criterion/criterion.h>

static void make_service(local_daemon *d)
{
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_path(&d->dir, d->journal_path, sizeof d->journal_path, "journal.db");
    d->journal_options = (iscep_journal_options)ISCEP_JOURNAL_OPTIONS_INIT;
    d->journal_options.path = d->journal_path;
    d->options = (iscep_service_options){
        .tenant = "contoso", .policy = iscep_policy_default, .reporting = iscep_reporting_options_default};
    cr_assert_eq(iscep_journal_open(&d->journal, &d->env, d->on.loop, &d->journal_options, &err), ISCEP_OK,
                 "%s", err.message);
    cr_assert_eq(
        iscep_service_new(&d->service, &d->env, d->intune, d->journal, &d->routing, &d->options, &err),
        ISCEP_OK, "%s", err.message);
}

void local_daemon_make(local_daemon *d)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    intune_world_init(&d->world);
    d->world.tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    d->env = iscep_env_system(&d->world.env.log);
    d->on.loop = d->world.loop;
    temp_dir_make(&d->dir);
    temp_dir_path(&d->dir, d->socket_path, sizeof d->socket_path, "socket");
    intune_world_answer_all(&d->world);
    d->world.tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    cr_assert_eq(
        iscep_intune_new(&d->intune, &d->env, d->on.loop, &d->world.http.base, &d->world.tenant, &err),
        ISCEP_OK);
    make_service(d);
    cr_assert(open_api_make(&d->open, &d->env, d->intune, d->service, LOCAL_DAEMON_TIMEOUT_MS));
    cr_assert_eq(iscep_http_server_new(&d->server, &d->env, d->on.loop, &limits, iscep_api_handle,
                                       &d->open.in_force, &err),
                 ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(d->server, d->socket_path, 0600, &err), ISCEP_OK, "%s",
                 err.message);
}

void local_daemon_start(local_daemon *d)
{
    loop_thread_start(&d->on);
}

void local_daemon_stop(local_daemon *d)
{
    loop_thread_stop(&d->on);
    iscep_intune_free(d->intune);
    iscep_service_free(d->service);
    iscep_journal_close(d->journal);
    iscep_http_server_free(d->server);
    open_api_clear(&d->open);
    intune_world_clear(&d->world); /* the loop is the world's */
    temp_dir_remove(&d->dir);
}

typedef struct errand {
    local_daemon *d;
    fake_http_answer answer;
    size_t count;
} errand;

static void set_answer(void *user)
{
    const errand *e = user;
    e->d->world.action_answer = e->answer;
}

void local_daemon_answer(local_daemon *d, fake_http_answer answer)
{
    errand e = {.d = d, .answer = answer};
    loop_thread_run(&d->on, set_answer, &e);
}

static void count_calls(void *user)
{
    errand *e = user;
    e->count = e->d->world.http.count;
}

size_t local_daemon_count_calls(local_daemon *d)
{
    errand e = {.d = d};
    loop_thread_run(&d->on, count_calls, &e);
    return e.count;
}
