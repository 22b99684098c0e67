/* Whose request is it: by listener, path, header and JSON member, alone, together, and against each other. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/loop_thread.h"
#include "tests/support/open_api.h"
#include "tests/support/peer.h"
#include "tests/support/temp_dir.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const iscep_config_tenant contoso = {.name = "contoso"}, fabrikam = {.name = "fabrikam.eu-1"},
                                 contoso2 = {.name = "contoso2"};
static const iscep_seat seats[] = {{.config = &contoso}, {.config = &fabrikam}, {.config = &contoso2}};

static loop_thread on;
static iscep_env env;
static iscep_http_server *server;
static temp_dir dir;
static char socket_path[128];
static open_api open;

/* Answers with the tenant and the path without it. The body stands for the JSON member; no body: there is none. */
static void choose_and_tell(iscep_exchange *exchange, void *user)
{
    (void)user;
    const iscep_seat *seat = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_BUF member, line;
    iscep_bytes body = iscep_exchange_body(exchange);
    iscep_buf_init(&member, 256);
    iscep_buf_init(&line, 1024);
    iscep_buf_append(&member, body.data, body.len);
    if (iscep_api_choose_tenant(&seat, &open.api, exchange, body.len > 0 ? iscep_buf_text(&member) : NULL,
                                &err) == ISCEP_OK) {
        err.http_status = 200;
        iscep_buf_printf(&line, "%s %s", seat->config->name, iscep_api_path(exchange));
    } else {
        cr_assert_eq(err.status, ISCEP_USAGE);
        cr_assert_null(seat);
        iscep_buf_printf(&line, "%s: %s", err.code, err.message);
    }
    iscep_exchange_reply(exchange, &(iscep_reply){.status = err.http_status, .body = iscep_buf_bytes(&line)});
}

static void set_up(void)
{
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    env = iscep_env_system(NULL);
    cr_assert(open_api_make(&open, &env, NULL, NULL, 1000));
    open.api.seats = seats;
    open.api.seat_count = COUNT(seats);
    temp_dir_make(&dir);
    temp_dir_path(&dir, socket_path, sizeof socket_path, "socket");
    loop_thread_make(&on);
    cr_assert_eq(iscep_http_server_new(&server, &env, on.loop, &limits, choose_and_tell, NULL, NULL),
                 ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(server, socket_path, 0600, NULL), ISCEP_OK);
    loop_thread_start(&on);
}

static void tear_down(void)
{
    loop_thread_stop(&on);
    iscep_http_server_free(server);
    iscep_loop_free(on.loop);
    open_api_clear(&open);
    temp_dir_remove(&dir);
}

TestSuite(tenant_choice, .init = set_up, .fini = tear_down);

typedef struct choice {
    const char *tied; /* the listener; NULL: to none */
    const char *path;
    const char *header; /* NULL: there is none */
    const char *member;
    int status;
    const char *want; /* how the reply begins */
} choice;

static void assert_choice(const choice *c)
{
    ISCEP_AUTO_BUF request;
    peer_reply reply;
    int fd = peer_connect_unix(socket_path);
    open.config.listeners[0].tenant = c->tied;
    iscep_buf_init(&request, 4096);
    iscep_buf_printf(&request, "POST %s HTTP/1.1\r\nHost: c\r\n", c->path);
    if (c->header != NULL)
        iscep_buf_printf(&request, "X-Scep-Tenant: %s\r\n", c->header);
    iscep_buf_printf(&request, "Content-Length: %zu\r\n\r\n%s", c->member != NULL ? strlen(c->member) : 0,
                     c->member != NULL ? c->member : "");
    peer_send_bytes(fd, iscep_buf_bytes(&request));
    peer_read_reply(fd, &reply);
    cr_assert_eq(strncmp(iscep_buf_text(&reply.body), c->want, strlen(c->want)), 0, "%s, wanted %s, of\n%s",
                 iscep_buf_text(&reply.body), c->want, iscep_buf_text(&request));
    cr_assert_eq(reply.status, c->status, "%s", c->want);
    peer_reply_clear(&reply);
    close(fd);
}

Test(tenant_choice, each_place_can_name_it)
{
    static const choice choices[] = {
        {"contoso", "/v1/validate", NULL, NULL, 200, "contoso /v1/validate"},
        {NULL, "/t/contoso/v1/validate", NULL, NULL, 200, "contoso /v1/validate"},
        {NULL, "/t/fabrikam.eu-1/v1/issued", NULL, NULL, 200, "fabrikam.eu-1 /v1/issued"},
        {NULL, "/v1/validate", "contoso2", NULL, 200, "contoso2 /v1/validate"},
        {NULL, "/v1/validate", NULL, "contoso", 200, "contoso /v1/validate"},
        /* all of them, alike */
        {"contoso", "/t/contoso/v1/failed", "contoso", "contoso", 200, "contoso /v1/failed"},
    };
    for (size_t i = 0; i < COUNT(choices); i++)
        assert_choice(&choices[i]);
}

