/* Two credentials: the one that worked last comes first, the other one has its turn, and each is told of in time. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/metrics.h"
#include "intune/credential_set.h"
#include "intune/token.h"
#include "tests/support/intune_fixture.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

#define EXPIRED "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: expired\"}"
#define WRONG   "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: wrong\"}"
#define UNKNOWN                                                                                              \
    "{\"error\":\"unauthorized_client\",\"error_description\":\"AADSTS700016: no such application\"}"

static temp_dir dir;
static intune_world world;
static iscep_credential_options first = ISCEP_CREDENTIAL_OPTIONS_INIT, second = ISCEP_CREDENTIAL_OPTIONS_INIT;
static char first_path[128], second_path[128];

static void set_up(void)
{
    temp_dir_make(&dir);
    intune_world_init(&world);
    temp_dir_write(&dir, first_path, sizeof first_path, "first", "first-canary");
    temp_dir_write(&dir, second_path, sizeof second_path, "second", "second-canary");
    first.kind = second.kind = ISCEP_CREDENTIAL_SECRET;
    first.name = "one";
    second.name = "two";
    first.client_secret_file = first_path;
    second.client_secret_file = second_path;
    world.tenant.client_secret = NULL;
    world.tenant.credentials[0] = &first;
    world.tenant.credentials[1] = &second;
    world.tenant.credential_count = 2;
}

static void tear_down(void)
{
    cr_assert_null(strstr(fake_env_log(&world.env), "canary"));
    intune_world_clear(&world);
    temp_dir_remove(&dir);
}

TestSuite(credential_set, .init = set_up, .fini = tear_down);
TestSuite(token_rotation, .init = set_up, .fini = tear_down);

static iscep_credential_set *new_set(void)
{
    iscep_credential_set *set = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_credential_set_new(&set, &world.env.env, &world.tenant, &err), ISCEP_OK, "%s",
                 err.message);
    return set;
}

static const char *name_of(const iscep_credential *credential)
{
    return credential != NULL ? iscep_credential_name(credential) : "(none)";
}

static iscep_error refusal(iscep_status status, const char *code)
{
    iscep_error err;
    iscep_error_fill(&err, status, code, "as the test wishes");
    return err;
}

Test(credential_set, has_the_other_one_ready_and_remembers_which_worked)
{
    iscep_credential_set *set = new_set();
    iscep_credential_turn turn;
    const iscep_error expired = refusal(ISCEP_AUTH, "AADSTS7000222");
    cr_assert_str_eq(name_of(iscep_credential_set_begin(set, &turn)), "one");
    cr_assert_str_eq(name_of(iscep_credential_set_next(set, &turn, &expired)), "two");
    cr_assert_null(iscep_credential_set_next(set, &turn, &expired), "nobody has two turns");
    iscep_credential_set_worked(set, &turn);
    cr_assert_str_eq(name_of(iscep_credential_set_begin(set, &turn)), "two");
    cr_assert_str_eq(name_of(iscep_credential_set_next(set, &turn, &expired)), "one");
    iscep_credential_set_worked(set, &turn);
    cr_assert_str_eq(name_of(iscep_credential_set_begin(set, &turn)), "one");
    iscep_credential_set_free(set);
}

Test(credential_set, does_not_try_the_other_for_what_is_nobodys_fault)
{
    static const struct {
        iscep_status status;
        const char *code;
    } cases[] = {{ISCEP_AUTH, "AADSTS700016"}, {ISCEP_NETWORK, "timeout"}, {ISCEP_SERVICE, "token_service"}};
    iscep_credential_set *set = new_set();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iscep_credential_turn turn;
        const iscep_error why = refusal(cases[i].status, cases[i].code);
        iscep_credential_set_begin(set, &turn);
        cr_assert_null(iscep_credential_set_next(set, &turn, &why), "%s", cases[i].code);
    }
    iscep_credential_set_free(set);
}

Test(credential_set, logs_refusal_and_switch_once)
{
    iscep_credential_set *set = new_set();
    iscep_credential_turn turn;
    const iscep_error expired = refusal(ISCEP_AUTH, "AADSTS7000222");
    iscep_credential_set_begin(set, &turn);
    iscep_credential_set_worked(set, &turn);
    cr_assert_str_eq(fake_env_log(&world.env), "", "nothing was switched");
    iscep_credential_set_next(set, &turn, &expired);
    iscep_credential_set_worked(set, &turn);
    iscep_credential_set_worked(set, &turn); /* the other scope's fetch, on its heels */
    const char *log = fake_env_log(&world.env);
    cr_assert_not_null(strstr(log, "credential_refused credential=one next=two code=AADSTS7000222"), "%s",
                       log);
    const char *switched = strstr(log, "credential_switched from=one to=two");
    cr_assert_not_null(switched, "%s", log);
    cr_assert_null(strstr(switched + 1, "credential_switched"));
    iscep_credential_set_free(set);
}

