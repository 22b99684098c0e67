/* See overview.h. */
#include "daemon/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics_page.h"

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

/* The gauges of what is no longer configured must not stand there for ever. */
static void forget(iscep_overview *overview)
{
    for (size_t m = 0; m < overview->sources.metrics_count; m++) {
        for (size_t i = 0; i < overview->sources.tenant_count; i++)
            iscep_metrics_forget(overview->metrics[m], "tenant", overview->tenants[i].config->name);
        for (size_t i = 0; i < overview->sources.listener_count; i++)
            iscep_metrics_forget(overview->metrics[m], "listener", overview->listeners[i].options->name);
    }
}

static bool is_same_set(const iscep_overview *overview, const iscep_config *config)
{
    bool is_same = overview->sources.tenant_count == config->tenant_count &&
                   overview->sources.listener_count == config->listener_count;
    for (size_t i = 0; i < config->tenant_count && is_same; i++)
        is_same = strcmp(overview->tenants[i].config->name, config->tenants[i].name) == 0;
    for (size_t i = 0; i < config->listener_count && is_same; i++)
        is_same = strcmp(overview->listeners[i].options->name, config->listeners[i].name) == 0;
    return is_same;
}

void iscep_overview_show(iscep_overview *overview, const iscep_generation *generation, const iscep_gate *gate)
{
    iscep_status_sources *sources = &overview->sources;
    const iscep_config *config = generation->config;
    if (!is_same_set(overview, config))
        forget(overview);
    sources->config = config;
    sources->loaded_unix_ms = iscep_now_unix_ms(sources->env);
    for (size_t i = 0; i < config->tenant_count; i++)
        overview->tenants[i] =
            (iscep_status_tenant){.config = &config->tenants[i],
                                  .intune = iscep_generation_keeper_seat(generation, i)->intune,
                                  .revoker = generation->revokers[i]};
    for (size_t i = 0; i < config->listener_count; i++)
        show_listener(overview, i, gate);
    sources->tenants = overview->tenants;
    sources->tenant_count = config->tenant_count;
    sources->listeners = overview->listeners;
    sources->listener_count = config->listener_count;
    sources->metrics = overview->metrics;
    iscep_metrics_set(overview->metrics[0], ISCEP_METRIC_RELOADED, NULL,
                      (double)sources->loaded_unix_ms / 1000);
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
