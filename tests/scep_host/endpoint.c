/* Putting an endpoint together, and taking it apart with plugins that may not let go. */
#include "endpoint.h"

enum {
    QUEUED_PER_WORKER = 64,
    PATIENCE_MARGIN_MS = 3000, /* beyond the plugins' own time: for the host's own work, and a queue */
    CA_QUESTIONS = 2,          /* of one message: is the signer's certificate valid, and sign */
    LEAVE_MS = 5000,           /* how long threads may take to come back at the end */
};

static iscep_status load_plugin(iscep_endpoint *endpoint, const iscep_endpoint_host *host,
                                const iscep_plugin_choice *choice, iscep_error *err)
{
    const iscep_plugin_options options = {.config = choice->config,
                                          .config_count = choice->config_count,
                                          .timeout_ms = choice->timeout_ms,
                                          .form = choice->form,
                                          .endpoint = endpoint->path,
                                          .revoke = host->revoke,
                                          .revoke_user = host->revoke_user};
    iscep_plugin_host *plugin = NULL;
    iscep_status status = iscep_plugin_host_load(&plugin, host->env, choice->path, &options, err);
    if (status != ISCEP_OK)
        return status;
    endpoint->plugins[endpoint->plugin_count++] = plugin;
    endpoint->patience_ms += choice->timeout_ms;
    iscep_log_event(
        host->env->log, ISCEP_LOG_INFO, "plugin_open", ISCEP_LOG_TEXT("name", plugin->plugin->name),
        ISCEP_LOG_TEXT("version", plugin->plugin->version), ISCEP_LOG_TEXT("endpoint", endpoint->path),
        ISCEP_LOG_TEXT("form", plugin->form == ISCEP_PLUGIN_EVENT ? "event" : "blocking"));
    return ISCEP_OK;
}

static iscep_status load_plugins(iscep_endpoint *endpoint, const iscep_endpoint_host *host,
                                 const iscep_endpoint_plan *plan, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (size_t i = 0; status == ISCEP_OK && i < plan->plugin_count; i++)
        status = load_plugin(endpoint, host, &plan->plugins[i], err);
    return status;
}

iscep_status iscep_endpoint_open(iscep_endpoint *endpoint, const iscep_endpoint_host *host,
                                 const iscep_endpoint_plan *plan, iscep_error *err)
{
    *endpoint = (iscep_endpoint){.path = plan->path,
                                 .env = host->env,
                                 .patience_ms = PATIENCE_MARGIN_MS + CA_QUESTIONS * host->ca_timeout_ms};
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    iscep_status status = ISCEP_OK;
    if (plan->static_challenge_file)
        status = iscep_secret_load(&endpoint->static_challenge, plan->static_challenge_file, err);
    if (status == ISCEP_OK)
        status = iscep_transactions_new(&endpoint->transactions, host->env, &table, err);
    if (status == ISCEP_OK)
        status = iscep_workers_new(&endpoint->workers, host->workers,
                                   (size_t)host->workers * QUEUED_PER_WORKER, err);
    if (status == ISCEP_OK)
        status = load_plugins(endpoint, host, plan, err);
    endpoint->enrol = (iscep_enrol){.env = host->env,
                                    .crypto = host->crypto,
                                    .ca = host->ca,
                                    .plugins = endpoint->plugins,
                                    .plugin_count = endpoint->plugin_count,
                                    .static_challenge = endpoint->static_challenge,
                                    .transactions = endpoint->transactions,
                                    .pending_retry_ms = host->pending_retry_ms,
                                    .ca_patience_ms = host->ca_patience_ms};
    return status;
}

static void log_health(void *user)
{
    iscep_endpoint *endpoint = user;
    for (size_t i = 0; i < endpoint->plugin_count; i++)
        iscep_plugin_host_log_health(endpoint->plugins[i]);
}

void iscep_endpoint_check_health(iscep_endpoint *endpoint)
{
    endpoint->health = (iscep_job){.run = log_health, .user = endpoint};
    iscep_workers_resume(endpoint->workers, &endpoint->health);
}

bool iscep_endpoint_is_in_service(const iscep_endpoint *endpoint)
{
    for (size_t i = 0; i < endpoint->plugin_count; i++) {
        if (atomic_load(&endpoint->plugins[i]->is_out_of_service))
            return false;
    }
    return true;
}

bool iscep_endpoint_settle(iscep_endpoint *endpoint)
{
    if (!endpoint->workers || iscep_workers_await_idle(endpoint->workers, LEAVE_MS))
        return true;
    iscep_log_event(endpoint->env->log, ISCEP_LOG_ERROR, "threads_abandoned",
                    ISCEP_LOG_TEXT("endpoint", endpoint->path));
    return false;
}

static void close_plugins(void *user)
{
    iscep_endpoint *endpoint = user;
    for (size_t i = 0; i < endpoint->plugin_count; i++)
        iscep_plugin_host_free(endpoint->plugins[i]);
}

bool iscep_endpoint_close(iscep_endpoint *endpoint)
{
    if (endpoint->workers) {
        endpoint->closing = (iscep_job){.run = close_plugins, .user = endpoint};
        iscep_workers_resume(endpoint->workers, &endpoint->closing);
        if (!iscep_endpoint_settle(endpoint))
            return false;
    }
    iscep_workers_free(endpoint->workers);
    iscep_transactions_free(endpoint->transactions);
    iscep_secret_free(endpoint->static_challenge);
    *endpoint = (iscep_endpoint){0};
    return true;
}
