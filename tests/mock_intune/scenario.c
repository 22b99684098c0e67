/* See scenario.h. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault_read.h"
#include "option_file.h"
#include "strict_json.h"

#define MAX_AT_MS    (7LL * 24 * 3600 * 1000)
#define MAX_REQUESTS 1000000000LL

typedef enum action { PLANT_FAULT, CLEAR_FAULTS, CHANGE_TENANT } action;

typedef struct step {
    int64_t at_ms;          /* after the start; -1: it waits for requests */
    int64_t after_requests; /* it happens before the next one is answered */
    bool counts_all;        /* of all endpoints together, and endpoint means nothing */
    mock_endpoint endpoint;
    action action;
    mock_fault fault;
    mock_tenant tenant;
    bool is_done;
} step;

struct mock_scenario {
    step steps[MOCK_SCENARIO_STEPS_MAX];
    size_t count;
    int64_t started_mono_ms;
};

static const mock_json_rule step_rules[] = {
    {"atMs", MOCK_JSON_INT, false},         {"afterRequests", MOCK_JSON_INT, false},
    {"endpoint", MOCK_JSON_TEXT, false},    {"fault", MOCK_JSON_OBJECT, false},
    {"clearFaults", MOCK_JSON_BOOL, false}, {"tenant", MOCK_JSON_OBJECT, false},
};
static const mock_json_rule tenant_rules[] = {{"id", MOCK_JSON_TEXT, true}, MOCK_TENANT_RULES};

static bool has(const iscep_json *json, const char *name)
{
    return iscep_json_member(json, name) != NULL;
}

/* When it happens. NULL, or what is wrong. */
static const char *read_trigger(step *out, const iscep_json *json)
{
    const char *endpoint = iscep_json_text(json, "endpoint");
    out->at_ms = -1;
    if (has(json, "atMs") == has(json, "afterRequests"))
        return "one of atMs and afterRequests is wanted";
    if (has(json, "atMs"))
        return endpoint == NULL && iscep_json_int(json, "atMs", &out->at_ms) && out->at_ms >= 0 &&
                       out->at_ms <= MAX_AT_MS
                   ? NULL
                   : "atMs must be 0 to seven days, and has no endpoint";
    if (!iscep_json_int(json, "afterRequests", &out->after_requests) || out->after_requests < 0 ||
        out->after_requests > MAX_REQUESTS)
        return "afterRequests is out of range";
    out->counts_all = endpoint == NULL || strcmp(endpoint, MOCK_FAULT_ALL) == 0;
    if (!out->counts_all && !mock_endpoint_parse(endpoint, &out->endpoint))
        return "endpoint must be all or one of " MOCK_ENDPOINT_WORDS;
    return NULL;
}

static iscep_status wrong(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_USAGE, "scenario", "%s", what);
}

static iscep_status read_fault(step *out, const iscep_json *json, iscep_error *err)
{
    iscep_status status = mock_json_check(json, mock_fault_rules, MOCK_FAULT_RULE_COUNT, err);
    if (status != ISCEP_OK)
        return status;
    const char *fault = mock_fault_read(&out->fault, json);
    out->action = PLANT_FAULT;
    return fault == NULL ? ISCEP_OK : wrong(err, fault);
}

static iscep_status read_tenant(step *out, const iscep_json *json, const char *client_id, iscep_error *err)
{
    iscep_status status =
        mock_json_check(json, tenant_rules, sizeof(tenant_rules) / sizeof(tenant_rules[0]), err);
    if (status != ISCEP_OK)
        return status;
    const char *fault = mock_tenant_read(&out->tenant, iscep_json_text(json, "id"), client_id, json);
    out->action = CHANGE_TENANT;
    return fault == NULL ? ISCEP_OK : wrong(err, fault);
}

static iscep_status read_step(step *out, const iscep_json *json, const char *client_id, iscep_error *err)
{
    iscep_status status = mock_json_check(json, step_rules, sizeof(step_rules) / sizeof(step_rules[0]), err);
    if (status != ISCEP_OK)
        return status;
    const char *fault = read_trigger(out, json);
    if (fault != NULL)
        return wrong(err, fault);
    if (has(json, "fault") + has(json, "tenant") + iscep_json_is_true(json, "clearFaults") != 1)
        return wrong(err, "one of fault, tenant and clearFaults is wanted");
    if (has(json, "fault"))
        return read_fault(out, iscep_json_member(json, "fault"), err);
    if (has(json, "tenant"))
        return read_tenant(out, iscep_json_member(json, "tenant"), client_id, err);
    out->action = CLEAR_FAULTS;
    return ISCEP_OK;
}