static double refused(iscep_metrics *metrics, const char *credential)
{
    double value = -1;
    (void)iscep_metrics_get(&value, &metrics, 1, ISCEP_METRIC_CREDENTIAL_REFUSED,
                            (const char *const[]){iscep_tenant_label(&world.tenant), credential, NULL});
    return value;
}

/* The last one that is refused, too, after which there is no next; but not for what is nobody's fault. */
Test(credential_set, shows_which_are_refused_until_they_work)
{
    iscep_metrics *metrics;
    cr_assert_eq(iscep_metrics_new(&metrics, NULL), ISCEP_OK);
    world.env.env.metrics = metrics;
    iscep_credential_set *set = new_set();
    iscep_credential_turn turn;
    const iscep_error expired = refusal(ISCEP_AUTH, "AADSTS7000222"),
                      late = refusal(ISCEP_NETWORK, "timeout");
    cr_assert_eq(refused(metrics, "one"), 0);
    cr_assert_eq(refused(metrics, "two"), 0);
    iscep_credential_set_begin(set, &turn);
    cr_assert_null(iscep_credential_set_next(set, &turn, &late));
    cr_assert_eq(refused(metrics, "one"), 0);
    cr_assert_not_null(iscep_credential_set_next(set, &turn, &expired));
    cr_assert_eq(refused(metrics, "one"), 1);
    cr_assert_null(iscep_credential_set_next(set, &turn, &expired));
    cr_assert_eq(refused(metrics, "two"), 1);
    iscep_credential_set_worked(set, &turn);
    cr_assert_eq(refused(metrics, "one"), 1);
    cr_assert_eq(refused(metrics, "two"), 0);
    iscep_credential_set_free(set);
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_CREDENTIAL_EXPIRY, 1, iscep_tenant_label(&world.tenant), "one");
    set = new_set(); /* after a reload it is tried again; and where a certificate was may be a secret */
    cr_assert_eq(refused(metrics, "one"), 0);
    double expires_unix;
    cr_assert_not(iscep_metrics_get(&expires_unix, &metrics, 1, ISCEP_METRIC_CREDENTIAL_EXPIRY,
                                    (const char *const[]){iscep_tenant_label(&world.tenant), "one", NULL}));
    iscep_credential_set_free(set);
    iscep_metrics_free(metrics);
}

Test(credential_set, describes_itself)
{
    iscep_credential_set *set = new_set();
    cr_assert_eq(iscep_credential_set_count(set), 2);
    iscep_credential_facts facts = iscep_credential_set_describe(set, 0);
    cr_assert_str_eq(facts.name, "one");
    cr_assert_str_eq(facts.kind, "secret");
    cr_assert(facts.is_in_use);
    cr_assert_eq(facts.expires_unix, 0);
    cr_assert_not(iscep_credential_set_describe(set, 1).is_in_use);
    iscep_credential_set_free(set);
}

