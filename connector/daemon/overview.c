/* See overview.h. */
#include "daemon/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics_page.h"
#include "intune/credential.h"

/* --- the configuration in force --- */

static void emit_address(char out[ISCEP_OVERVIEW_ADDRESS_SIZE], const iscep_listener_options *options,
                         uint16_t port)
{
    if (options->systemd_name != NULL)
        snprintf(out, ISCEP_OVERVIEW_ADDRESS_SIZE, "systemd:%s", options->systemd_name);
    else if (options->at.unix_path != NULL)
        snprintf(out, ISCEP_OVERVIEW_ADDRESS_SIZE, "unix:%s", options->at.unix_path);
    else
        snprintf(out, ISCEP_OVERVIEW_ADDRESS_SIZE, "tcp:%s:%u", options->at.host, (unsigned)port);
}

static void show_listener(iscep_overview *overview, size_t i, const iscep_gate *gate)
{
    const iscep_listener_options *options = &overview->sources.config->listeners[i];
    const int64_t expires_unix = iscep_gate_expires_unix(gate, i);
    emit_address(overview->addresses[i], options, iscep_gate_port(gate, i));
    overview->listeners[i] = (iscep_status_listener){
        .options = options, .address = overview->addresses[i], .expires_unix = expires_unix};
    if (expires_unix != 0)
        ISCEP_METRIC_SET(overview->metrics[0], ISCEP_METRIC_LISTENER_EXPIRY, (double)expires_unix,
                         options->name);
}

static void forget(iscep_overview *overview, const char *label, const char *name)
{
    for (size_t m = 0; m < overview->sources.metrics_count; m++)
        iscep_metrics_forget(overview->metrics[m], label, name);
}

static bool has_listener(const iscep_config *config, const char *name)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (strcmp(config->listeners[i].name, name) == 0)
            return true;
    return false;
}

static const char *credential_name(const iscep_credential_options *options)
{
    return options->name != NULL ? options->name : iscep_credential_kind_name(options->kind);
}

static bool has_credential(const iscep_tenant *tenant, const char *name)
{
    for (size_t i = 0; i < tenant->credential_count; i++)
        if (strcmp(credential_name(tenant->credentials[i]), name) == 0)
            return true;
    return false;
}

static void forget_credentials(iscep_overview *overview, const iscep_config_tenant *before,
                               const iscep_config_tenant *now)
{
    for (size_t i = 0; i < before->tenant.credential_count; i++) {
        const char *name = credential_name(before->tenant.credentials[i]);
        if (has_credential(&now->tenant, name))
            continue;
        for (size_t m = 0; m < overview->sources.metrics_count; m++) {
            ISCEP_METRIC_FORGET(overview->metrics[m], ISCEP_METRIC_CREDENTIAL_REFUSED, now->name, name);
            ISCEP_METRIC_FORGET(overview->metrics[m], ISCEP_METRIC_CREDENTIAL_EXPIRY, now->name, name);
        }
    }
}

void iscep_overview_forget(iscep_overview *overview, const iscep_config *before)
{
    const iscep_config *config = overview->sources.config;
    for (size_t i = 0; i < before->tenant_count; i++) {
        const iscep_config_tenant *now = iscep_config_find_tenant(config, before->tenants[i].name);
        if (now == NULL)
            forget(overview, "tenant", before->tenants[i].name);
        else
            forget_credentials(overview, &before->tenants[i], now);
    }
    for (size_t i = 0; i < before->listener_count; i++)
        if (!has_listener(config, before->listeners[i].name))
            forget(overview, "listener", before->listeners[i].name);
}

/* A process that is not ours has none, and nothing to say. */
static void show_sandbox(iscep_metrics *metrics, const iscep_sandbox_outcome *sandbox)
{
    if (sandbox == NULL)
        return;
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_SANDBOX, sandbox->landlock > 0, "landlock");
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_SANDBOX, sandbox->is_filtered, "seccomp");
}

static void show_taken(iscep_overview *overview, const iscep_config *config)
{
    iscep_metrics *metrics = overview->metrics[0];
    iscep_metrics_forget(metrics, "digest", overview->digest);
    snprintf(overview->digest, sizeof overview->digest, "%.*s", ISCEP_OVERVIEW_DIGEST_LEN,
             config->common_digest);
    ISCEP_METRIC_SET(metrics, ISCEP_METRIC_CONFIG_INFO, 1, overview->digest);
    iscep_metrics_set(metrics, ISCEP_METRIC_RELOADED, NULL, (double)overview->sources.loaded_unix_ms / 1000);
    iscep_metrics_set(metrics, ISCEP_METRIC_RELOAD_GOOD, NULL, 1);
}