Test(tenant_choice, what_contradicts_the_listener_is_refused)
{
    static const choice choices[] = {
        {"contoso", "/t/fabrikam.eu-1/v1/validate", NULL, NULL, 403, "tenant_not_here"},
        {"contoso", "/v1/validate", "fabrikam.eu-1", NULL, 403, "tenant_not_here"},
        {"contoso", "/v1/validate", NULL, "fabrikam.eu-1", 403, "tenant_not_here"},
        {"contoso", "/v1/validate", "contoso2", NULL, 403, "tenant_not_here"},
        {"contoso2", "/v1/validate", "contoso", NULL, 403, "tenant_not_here"},
        {"contoso", "/v1/validate", "Contoso", NULL, 403, "tenant_not_here"},
        {"contoso", "/v1/validate", "", NULL, 403, "tenant_not_here"},
        /* whether there is such a tenant is not told */
        {"contoso", "/v1/validate", "nobody", NULL, 403, "tenant_not_here"},
    };
    for (size_t i = 0; i < COUNT(choices); i++)
        assert_choice(&choices[i]);
}

Test(tenant_choice, what_contradicts_itself_is_refused)
{
    static const choice choices[] = {
        {NULL, "/t/contoso/v1/validate", "fabrikam.eu-1", NULL, 400, "tenant_contradictory"},
        {NULL, "/t/contoso/v1/validate", NULL, "fabrikam.eu-1", 400, "tenant_contradictory"},
        {NULL, "/v1/validate", "contoso", "fabrikam.eu-1", 400, "tenant_contradictory"},
        {NULL, "/t/contoso/v1/validate", "contoso", "contoso2", 400, "tenant_contradictory"},
        {"contoso", "/v1/validate", "contoso", "contoso2", 400, "tenant_contradictory"},
        {NULL, "/t/contoso/v1/validate", "", NULL, 400, "tenant_contradictory"},
    };
    for (size_t i = 0; i < COUNT(choices); i++)
        assert_choice(&choices[i]);
}

Test(tenant_choice, names_are_compared_whole)
{
    static const choice choices[] = {
        {NULL, "/t/contos/v1/validate", NULL, NULL, 404, "tenant_unknown"},
        {NULL, "/t/contoso22/v1/validate", NULL, NULL, 404, "tenant_unknown"},
        {NULL, "/t/CONTOSO/v1/validate", NULL, NULL, 404, "tenant_unknown"},
        {NULL, "/t/contos%6f/v1/validate", NULL, NULL, 404, "tenant_unknown"},
        {NULL, "/v1/validate", "contoso fabrikam.eu-1", NULL, 404, "tenant_unknown"},
        {NULL, "/v1/validate", "", NULL, 404, "tenant_unknown"},
        {NULL, "/v1/validate", NULL, "contoso/", 404, "tenant_unknown"},
    };
    for (size_t i = 0; i < COUNT(choices); i++)
        assert_choice(&choices[i]);
}

Test(tenant_choice, one_of_several_must_be_named)
{
    static const choice unnamed = {NULL,
                                   "/v1/validate",
                                   NULL,
                                   NULL,
                                   400,
                                   "tenant_missing: the connector has several tenants: name one by /t/NAME "
                                   "before the path, by the header X-Scep-Tenant, by the member tenant"};
    static const choice empty_path = {NULL, "/t//v1/validate", NULL, NULL, 400, "tenant_missing"};
    assert_choice(&unnamed);
    assert_choice(&empty_path);
}

Test(tenant_choice, the_only_one_need_not_be_named)
{
    static const choice unnamed = {NULL, "/v1/validate", NULL, NULL, 200, "contoso /v1/validate"};
    static const choice right = {NULL, "/t/contoso/v1/validate", "contoso", NULL, 200, "contoso "};
    static const choice wrong = {NULL, "/v1/validate", "fabrikam.eu-1", NULL, 404, "tenant_unknown"};
    open.api.seat_count = 1;
    assert_choice(&unnamed);
    assert_choice(&right);
    assert_choice(&wrong);
}

/* The prefix alone is no path of its own. */
Test(tenant_choice, nothing_is_left_of_a_path_that_is_only_a_tenant)
{
    static const choice bare = {NULL, "/t/contoso", NULL, NULL, 200, "contoso "};
    static const choice other = {NULL, "/tenant/v1/validate",        "contoso", NULL,
                                 200,  "contoso /tenant/v1/validate"};
    assert_choice(&bare);
    assert_choice(&other);
}