Test(credential_set, with_one_that_is_unusable_is_refused_by_its_name)
{
    iscep_credential_set *set = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    second.client_secret_file = "/nonexistent";
    cr_assert_eq(iscep_credential_set_new(&set, &world.env.env, &world.tenant, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "secret_unreadable");
    cr_assert_eq(strncmp(err.message, "credential: two: ", 17), 0, "%s", err.message);
}

/* --- certificates that expire --- */

static void use_certificate_until(int64_t expires_unix)
{
    static char key_path[128], certificate_path[128];
    EVP_PKEY *key = test_pki_new_rsa_key();
    temp_dir_path(&dir, key_path, sizeof key_path, "key.pem");
    temp_dir_path(&dir, certificate_path, sizeof certificate_path, "cert.pem");
    key_files_write_key(key_path, key, NULL);
    key_files_write_certificate(certificate_path, key, expires_unix);
    EVP_PKEY_free(key);
    second = (iscep_credential_options)ISCEP_CREDENTIAL_OPTIONS_INIT;
    second.kind = ISCEP_CREDENTIAL_CERTIFICATE;
    second.name = "two";
    second.key = key_path;
    second.certificate = certificate_path;
}

Test(credential_set, warns_from_thirty_days_before_a_certificate_expires)
{
    const int64_t now_unix = FAKE_ENV_UNIX_MS / 1000, day_s = 24 * 3600;
    use_certificate_until(now_unix + 30 * day_s + 60);
    iscep_credential_set *set = new_set();
    cr_assert_str_eq(fake_env_log(&world.env), "", "thirty days and a minute are left");
    fake_env_advance(&world.env, 61000);
    iscep_credential_set_warn(set);
    const char *log = fake_env_log(&world.env);
    cr_assert_not_null(strstr(log, "warn  credential_expiring credential=two expires="), "%s", log);
    cr_assert_not_null(strstr(log, "days_left=29"), "%s", log);
    cr_assert_eq(iscep_credential_set_describe(set, 1).expires_unix, now_unix + 30 * day_s + 60);
    iscep_credential_set_free(set);
}

Test(credential_set, warns_at_the_start_and_is_louder_when_it_is_too_late)
{
    use_certificate_until(FAKE_ENV_UNIX_MS / 1000 - 1);
    iscep_credential_set_free(new_set());
    cr_assert_not_null(strstr(fake_env_log(&world.env), "error credential_expiring credential=two"), "%s",
                       fake_env_log(&world.env));
}

/* --- the same through a fetch --- */

typedef struct got {
    iscep_wait wait;
    unsigned count;
    iscep_status status;
    char token[64];
    char code[64];
} got;

static void on_token(void *user, iscep_status status, const char *token, uint64_t generation,
                     const iscep_error *err)
{
    got *g = user;
    (void)generation;
    g->count++;
    g->status = status;
    iscep_text_copy(g->token, sizeof g->token, token != NULL ? token : "");
    iscep_text_copy(g->code, sizeof g->code, err->code);
}

static iscep_tokens *new_tokens(void)
{
    iscep_tokens *tokens = NULL;
    cr_assert_eq(iscep_tokens_new(&tokens, &world.env.env, &world.http.base, &world.tenant, NULL), ISCEP_OK);
    return tokens;
}

static bool was_sent_with(size_t call, const char *secret)
{
    return strstr(iscep_buf_text(&world.http.calls[call].body), secret) != NULL;
}

Test(token_rotation, tries_the_other_credential_before_anybody_is_told)
{
    iscep_tokens *tokens = new_tokens();
    got a = {0}, b = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &a.wait, on_token, &a);
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &b.wait, on_token, &b);
    cr_assert(was_sent_with(0, "first-canary"));
    fake_http_answer_call(&world.http, 0, 401, EXPIRED);
    cr_assert_eq(a.count + b.count, 0);
    cr_assert_eq(world.http.count, 2);
    cr_assert(was_sent_with(1, "second-canary") && !was_sent_with(1, "first-canary"));
    fake_http_answer_call(&world.http, 1, 200, WORLD_TOKEN_REPLY("t"));
    cr_assert_eq(a.count, 1);
    cr_assert_eq(b.count, 1);
    cr_assert_str_eq(a.token, "t");
    got graph = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_GRAPH, &graph.wait, on_token, &graph);
    cr_assert(was_sent_with(2, "second-canary"), "the one that worked last comes first");
    fake_http_answer_call(&world.http, 2, 200, WORLD_TOKEN_REPLY("g"));
    cr_assert_str_eq(graph.token, "g");
    iscep_tokens_free(tokens);
}

