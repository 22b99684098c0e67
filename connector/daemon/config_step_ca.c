/* The sections [step-ca/NAME]: a step-ca's webhooks, and by what they are known. */
#include <stdio.h>
#include <string.h>

#include "daemon/config_key.h"

enum { MIN_SECRET_LEN = 16, MAX_SECRET_LEN = 4096 };

/* step-ca's write timeout is 15 s, and it asks a second time after one. */
static const char *read_answer_within(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of milliseconds", 100, 14000);
}

static const char *judge_hook_secret(iscep_bytes secret)
{
    iscep_buf raw;
    iscep_buf_init(&raw, MAX_SECRET_LEN);
    bool is_base64 = iscep_base64_decode(&raw, secret, NULL) == ISCEP_OK && !raw.is_overflown;
    size_t len = iscep_buf_bytes(&raw).len;
    iscep_buf_wipe(&raw);
    if (!is_base64)
        return "names a file that is not base64: write what step-ca shows as the webhook's secret into it";
    return len < MIN_SECRET_LEN ? "names a file with less than 16 bytes in base64" : NULL;
}

static const char *read_hook_secret(iscep_config *config, void *to, const char *text)
{
    iscep_secret *secret = NULL;
    const char *wrong = iscep_config_read_secret_file(config, to, text);
    if (wrong == NULL)
        wrong = iscep_config_load_secret(&secret, *(const char **)to);
    if (wrong == NULL)
        wrong = judge_hook_secret(iscep_secret_reveal(secret));
    iscep_secret_free(secret);
    return wrong;
}

#define AT(member) offsetof(iscep_step_ca_options, member)

const struct key iscep_step_ca_keys[] = {
    {"tenant", AT(tenant), iscep_config_read_text, NO_DEFAULT("the listener's, or the only one"),
     "the `[tenant/NAME]` whose challenges these are. With several tenants one of the two must say"},
    {"challenge_id", AT(challenge_id), iscep_config_read_text, NO_DEFAULT("required"),
     "id of the webhook of kind `SCEPCHALLENGE`, as step-ca shows it"},
    {"challenge_secret_file", AT(challenge_secret_file), read_hook_secret, NO_DEFAULT("required"),
     "a file that holds its secret, base64, as step-ca shows it"},
    {"notify_id", AT(notify_id), iscep_config_read_text, NO_DEFAULT("required"),
     "the same of the webhook of kind `NOTIFYING`: without it Intune would never be told of a certificate"},
    {"notify_secret_file", AT(notify_secret_file), read_hook_secret, NO_DEFAULT("required"),
     "a file that holds the secret of that webhook"},
    {"bearer_token_file", AT(bearer_token_file), iscep_config_read_loaded_secret, NO_DEFAULT("none"),
     "a file with the token that step-ca was told to send besides"},
    {"basic_user", AT(basic_user), iscep_config_read_text, NO_DEFAULT("none"),
     "or the user, with `basic_password_file`"},
    {"basic_password_file", AT(basic_password_file), iscep_config_read_loaded_secret, NO_DEFAULT("none"),
     "a file with the password"},
    {"empty_key", AT(is_key_empty), iscep_config_read_yes, DEFAULT("no"),
     "`yes`: a webhook that was written into ca.json by hand has no secret, and a certificate alone tells "
     "who asks. Then `client_names` is needed, no secret is named, and every listener that serves `step-ca` "
     "must demand certificates (so the socket of `[connector]` cannot be the one)"},
    {"client_names", AT(client_names), iscep_config_read_client_names, NO_DEFAULT("none"),
     "names, by spaces, that step-ca's certificate must bear one of; its own server certificate is what it "
     "shows"},
    {"answer_within_ms", AT(answer_within_ms), read_answer_within, DEFAULT("6000"),
     "100 to 14000; step-ca gives a request up after 15 s, and asks a second time after one"},
    {0},
};

iscep_status iscep_config_add_step_ca(iscep_config *config, const char *name, iscep_error *err)
{
    iscep_status status = iscep_config_check_name("step-ca", name, err);
    if (status != ISCEP_OK)
        return status;
    if (config->step_ca_count == ISCEP_CONFIG_MAX_STEP_CAS)
        return iscep_error_set(err, ISCEP_CONFIG, "config_section", "there can be %d of step-ca, not more",
                               ISCEP_CONFIG_MAX_STEP_CAS);
    iscep_step_ca_options *hook = &config->step_cas[config->step_ca_count++];
    *hook = (iscep_step_ca_options){.name = iscep_config_keep(config, name)};
    return hook->name == NULL ? iscep_error_nomem(err) : ISCEP_OK;
}

/* --- the rules; each says when it is broken --- */

typedef struct iscep_step_ca_options hook_options;

/* Is there a listener that serves step-ca and is like this? */
static bool has_listener(const iscep_config *config, const hook_options *hook,
                         bool (*is_like)(const iscep_listener_options *, const hook_options *))
{
    for (size_t i = 0; i < config->listener_count; i++)
        if ((config->listeners[i].serves & ISCEP_SERVES_STEP_CA) != 0 && is_like(&config->listeners[i], hook))
            return true;
    return false;
}

static bool is_any(const iscep_listener_options *listener, const hook_options *hook)
{
    (void)listener;
    (void)hook;
    return true;
}