/* {"steps":[…]} */
static iscep_status read_steps(mock_scenario *out, const iscep_json *json, const char *client_id,
                               iscep_error *err)
{
    static const mock_json_rule frame = {"steps", MOCK_JSON_ARRAY, true};
    char context[32];
    iscep_status status = mock_json_check(json, &frame, 1, err);
    if (status != ISCEP_OK)
        return status;
    for (const iscep_json *s = iscep_json_first(iscep_json_member(json, frame.name)); s != NULL;
         s = iscep_json_next(s)) {
        if (out->count == MOCK_SCENARIO_STEPS_MAX)
            return wrong(err, "there are too many steps");
        status = read_step(&out->steps[out->count], s, client_id, err);
        if (status != ISCEP_OK) {
            snprintf(context, sizeof(context), "steps[%zu]", out->count);
            iscep_error_prefix(err, context);
            return status;
        }
        out->count++;
    }
    return ISCEP_OK;
}

iscep_status mock_scenario_parse(mock_scenario **out, iscep_bytes text, const char *default_client_id,
                                 iscep_error *err)
{
    ISCEP_AUTO_JSON *json = NULL;
    mock_scenario *made = calloc(1, sizeof(*made));
    *out = NULL;
    if (made == NULL)
        return iscep_error_nomem(err);
    iscep_status status = iscep_json_parse(&json, text, NULL) == ISCEP_OK
                              ? read_steps(made, json, default_client_id, err)
                              : wrong(err, "not one well-formed JSON document");
    if (status == ISCEP_OK)
        *out = made;
    else
        mock_scenario_free(made);
    return status;
}

iscep_status mock_scenario_load(mock_scenario **out, const char *path, const char *default_client_id,
                                iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    *out = NULL;
    iscep_buf_init(&text, MOCK_OPTION_FILE_MAX_LEN);
    iscep_status status = mock_option_file_read(&text, "--scenario", path, err);
    if (status != ISCEP_OK)
        return status;
    status = mock_scenario_parse(out, iscep_buf_bytes(&text), default_client_id, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, path);
    return status;
}

void mock_scenario_free(mock_scenario *scenario)
{
    free(scenario);
}

void mock_scenario_start(mock_scenario *scenario, int64_t now_mono_ms)
{
    scenario->started_mono_ms = now_mono_ms;
}

/* Those that came before the one that is being answered. */
static int64_t count_requests(const mock_state *mock, const step *due)
{
    if (!due->counts_all)
        return mock->stats.endpoints[due->endpoint].requests;
    int64_t count = 0;
    for (int i = 0; i < MOCK_ENDPOINT_COUNT; i++)
        count += mock->stats.endpoints[i].requests;
    return count;
}

static void happen(const step *due, mock_state *mock, int64_t at_mono_ms)
{
    bool is_done = true;
    if (due->action == CLEAR_FAULTS)
        mock_faults_clear(&mock->faults);
    else if (due->action == PLANT_FAULT)
        is_done = mock_faults_add(&mock->faults, &due->fault, at_mono_ms);
    else
        is_done = mock_tenants_put(&mock->tenants, &due->tenant);
    if (!is_done)
        iscep_log_event(mock->env.log, ISCEP_LOG_WARN, "scenario_step_lost",
                        ISCEP_LOG_TEXT("reason", "too many faults or tenants"));
}

void mock_scenario_advance(mock_scenario *scenario, mock_state *mock)
{
    int64_t now_mono_ms = iscep_now_mono_ms(&mock->env);
    for (size_t i = 0; i < scenario->count; i++) {
        step *next = &scenario->steps[i];
        bool is_timed = next->at_ms >= 0;
        int64_t at_mono_ms = is_timed ? scenario->started_mono_ms + next->at_ms : now_mono_ms;
        bool is_due =
            is_timed ? at_mono_ms <= now_mono_ms : count_requests(mock, next) > next->after_requests;
        if (next->is_done || !is_due)
            continue;
        next->is_done = true;
        happen(next, mock, at_mono_ms);
    }
}

int64_t mock_scenario_wait_ms(const mock_scenario *scenario, int64_t now_mono_ms)
{
    int64_t wait_ms = -1;
    for (size_t i = 0; i < scenario->count; i++) {
        const step *next = &scenario->steps[i];
        int64_t until_ms = scenario->started_mono_ms + next->at_ms - now_mono_ms;
        if (next->is_done || next->at_ms < 0)
            continue;
        until_ms = until_ms < 0 ? 0 : until_ms;
        if (wait_ms < 0 || until_ms < wait_ms)
            wait_ms = until_ms;
    }
    return wait_ms;
}
