/* See breaker.h. */
#include "net/breaker.h"

#include "base/metrics.h"

enum {
    /* A connection that dies takes all its requests with it: what fails together, fails once. */
    BURST_MS = 200,
    /* Retry-After keeps the circuit open longer than configured, but not longer than this. */
    MAX_RETRY_AFTER_MS = 5 * 60 * 1000,
};

static void set_state(iscep_breaker *breaker, iscep_breaker_state state)
{
    static const double shown[] = {
        [ISCEP_BREAKER_CLOSED] = 0, [ISCEP_BREAKER_HALF_OPEN] = 1, [ISCEP_BREAKER_OPEN] = 2};
    breaker->state = state;
    ISCEP_METRIC_SET(breaker->env->metrics, ISCEP_METRIC_BREAKER_OPEN, shown[state], breaker->tenant,
                     breaker->endpoint);
}

void iscep_breaker_init(iscep_breaker *breaker, const iscep_env *env, const char *tenant,
                        const char *endpoint, const iscep_breaker_limits *limits)
{
    *breaker = (iscep_breaker){.env = env, .tenant = tenant, .endpoint = endpoint, .limits = *limits};
    /* only from the first success on it takes the place of another of the same name: it may never come to use */
    ISCEP_METRIC_ADD(env->metrics, ISCEP_METRIC_BREAKER_OPEN, 0, tenant, endpoint);
}

/* HTTP statuses by which a service that works refuses one request for what is in it. */
static bool is_about_request(int32_t http_status)
{
    return http_status == 400 || http_status == 413 || http_status == 422;
}

/*
 * Not only a dead service is spared: an Entra ID that refuses our secret, a Graph that knows no Intune and a proxy that
 * answers in HTML say the same to the next device. But no device may stop the others by what it sends.
 */
static bool is_fault_of_service(const iscep_error *failure)
{
    switch (failure->status) {
    case ISCEP_NETWORK:
    case ISCEP_SERVICE:
    case ISCEP_AUTH:
    case ISCEP_CONFIG:
        return true;
    case ISCEP_PROTOCOL:
        return !is_about_request(failure->http_status);
    case ISCEP_THROTTLED:
        return failure->http_status != 0; /* else it is a limit of our own */
    default:
        return false;
    }
}

static int64_t open_time_ms(const iscep_breaker *breaker)
{
    int64_t asked_ms = breaker->last.retry_after_ms;
    if (asked_ms > MAX_RETRY_AFTER_MS)
        asked_ms = MAX_RETRY_AFTER_MS;
    return asked_ms > breaker->limits.open_ms ? asked_ms : breaker->limits.open_ms;
}

static void open_circuit(iscep_breaker *breaker, int64_t now_ms)
{
    bool was_closed = breaker->state == ISCEP_BREAKER_CLOSED;
    int64_t open_ms = open_time_ms(breaker);
    set_state(breaker, ISCEP_BREAKER_OPEN);
    breaker->probe = 0;
    breaker->probe_mono_ms = now_ms + open_ms;
    iscep_log_event(
        breaker->env->log, was_closed ? ISCEP_LOG_WARN : ISCEP_LOG_DEBUG,
        was_closed ? "circuit_opened" : "circuit_probe_failed", ISCEP_LOG_TEXT("endpoint", breaker->endpoint),
        ISCEP_LOG_NUM("failures", breaker->failures), ISCEP_LOG_NUM("open_ms", open_ms),
        ISCEP_LOG_TEXT("code", breaker->last.code), ISCEP_LOG_TEXT("reason", breaker->last.message),
        ISCEP_LOG_TEXT("tenant", breaker->tenant));
}

static iscep_status refuse(const iscep_breaker *breaker, int64_t wait_ms, iscep_error *err)
{
    iscep_status status =
        iscep_error_set(err, ISCEP_THROTTLED, "circuit_open",
                        "not asked after %u failures in a row at the endpoint \"%s\"; the last: %s",
                        breaker->failures, breaker->endpoint, breaker->last.message);
    if (err != NULL)
        err->retry_after_ms = wait_ms;
    return status;
}

iscep_status iscep_breaker_enter(iscep_breaker *breaker, iscep_pass *pass, iscep_error *err)
{
    int64_t now_ms = iscep_now_mono_ms(breaker->env);
    if (breaker->state == ISCEP_BREAKER_HALF_OPEN)
        return refuse(breaker, breaker->limits.open_ms, err); /* nobody knows when the probe will be back */
    if (breaker->state == ISCEP_BREAKER_OPEN && now_ms < breaker->probe_mono_ms)
        return refuse(breaker, breaker->probe_mono_ms - now_ms, err);
    *pass = ++breaker->last_pass;
    if (breaker->state == ISCEP_BREAKER_OPEN) {
        set_state(breaker, ISCEP_BREAKER_HALF_OPEN);
        breaker->probe = *pass;
    }
    return ISCEP_OK;
}

void iscep_breaker_succeed(iscep_breaker *breaker)
{
    if (breaker->state != ISCEP_BREAKER_CLOSED)
        iscep_log_event(breaker->env->log, ISCEP_LOG_INFO, "circuit_closed",
                        ISCEP_LOG_TEXT("endpoint", breaker->endpoint),
                        ISCEP_LOG_TEXT("tenant", breaker->tenant));
    set_state(breaker, ISCEP_BREAKER_CLOSED);
    breaker->probe = 0;
    breaker->failures = 0;
}

static bool is_same_event(const iscep_breaker *breaker, iscep_pass pass, int64_t now_ms)
{
    return breaker->failures > 0 && pass <= breaker->pass_at_failure &&
           now_ms - breaker->failed_mono_ms < BURST_MS;
}

void iscep_breaker_fail(iscep_breaker *breaker, iscep_pass pass, const iscep_error *failure)
{
    int64_t now_ms = iscep_now_mono_ms(breaker->env);
    bool is_probe = pass == breaker->probe;
    if (!is_fault_of_service(failure)) {
        iscep_breaker_forgo(breaker, pass);
        return;
    }
    if (breaker->state != ISCEP_BREAKER_CLOSED && !is_probe)
        return; /* what was under way when it opened tells nothing new */
    if (breaker->state == ISCEP_BREAKER_CLOSED && is_same_event(breaker, pass, now_ms))
        return;
    breaker->failures++;
    breaker->failed_mono_ms = now_ms;
    breaker->pass_at_failure = breaker->last_pass;
    breaker->last = *failure;
    if (is_probe || breaker->failures >= breaker->limits.failures)
        open_circuit(breaker, now_ms);
}

/* A probe that told nothing leaves the circuit open, and its place to the next. */
void iscep_breaker_forgo(iscep_breaker *breaker, iscep_pass pass)
{
    if (breaker->state != ISCEP_BREAKER_HALF_OPEN || pass != breaker->probe)
        return;
    set_state(breaker, ISCEP_BREAKER_OPEN);
    breaker->probe = 0;
    breaker->probe_mono_ms = iscep_now_mono_ms(breaker->env);
}