void iscep_overview_show(iscep_overview *overview, const iscep_generation *generation, const iscep_gate *gate)
{
    iscep_status_sources *sources = &overview->sources;
    const iscep_config *config = generation->config;
    const iscep_config *before = sources->config;
    sources->config = config;
    if (before != NULL)
        iscep_overview_forget(overview, before);
    sources->loaded_unix_ms = iscep_now_unix_ms(sources->env);
    for (size_t i = 0; i < config->tenant_count; i++)
        overview->tenants[i] =
            (iscep_status_tenant){.config = &config->tenants[i],
                                  .intune = iscep_generation_keeper_seat(generation, i)->intune,
                                  .revoker = generation->revokers[i],
                                  .crowd = &generation->crowds[i]};
    for (size_t i = 0; i < config->listener_count; i++)
        show_listener(overview, i, gate);
    sources->tenants = overview->tenants;
    sources->tenant_count = config->tenant_count;
    sources->listeners = overview->listeners;
    sources->listener_count = config->listener_count;
    sources->metrics = overview->metrics;
    show_taken(overview, config);
    show_sandbox(overview->metrics[0], sources->sandbox);
}

void iscep_overview_clear(iscep_overview *overview)
{
    overview->sources.tenant_count = 0;
    overview->sources.listener_count = 0;
}

/* --- metrics --- */

static bool has_tenant(const iscep_status_sources *sources, const char *name)
{
    for (size_t i = 0; i < sources->tenant_count; i++)
        if (strcmp(sources->tenants[i].config->name, name) == 0)
            return true;
    return false;
}

static void show_in_flight(const iscep_status_sources *sources)
{
    for (size_t i = 0; i < sources->tenant_count; i++)
        ISCEP_METRIC_SET(
            sources->metrics[0], ISCEP_METRIC_IN_FLIGHT,
            (double)atomic_load_explicit(&sources->tenants[i].crowd->count, memory_order_relaxed),
            sources->tenants[i].config->name);
}

/* One scrape, which asks the journal about one tenant after the other: those there were when it came. */
typedef struct scrape {
    iscep_exchange *exchange;
    const iscep_overview *overview;
    size_t next;
    size_t count;
    char tenants[ISCEP_CONFIG_MAX_TENANTS][ISCEP_CONFIG_NAME_SIZE];
} scrape;

static void ask_next(scrape *asked);

static void on_totals(void *user, iscep_status status, const iscep_json *totals, const iscep_error *err)
{
    scrape *asked = user;
    const iscep_status_sources *sources = &asked->overview->sources;
    (void)err; /* the journal says itself what is wrong with it */
    if (has_tenant(sources, asked->tenants[asked->next]))
        iscep_metrics_page_show_journal(sources->metrics[0], asked->tenants[asked->next],
                                        status == ISCEP_OK ? totals : NULL, iscep_now_unix_ms(sources->env));
    asked->next++;
    ask_next(asked);
}

static void ask_next(scrape *asked)
{
    const iscep_status_sources *sources = &asked->overview->sources;
    if (asked->next < asked->count && sources->tenant_count > 0) {
        iscep_journal_totals(sources->journal, asked->tenants[asked->next], on_totals, asked);
        return;
    }
    show_in_flight(sources);
    iscep_metrics_page_handle(asked->exchange, sources->metrics, sources->metrics_count);
    free(asked);
}

void iscep_overview_reply_metrics(iscep_exchange *exchange, const iscep_overview *overview)
{
    scrape *asked = malloc(sizeof *asked);
    if (asked == NULL) {
        iscep_exchange_reply_error(exchange, 503, "nomem", "out of memory");
        return;
    }
    asked->exchange = exchange;
    asked->overview = overview;
    asked->next = 0;
    asked->count = overview->sources.tenant_count;
    for (size_t i = 0; i < asked->count; i++)
        iscep_text_copy(asked->tenants[i], sizeof asked->tenants[i], overview->tenants[i].config->name);
    ask_next(asked);
}
