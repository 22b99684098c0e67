/* A new configuration takes over the tokens and addresses of the one before, and none that it could not have got itself. */
#include <criterion/criterion.h>
#include <string.h>

#include "intune/discovery.h"
#include "intune/token.h"
#include "tests/support/intune_fixture.h"

#define COUNT(table)   (sizeof(table) / sizeof(table)[0])
#define LIFETIME_MS    (WORLD_LIFETIME_S * 1000)
#define RENEWAL_DUE_MS (LIFETIME_MS - LIFETIME_MS / 10)

static intune_world world;
static iscep_tenant tenant; /* as the new configuration has it */
static iscep_intune *before, *after;
static caught_verdict caught;

static iscep_intune *make(const iscep_tenant *of)
{
    iscep_intune *made = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_intune_new(&made, &world.env.env, world.loop, &world.http.base, of, &err), ISCEP_OK,
                 "%s", err.message);
    return made;
}

static void validate_with(iscep_intune *intune)
{
    caught = (caught_verdict){0};
    iscep_intune_validate(intune, "1F2E3D", iscep_bytes_of_text("csr"), world.env.mono_ms + 20000,
                          catch_verdict, &caught);
}

static void set_up(void)
{
    intune_world_init(&world);
    tenant = world.tenant;
    before = make(&world.tenant);
    validate_with(before);
    intune_world_answer_setup(&world);
    fake_http_answer_call(&world.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    cr_assert_eq(caught.verdict.decision, ISCEP_ALLOW);
}

static void tear_down(void)
{
    iscep_intune_free(before);
    iscep_intune_free(after);
    intune_world_clear(&world);
}

TestSuite(inherit, .init = set_up, .fini = tear_down);

enum { NEXT = WORLD_SETUP_CALLS + 1 };

Test(inherit, a_device_does_not_wait_for_token_and_address_again)
{
    after = make(&tenant);
    cr_assert_not(iscep_intune_is_ready(after, NULL));
    iscep_intune_inherit(after, before);
    cr_assert(iscep_intune_is_ready(after, NULL));
    validate_with(after);
    cr_assert_eq(world.http.count, NEXT + 1);
    cr_assert_str_eq(fake_http_header(&world.http, NEXT, "Authorization"), "Bearer " WORLD_INTUNE_TOKEN);
    cr_assert_eq(strncmp(world.http.calls[NEXT].url, WORLD_SERVICE_URI, strlen(WORLD_SERVICE_URI)), 0);
}

Test(inherit, addresses_of_both_services_and_tokens_of_both_scopes_come_along)
{
    after = make(&tenant);
    iscep_intune_inherit(after, before);
    cr_assert(iscep_discovery_is_at_hand(iscep_intune_discovery(after), ISCEP_SITE_SCEP));
    cr_assert(iscep_discovery_is_at_hand(iscep_intune_discovery(after), ISCEP_SITE_PKI));
    cr_assert(iscep_token_is_at_hand(iscep_intune_tokens(after), ISCEP_SCOPE_GRAPH));
    cr_assert(iscep_token_is_at_hand(iscep_intune_tokens(after), ISCEP_SCOPE_INTUNE));
}

Test(inherit, it_outlives_the_one_it_comes_from)
{
    after = make(&tenant);
    iscep_intune_inherit(after, before);
    iscep_intune_free(before);
    before = NULL;
    validate_with(after);
    cr_assert_str_eq(fake_http_header(&world.http, NEXT, "Authorization"), "Bearer " WORLD_INTUNE_TOKEN);
}

/* It is renewed, and ends, when it would have without the reload. */
Test(inherit, a_token_does_not_become_younger)
{
    fake_env_advance(&world.env, RENEWAL_DUE_MS - 1);
    after = make(&tenant);
    iscep_intune_inherit(after, before);
    validate_with(after);
    cr_assert_eq(world.http.count, NEXT + 1, "nothing but the question");
    fake_env_advance(&world.env, 1);
    validate_with(after);
    cr_assert_eq(world.http.count, NEXT + 3, "the question, and a renewal");
    fake_env_advance(&world.env, LIFETIME_MS - RENEWAL_DUE_MS);
    cr_assert_not(iscep_intune_is_ready(after, NULL));
}

Test(inherit, what_has_expired_stays_behind)
{
    fake_env_advance(&world.env, LIFETIME_MS);
    after = make(&tenant);
    iscep_intune_inherit(after, before);
    cr_assert_not(iscep_token_is_at_hand(iscep_intune_tokens(after), ISCEP_SCOPE_INTUNE));
    cr_assert(iscep_discovery_is_at_hand(iscep_intune_discovery(after), ISCEP_SITE_SCEP));
}

static void change_tenant_id(void)
{
    tenant.tenant_id = "99999999-2222-4333-8444-555555555555";
}
static void change_client_id(void)
{
    tenant.client_id = "99999999-7777-4888-8999-aaaaaaaaaaaa";
}
static void change_authority(void)
{
    tenant.authority = "https://login.microsoftonline.us";
}
static void change_graph(void)
{
    tenant.graph = "https://graph.microsoft.us";
}
static void change_graph_resource(void)
{
    tenant.graph_resource = "https://graph.microsoft.us";
}
static void change_intune_resource(void)
{
    tenant.intune_resource = "https://api.manage.microsoft.us/";
}
static void change_token_path(void)
{
    tenant.token_path = "oauth2/v3.0/token";
}
static void change_discovery_path(void)
{
    tenant.discovery_path = "v1.0/other";
}
static void change_scep_path(void)
{
    tenant.scep_path = "OtherActions";
}
static void change_revocation_path(void)
{
    tenant.revocation_path = "OtherRequests";
}
static void change_allowed_host(void)
{
    tenant.allowed_hosts[0] = "amsub0102.manage.microsoft.com";
}
static void add_allowed_host(void)
{
    tenant.allowed_hosts[tenant.allowed_host_count++] = "manage.microsoft.us";
}

static iscep_secret *other_secret;

static void change_secret(void)
{
    cr_assert_eq(iscep_secret_new(&other_secret, iscep_bytes_of_text("another"), NULL), ISCEP_OK);
    tenant.client_secret = other_secret;
}

Test(inherit, whatever_a_token_or_an_address_depends_on_must_be_the_same)
{
    static void (*const changes[])(void) = {
        change_tenant_id,      change_client_id,       change_authority,    change_graph,
        change_graph_resource, change_intune_resource, change_token_path,   change_discovery_path,
        change_scep_path,      change_revocation_path, change_allowed_host, add_allowed_host,
        change_secret};
    for (size_t i = 0; i < COUNT(changes); i++) {
        tenant = world.tenant;
        changes[i]();
        iscep_intune *changed = make(&tenant);
        iscep_intune_inherit(changed, before);
        cr_assert_not(iscep_token_is_at_hand(iscep_intune_tokens(changed), ISCEP_SCOPE_INTUNE), "%zu", i);
        cr_assert_not(iscep_token_is_at_hand(iscep_intune_tokens(changed), ISCEP_SCOPE_GRAPH), "%zu", i);
        cr_assert_not(iscep_discovery_is_at_hand(iscep_intune_discovery(changed), ISCEP_SITE_SCEP), "%zu", i);
        iscep_intune_free(changed);
    }
    iscep_secret_free(other_secret);
}

/* --- credentials: the files' names count, and not what is in them --- */

static iscep_credential_options credential(iscep_credential_kind kind)
{
    iscep_credential_options options = ISCEP_CREDENTIAL_OPTIONS_INIT;
    options.kind = kind;
    return options;
}

static bool is_same(const iscep_credential_options *of, const iscep_credential_options *other)
{
    iscep_tenant a = world.tenant, b = world.tenant;
    a.client_secret = b.client_secret = NULL;
    a.credential_count = b.credential_count = 1;
    a.credentials[0] = of;
    b.credentials[0] = other;
    return iscep_tenant_has_same_access(&a, &b);
}

Test(inherit, a_credential_is_the_same_whose_kind_and_files_are)
{
    iscep_credential_options secret = credential(ISCEP_CREDENTIAL_SECRET);
    char same_path[] = "/etc/intune-scep/secret"; /* another address, the same text */
    secret.client_secret_file = "/etc/intune-scep/secret";
    iscep_credential_options again = secret;
    again.client_secret_file = same_path;
    again.name = "renamed";
    cr_assert(is_same(&secret, &again));
    again.client_secret_file = "/etc/intune-scep/secret2";
    cr_assert_not(is_same(&secret, &again));
    again = secret;
    again.kind = ISCEP_CREDENTIAL_FEDERATED;
    cr_assert_not(is_same(&secret, &again));
}

Test(inherit, every_text_of_a_credential_counts)
{
    static const size_t texts[] = {
        offsetof(iscep_credential_options, key),
        offsetof(iscep_credential_options, certificate),
        offsetof(iscep_credential_options, password_file),
        offsetof(iscep_credential_options, provider),
        offsetof(iscep_credential_options, algorithm),
        offsetof(iscep_credential_options, token_file),
        offsetof(iscep_credential_options, identity_client_id),
        offsetof(iscep_credential_options, imds_endpoint),
        offsetof(iscep_credential_options, imds_api_version),
    };
    const iscep_credential_options plain = credential(ISCEP_CREDENTIAL_CERTIFICATE);
    for (size_t i = 0; i < COUNT(texts); i++) {
        iscep_credential_options changed = plain;
        *(const char **)(void *)((char *)&changed + texts[i]) = "x";
        cr_assert_not(is_same(&plain, &changed), "%zu", i);
        cr_assert(is_same(&changed, &changed), "%zu", i);
    }
}

Test(inherit, another_credential_beside_it_is_another_access)
{
    const iscep_credential_options one = credential(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    iscep_tenant a = world.tenant, b = world.tenant;
    a.client_secret = b.client_secret = NULL;
    a.credentials[0] = b.credentials[0] = b.credentials[1] = &one;
    a.credential_count = 1;
    b.credential_count = 2;
    cr_assert_not(iscep_tenant_has_same_access(&a, &b));
}