Test(token_rotation, gives_up_when_both_are_refused)
{
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    fake_http_answer_call(&world.http, 0, 401, EXPIRED);
    fake_http_answer_call(&world.http, 1, 401, WRONG);
    cr_assert_eq(world.http.count, 2);
    cr_assert_eq(g.count, 1);
    cr_assert_eq(g.status, ISCEP_AUTH);
    cr_assert_str_eq(g.code, "AADSTS7000215");
    iscep_tokens_free(tokens);
}

Test(token_rotation, spares_the_other_when_the_application_is_unknown)
{
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    fake_http_answer_call(&world.http, 0, 400, UNKNOWN);
    cr_assert_eq(world.http.count, 1);
    cr_assert_eq(g.count, 1);
    cr_assert_str_eq(g.code, "AADSTS700016");
    iscep_tokens_free(tokens);
}

Test(token_rotation, takes_a_secret_that_was_written_after_the_refusal)
{
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    fake_http_answer_call(&world.http, 0, 401, EXPIRED);
    fake_http_answer_call(&world.http, 1, 401, EXPIRED);
    cr_assert_eq(g.status, ISCEP_AUTH);
    temp_dir_write(&dir, first_path, sizeof first_path, "first", "third-canary");
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    cr_assert(was_sent_with(2, "third-canary"));
    fake_http_answer_call(&world.http, 2, 200, WORLD_TOKEN_REPLY("t"));
    cr_assert_eq(g.count, 2);
    cr_assert_str_eq(g.token, "t");
    iscep_tokens_free(tokens);
}

Test(token_rotation, falls_back_from_a_managed_identity_that_is_not_there)
{
    first = (iscep_credential_options)ISCEP_CREDENTIAL_OPTIONS_INIT;
    first.kind = ISCEP_CREDENTIAL_MANAGED_IDENTITY;
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    cr_assert_str_eq(world.http.calls[0].method, "GET");
    fake_http_fail_call(&world.http, 0, ISCEP_NETWORK, "connect", "no route");
    cr_assert(was_sent_with(1, "second-canary"));
    fake_http_answer_call(&world.http, 1, 200, WORLD_TOKEN_REPLY("t"));
    cr_assert_str_eq(g.token, "t");
    iscep_tokens_free(tokens);
}

Test(token_rotation, of_a_managed_identity_reads_numbers_in_strings)
{
    first = (iscep_credential_options)ISCEP_CREDENTIAL_OPTIONS_INIT;
    first.kind = ISCEP_CREDENTIAL_MANAGED_IDENTITY;
    world.tenant.credential_count = 1;
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    fake_http_answer_call(&world.http, 0, 200,
                          "{\"access_token\":\"mi\",\"expires_in\":\"3599\",\"expires_on\":\"1506484173\","
                          "\"token_type\":\"Bearer\",\"resource\":\"https://api.manage.microsoft.com/\"}");
    cr_assert_str_eq(g.token, "mi");
    iscep_tokens_free(tokens);
}

Test(token_rotation, cancels_what_is_in_flight_with_the_second_one)
{
    iscep_tokens *tokens = new_tokens();
    got g = {0};
    iscep_token_get(tokens, ISCEP_SCOPE_INTUNE, &g.wait, on_token, &g);
    fake_http_answer_call(&world.http, 0, 401, EXPIRED);
    iscep_wait_cancel(&g.wait);
    iscep_tokens_free(tokens);
    cr_assert(world.http.calls[1].is_cancelled);
    cr_assert_eq(g.count, 0);
}