static bool is_lax(const iscep_listener_options *listener, const hook_options *hook)
{
    (void)hook;
    return listener->client_ca_file == NULL || !listener->is_client_certificate_required;
}

static bool asks_for_certificates(const iscep_listener_options *listener, const hook_options *hook)
{
    (void)hook;
    return listener->client_ca_file != NULL;
}

static bool is_for_nobody(const iscep_listener_options *listener, const hook_options *hook)
{
    (void)hook;
    return listener->tenant == NULL;
}

static bool is_of_its_tenant(const iscep_listener_options *listener, const hook_options *hook)
{
    return listener->tenant == NULL || hook->tenant == NULL || strcmp(listener->tenant, hook->tenant) == 0;
}

static bool has_no_way_in(const iscep_config *config, const hook_options *hook)
{
    return !has_listener(config, hook, is_any);
}

static bool is_for_an_unknown_tenant(const iscep_config *config, const hook_options *hook)
{
    return hook->tenant != NULL && iscep_config_find_tenant(config, hook->tenant) == NULL;
}

static bool is_for_whom(const iscep_config *config, const hook_options *hook)
{
    return hook->tenant == NULL && config->tenant_count > 1 && has_listener(config, hook, is_for_nobody);
}

static bool is_for_another_tenant_everywhere(const iscep_config *config, const hook_options *hook)
{
    return !has_listener(config, hook, is_of_its_tenant);
}

static bool has_key_and_no_key(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return hook->is_key_empty && (hook->challenge_secret_file != NULL || hook->notify_secret_file != NULL);
}

static bool is_known_by_nothing(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return hook->is_key_empty && hook->client_names.count == 0;
}

static bool is_empty_key_let_in_otherwise(const iscep_config *config, const hook_options *hook)
{
    return hook->is_key_empty && has_listener(config, hook, is_lax);
}

static bool has_no_challenge_hook(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return !hook->is_key_empty && (hook->challenge_id == NULL || hook->challenge_secret_file == NULL);
}

static bool has_no_notify_hook(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return !hook->is_key_empty && (hook->notify_id == NULL || hook->notify_secret_file == NULL);
}

static bool has_half_a_password(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return (hook->basic_user == NULL) != (hook->basic_password_file == NULL);
}

static bool has_two_authorizations(const iscep_config *config, const hook_options *hook)
{
    (void)config;
    return hook->bearer_token_file != NULL && hook->basic_user != NULL;
}

static bool names_clients_that_nobody_asks(const iscep_config *config, const hook_options *hook)
{
    return hook->client_names.count > 0 && !has_listener(config, hook, asks_for_certificates);
}

static const struct rule {
    bool (*is_broken)(const iscep_config *config, const hook_options *hook);
    const char *key; /* whose line is shown */
    const char *sentence;
} rules[] = {
    {has_no_way_in, NULL, "no listener serves step-ca: write serves = step-ca in a [listener/NAME]"},
    {is_for_an_unknown_tenant, "tenant",
     "there is no [tenant/NAME] of this name: write one, or the name of one that is there"},
    {is_for_whom, "tenant",
     "there are several tenants, and nothing says whose this is: write tenant = here, or in every listener "
     "that serves step-ca"},
    {is_for_another_tenant_everywhere, "tenant",
     "every listener that serves step-ca is for another tenant: write the same tenant in one of them"},
    {has_key_and_no_key, "empty_key",
     "empty_key = yes and the files of secrets exclude each other: take empty_key away if step-ca has shown "
     "secrets"},
    {is_known_by_nothing, "empty_key",
     "with empty_key = yes a certificate alone tells who asks: write client_names = and the name in "
     "step-ca's own"},
    {is_empty_key_let_in_otherwise, "empty_key",
     "with empty_key = yes every listener that serves step-ca must demand a certificate: write client_ca, "
     "and no client_certificates = optional; the socket of [connector] listen serves step-ca, too: write it "
     "as a [listener/NAME] with serves = api admin metrics status"},
    {has_no_challenge_hook, "challenge_id",
     "challenge_id and challenge_secret_file are missing, both or one: write what step-ca has shown for the "
     "webhook of kind SCEPCHALLENGE"},
    {has_no_notify_hook, "notify_id",
     "notify_id and notify_secret_file are missing, both or one: without them Intune would never be told of "
     "a certificate; write what step-ca has shown for the webhook of kind NOTIFYING"},
    {has_half_a_password, "basic_user", "basic_user and basic_password_file belong together: write both"},
    {has_two_authorizations, "bearer_token_file",
     "bearer_token_file and basic_user exclude each other: step-ca sends one of them"},
    {names_clients_that_nobody_asks, "client_names",
     "no listener that serves step-ca asks for certificates: write client_ca in it"},
};

static iscep_status judge(const iscep_config *config, const hook_options *hook, iscep_error *err)
{
    char title[128];
    snprintf(title, sizeof title, "step-ca/%s", hook->name);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rules[i].is_broken(config, hook))
            continue;
        iscep_error_set(err, ISCEP_CONFIG, "step_ca", "%s", rules[i].sentence);
        return iscep_config_place(config, title, rules[i].key, err);
    }
    return ISCEP_OK;
}

iscep_status iscep_config_settle_step_cas(const iscep_config *config, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; i < config->step_ca_count && status == ISCEP_OK; i++)
        status = judge(config, &config->step_cas[i], err);
    return status;
}
