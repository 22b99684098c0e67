/* /admin/faults: setting, listing and clearing faults. */
#include "handlers.h"

#include "admin.h"
#include "fault_kinds.h"
#include "fault_read.h"

static void emit_fault(iscep_json *array, const mock_fault *fault, int64_t now_mono_ms)
{
    iscep_json *json = iscep_json_append_object(array);
    iscep_json_add_text(json, "endpoint",
                        fault->is_for_all ? MOCK_FAULT_ALL : mock_endpoint_name(fault->endpoint));
    iscep_json_add_text(json, "kind", fault->kind->name);
    iscep_json_add_int(json, "latencyMs", fault->latency_ms);
    iscep_json_add_int(json, "status", fault->status);
    if (fault->retry_after_s >= 0)
        iscep_json_add_int(json, "retryAfter", fault->retry_after_s);
    if (fault->code[0] != '\0')
        iscep_json_add_text(json, "code", fault->code);
    if (fault->location[0] != '\0')
        iscep_json_add_text(json, "location", fault->location);
    if (fault->probability < 1)
        iscep_json_add_number(json, "probability", fault->probability);
    if (fault->times_left >= 0)
        iscep_json_add_int(json, "times", fault->times_left);
    if (fault->ends_mono_ms >= 0)
        iscep_json_add_int(json, "forMs", fault->ends_mono_ms - now_mono_ms);
    iscep_json_add_bool(json, "processed", fault->is_processed || fault->kind->needs_processing);
}

/* For each kind the endpoints that it may be planted at, so that a test can go through all there are. */
void mock_admin_list_fault_kinds(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)mock;
    (void)request;
    iscep_json *array = iscep_json_new_array();
    for (size_t i = 0; i < mock_fault_kind_count(); i++) {
        const mock_fault_kind *kind = mock_fault_kind_at(i);
        iscep_json *json = iscep_json_append_object(array);
        iscep_json_add_text(json, "kind", kind->name);
        iscep_json *endpoints = iscep_json_add_array(json, "endpoints");
        for (int e = 0; e < MOCK_ENDPOINT_COUNT; e++)
            if (mock_fault_kind_suits(kind, (mock_endpoint)e))
                iscep_json_append_text(endpoints, mock_endpoint_name((mock_endpoint)e));
        if (!kind->is_scep_only && !kind->is_token_only)
            iscep_json_append_text(endpoints, MOCK_FAULT_ALL);
    }
    mock_admin_reply_json(reply, array);
}

void mock_admin_list_faults(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    iscep_json *array = iscep_json_new_array();
    int64_t now_mono_ms = iscep_now_mono_ms(&mock->env);
    mock_faults_drop_ended(&mock->faults, now_mono_ms);
    for (size_t i = 0; i < mock->faults.count; i++)
        emit_fault(array, &mock->faults.items[i], now_mono_ms);
    mock_admin_reply_json(reply, array);
}

void mock_admin_add_fault(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_fault fault;
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, mock_fault_rules, MOCK_FAULT_RULE_COUNT);
    if (json == NULL)
        return;
    const char *wrong = mock_fault_read(&fault, json);
    if (wrong != NULL)
        mock_admin_refuse(reply, 400, "bad_request", wrong);
    else if (!mock_faults_add(&mock->faults, &fault, iscep_now_mono_ms(&mock->env)))
        mock_admin_refuse(reply, 409, "too_many", "there are too many faults already");
    else
        mock_admin_list_faults(mock, request, reply);
}

void mock_admin_clear_faults(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_faults_clear(&mock->faults);
    mock_admin_list_faults(mock, request, reply);
}
