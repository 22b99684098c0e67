/* See metrics_families.h. docs/METRICS.md says the same for people; a test compares the two. */
#include "base/metrics_families.h"

/* What somebody waits for: a device at one end, a service across the internet at the other. */
static const double request_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                        0.25,  0.5,    1,     2.5,  5,     10,   30};
/* A write to a disk, with fsync. */
static const double journal_bounds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                        0.01,    0.025,  0.05,    0.1,    0.25,  1};

static const iscep_metric_bounds of_request = {request_bounds,
                                               sizeof request_bounds / sizeof *request_bounds};
static const iscep_metric_bounds of_journal = {journal_bounds,
                                               sizeof journal_bounds / sizeof *journal_bounds};

#define COUNTER(called, helps, ...)                                                                          \
    {                                                                                                        \
        .name = (called), .help = (helps), .type = ISCEP_COUNTER, .labels = { __VA_ARGS__ }                  \
    }
#define GAUGE(called, unites, helps, ...)                                                                    \
    {                                                                                                        \
        .name = (called), .help = (helps), .type = ISCEP_GAUGE, .together = ISCEP_UNION_##unites,            \
        .labels = {                                                                                          \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define HISTOGRAM(called, within, helps, ...)                                                                \
    {                                                                                                        \
        .name = (called), .help = (helps), .type = ISCEP_HISTOGRAM, .bounds = &(within), .labels = {         \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

static const iscep_metric_family families[ISCEP_METRIC_COUNT] = {
    [ISCEP_METRIC_BUILD_INFO] =
        GAUGE("intune_scep_build_info", MAX, "1, with the version that runs.", "version"),
    [ISCEP_METRIC_VERDICTS] =
        COUNTER("intune_scep_verdicts_total", "Answers to SCEP servers, by what was asked and answered.",
                "tenant", "operation", "verdict", "code"),
    [ISCEP_METRIC_REQUEST_SECONDS] =
        HISTOGRAM("intune_scep_request_duration_seconds", of_request,
                  "From the whole request of a SCEP server to its answer.", "tenant", "operation"),
    [ISCEP_METRIC_UPSTREAM_SECONDS] =
        HISTOGRAM("intune_scep_upstream_request_duration_seconds", of_request,
                  "One HTTP request to Entra ID, Graph or Intune; retries count each.", "tenant", "endpoint",
                  "outcome"),
    [ISCEP_METRIC_TOKENS] = COUNTER("intune_scep_token_requests_total",
                                    "Access tokens asked for: fetched, refused by Entra ID, or failed.",
                                    "tenant", "scope", "outcome"),
    [ISCEP_METRIC_TOKEN_EXPIRY] = GAUGE("intune_scep_token_expiry_timestamp_seconds", MIN,
                                        "When the access token in use expires.", "tenant", "scope"),
    [ISCEP_METRIC_CREDENTIAL_EXPIRY] =
        GAUGE("intune_scep_credential_expiry_timestamp_seconds", MIN,
              "When the certificate that proves to Entra ID who we are expires.", "tenant", "credential"),
    [ISCEP_METRIC_CREDENTIAL_REFUSED] =
        GAUGE("intune_scep_credential_refused", MAX,
              "1 from when Entra ID refuses a credential until it gives a token for it, otherwise 0.",
              "tenant", "credential"),
    [ISCEP_METRIC_BREAKER_OPEN] =
        GAUGE("intune_scep_circuit_state", MAX,
              "Circuit breaker of an endpoint: 0 closed, 1 half-open, 2 open.", "tenant", "endpoint"),
    [ISCEP_METRIC_IN_FLIGHT] = GAUGE("intune_scep_requests_in_flight", SUM,
                                     "Requests of SCEP servers that wait for their answer.", "tenant"),
    [ISCEP_METRIC_JOURNAL_SECONDS] =
        HISTOGRAM("intune_scep_journal_duration_seconds", of_journal,
                  "One write of the journal, fsync included, or one read.", "operation"),
    [ISCEP_METRIC_JOURNAL_HEALTHY] =
        GAUGE("intune_scep_journal_healthy", MIN, "1 while the journal can be written, otherwise 0.", NULL),
    [ISCEP_METRIC_JOURNAL_BYTES] = GAUGE("intune_scep_journal_size_bytes", MAX, "The journal's file.", NULL),
    [ISCEP_METRIC_DATABASE_UP] =
        GAUGE("intune_scep_database_up", MIN,
              "1 while the database that the nodes share is written, 0 while the spool is.", NULL),
    [ISCEP_METRIC_SPOOLED] = GAUGE("intune_scep_spooled", MAX,
                                   "Enrolments in this node's spool, on their way to the database.", NULL),
    [ISCEP_METRIC_NODES_SEEN] = GAUGE("intune_scep_nodes_seen", MAX,
                                      "Nodes that this one has seen within a minute, itself included.", NULL),
    [ISCEP_METRIC_LEADER] =
        GAUGE("intune_scep_leader", MAX,
              "1 on the node that asks Intune for the tenant's revocations, 0 on the others.", "tenant"),
    [ISCEP_METRIC_OUTBOX_OWED] =
        GAUGE("intune_scep_outbox_owed", MAX, "Reports that Intune has not taken note of yet.", "tenant"),
    [ISCEP_METRIC_OUTBOX_DEAD] = GAUGE("intune_scep_outbox_dead", MAX,
                                       "Reports that are tried no more and wait for a person.", "tenant"),
    [ISCEP_METRIC_OUTBOX_OLDEST] =
        GAUGE("intune_scep_outbox_oldest_age_seconds", MAX,
              "Since the oldest owed report was recorded; 0 if nothing is owed.", "tenant"),
    [ISCEP_METRIC_REVOCATIONS] =
        GAUGE("intune_scep_revocations", MAX, "Revocations that Intune asked for and that are not over.",
              "tenant", "state"),
    [ISCEP_METRIC_REVOCATION_POLL] =
        GAUGE("intune_scep_revocation_last_poll_timestamp_seconds", MAX,
              "When Intune was last asked for revocations, and answered.", "tenant"),
    [ISCEP_METRIC_STORM_GUARD] =
        GAUGE("intune_scep_storm_guard_holding", MAX,
              "1 while the storm guard holds revocations until a person approves them.", "tenant"),
    [ISCEP_METRIC_CONNECTIONS] =
        GAUGE("intune_scep_connections", SUM, "Connections of callers that are open.", "listener"),
    [ISCEP_METRIC_HTTP_REQUESTS] =
        COUNTER("intune_scep_http_requests_total", "HTTP requests of callers, by the status of their answer.",
                "listener", "status"),
    [ISCEP_METRIC_HTTP_TURNED_AWAY] =
        COUNTER("intune_scep_http_turned_away_total", "Connections and requests beyond a limit.", "listener",
                "reason"),
    [ISCEP_METRIC_LISTENER_EXPIRY] =
        GAUGE("intune_scep_listener_certificate_expiry_timestamp_seconds", MIN,
              "When the certificate that a listener presents expires.", "listener"),
    [ISCEP_METRIC_RELOADS] = COUNTER("intune_scep_reloads_total",
                                     "Configurations that were read again: taken or refused.", "outcome"),
    [ISCEP_METRIC_RELOAD_GOOD] =
        GAUGE("intune_scep_config_last_reload_successful", MIN,
              "0 from when a configuration is refused until one is taken, otherwise 1.", NULL),
    [ISCEP_METRIC_RELOADED] = GAUGE("intune_scep_config_loaded_timestamp_seconds", MAX,
                                    "When the configuration in force was taken.", NULL),
    [ISCEP_METRIC_CONFIG_INFO] =
        GAUGE("intune_scep_config_info", MAX,
              "1, with a digest of what must be the same on all nodes that share a database.", "digest"),
    [ISCEP_METRIC_SANDBOX] =
        GAUGE("intune_scep_sandbox", MIN,
              "1 while this part of the daemon's sandbox is in force (landlock, seccomp), "
              "otherwise 0.",
              "part"),
    [ISCEP_METRIC_PROCESS_CPU] =
        COUNTER("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", NULL),
    [ISCEP_METRIC_PROCESS_RSS] =
        GAUGE("process_resident_memory_bytes", MAX, "Resident memory size in bytes.", NULL),
    [ISCEP_METRIC_PROCESS_FDS] = GAUGE("process_open_fds", MAX, "Number of open file descriptors.", NULL),
    [ISCEP_METRIC_PROCESS_MAX_FDS] =
        GAUGE("process_max_fds", MAX, "Maximum number of open file descriptors.", NULL),
    [ISCEP_METRIC_PROCESS_START] = GAUGE("process_start_time_seconds", MAX,
                                         "Start time of the process since unix epoch in seconds.", NULL),
};

const iscep_metric_family *iscep_metric_family_of(iscep_metric metric)
{
    return &families[metric];
}

size_t iscep_metric_family_label_count(const iscep_metric_family *family)
{
    size_t count = 0;
    while (count < ISCEP_METRICS_MAX_LABELS && family->labels[count] != NULL)
        count++;
    return count;
}
