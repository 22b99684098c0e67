/* /admin/faults: setting, listing and clearing faults. */
#include "handlers.h"

#include <string.h>

#include "admin.h"
#include "fault_kinds.h"

#define MAX_MS    (24LL * 3600 * 1000)
#define MAX_TIMES 1000000000LL
#define ALL       "all"

static const mock_json_rule rules[] = {
    {"endpoint", MOCK_JSON_TEXT, true},   {"kind", MOCK_JSON_TEXT, true},
    {"latencyMs", MOCK_JSON_INT, false},  {"status", MOCK_JSON_INT, false},
    {"retryAfter", MOCK_JSON_INT, false}, {"code", MOCK_JSON_TEXT, false},
    {"location", MOCK_JSON_TEXT, false},  {"times", MOCK_JSON_INT, false},
    {"forMs", MOCK_JSON_INT, false},      {"processed", MOCK_JSON_BOOL, false},
};

static const char *copy_text(char *out, size_t out_size, const iscep_json *json, const char *name)
{
    const char *text = iscep_json_text(json, name);
    if (text == NULL)
        return NULL;
    if (text[0] == '\0' || strlen(text) >= out_size)
        return "code or location is empty or too long";
    iscep_text_copy(out, out_size, text);
    return NULL;
}

/* Reads a number that is absent, or in its range. */
static bool read_int(int64_t *out, const iscep_json *json, const char *name, int64_t min, int64_t max,
                     int64_t absent)
{
    *out = mock_admin_int(json, name, absent);
    return iscep_json_member(json, name) == NULL || (*out >= min && *out <= max);
}

/* What is wrong with the numbers; NULL if nothing is. */
static const char *read_numbers(mock_fault *out, const iscep_json *json, int64_t now_mono_ms)
{
    int64_t status = 0, for_ms = 0;
    if (!read_int(&out->latency_ms, json, "latencyMs", 0, MAX_MS, 0))
        return "latencyMs is out of range";
    if (!read_int(&status, json, "status", 400, 599, 503))
        return "status must be 400 to 599";
    if (!read_int(&out->retry_after_s, json, "retryAfter", 0, MAX_MS / 1000, -1))
        return "retryAfter is out of range";
    if (!read_int(&out->times_left, json, "times", 1, MAX_TIMES, -1))
        return "times must be at least 1";
    if (!read_int(&for_ms, json, "forMs", 1, MAX_MS, -1))
        return "forMs is out of range";
    out->status = (int32_t)status;
    out->ends_mono_ms = for_ms < 0 ? -1 : now_mono_ms + for_ms;
    return NULL;
}

/* Does the kind go with the rest? NULL if it does. */
static const char *check_kind(const mock_fault *fault)
{
    const mock_fault_kind *kind = fault->kind;
    if (kind->is_for_all_only && !fault->is_for_all)
        return "this kind is for endpoint \"all\" only";
    if (kind->is_scep_only && (fault->is_for_all || !mock_endpoint_is_scep(fault->endpoint)))
        return "this kind is for validate, success and failure only";
    if (kind->needs_code && fault->code[0] == '\0')
        return "this kind needs a code";
    return NULL;
}

static const char *read_fault(mock_fault *out, const iscep_json *json, int64_t now_mono_ms)
{
    const char *endpoint = iscep_json_text(json, "endpoint");
    *out = (mock_fault){.is_for_all = strcmp(endpoint, ALL) == 0,
                        .is_processed = iscep_json_is_true(json, "processed"),
                        .kind = mock_fault_kind_find(iscep_json_text(json, "kind"))};
    if (!out->is_for_all && !mock_endpoint_parse(endpoint, &out->endpoint))
        return "endpoint must be token, discovery, validate, success, failure or all";
    if (out->kind == NULL)
        return "there is no such kind of fault";
    const char *wrong = read_numbers(out, json, now_mono_ms);
    if (wrong == NULL)
        wrong = copy_text(out->code, sizeof(out->code), json, "code");
    if (wrong == NULL)
        wrong = copy_text(out->location, sizeof(out->location), json, "location");
    return wrong != NULL ? wrong : check_kind(out);
}

static void emit_fault(iscep_json *array, const mock_fault *fault, int64_t now_mono_ms)
{
    iscep_json *json = iscep_json_append_object(array);
    iscep_json_add_text(json, "endpoint", fault->is_for_all ? ALL : mock_endpoint_name(fault->endpoint));
    iscep_json_add_text(json, "kind", fault->kind->name);
    iscep_json_add_int(json, "latencyMs", fault->latency_ms);
    iscep_json_add_int(json, "status", fault->status);
    if (fault->retry_after_s >= 0)
        iscep_json_add_int(json, "retryAfter", fault->retry_after_s);
    if (fault->code[0] != '\0')
        iscep_json_add_text(json, "code", fault->code);
    if (fault->location[0] != '\0')
        iscep_json_add_text(json, "location", fault->location);
    if (fault->times_left >= 0)
        iscep_json_add_int(json, "times", fault->times_left);
    if (fault->ends_mono_ms >= 0)
        iscep_json_add_int(json, "forMs", fault->ends_mono_ms - now_mono_ms);
    iscep_json_add_bool(json, "processed", fault->is_processed || fault->kind->needs_processing);
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
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    const char *wrong = read_fault(&fault, json, iscep_now_mono_ms(&mock->env));
    if (wrong != NULL)
        mock_admin_refuse(reply, 400, "bad_request", wrong);
    else if (!mock_faults_add(&mock->faults, &fault))
        mock_admin_refuse(reply, 409, "too_many", "there are too many faults already");
    else
        mock_admin_list_faults(mock, request, reply);
}

void mock_admin_clear_faults(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_faults_clear(&mock->faults);
    mock_admin_list_faults(mock, request, reply);
}
