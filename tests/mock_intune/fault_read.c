/* See fault_read.h. */
#include "fault_read.h"

#include <string.h>

#include "admin.h"
#include "fault_kinds.h"

#define MAX_MS           (24LL * 3600 * 1000)
#define MAX_TIMES        1000000000LL
#define MAX_SEED         ((1LL << 53) - 1) /* what a JSON number holds exactly */
#define DEFAULT_SEED     1
#define DEFAULT_PAUSE_MS 100

const mock_json_rule mock_fault_rules[MOCK_FAULT_RULE_COUNT] = {
    {"endpoint", MOCK_JSON_TEXT, true},   {"kind", MOCK_JSON_TEXT, true},
    {"latencyMs", MOCK_JSON_INT, false},  {"status", MOCK_JSON_INT, false},
    {"retryAfter", MOCK_JSON_INT, false}, {"code", MOCK_JSON_TEXT, false},
    {"location", MOCK_JSON_TEXT, false},  {"pauseMs", MOCK_JSON_INT, false},
    {"times", MOCK_JSON_INT, false},      {"forMs", MOCK_JSON_INT, false},
    {"seed", MOCK_JSON_INT, false},       {"probability", MOCK_JSON_NUMBER, false},
    {"processed", MOCK_JSON_BOOL, false},
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
static const char *read_numbers(mock_fault *out, const iscep_json *json)
{
    int64_t status = 0, seed = 0;
    if (!read_int(&out->latency_ms, json, "latencyMs", 0, MAX_MS, 0))
        return "latencyMs is out of range";
    if (!read_int(&status, json, "status", 400, 599, 503))
        return "status must be 400 to 599";
    if (!read_int(&out->retry_after_s, json, "retryAfter", 0, MAX_MS / 1000, -1))
        return "retryAfter is out of range";
    if (!read_int(&out->times_left, json, "times", 1, MAX_TIMES, -1))
        return "times must be at least 1";
    if (!read_int(&out->for_ms, json, "forMs", 1, MAX_MS, -1))
        return "forMs is out of range";
    if (!read_int(&out->pause_ms, json, "pauseMs", 1, MAX_MS, DEFAULT_PAUSE_MS))
        return "pauseMs is out of range";
    if (!read_int(&seed, json, "seed", 0, MAX_SEED, DEFAULT_SEED))
        return "seed is out of range";
    out->status = (int32_t)status;
    out->random_state = (uint64_t)seed;
    return NULL;
}

/* More than 0 and at most 1; a seed says nothing without it. */
static const char *read_probability(mock_fault *out, const iscep_json *json)
{
    out->probability = 1;
    bool is_there = iscep_json_number(json, "probability", &out->probability);
    if (!(out->probability > 0 && out->probability <= 1))
        return "probability must be more than 0 and at most 1";
    return !is_there && iscep_json_member(json, "seed") != NULL ? "seed goes with probability" : NULL;
}

/* Does the kind go with the rest? NULL if it does. */
static const char *check_kind(const mock_fault *fault)
{
    const mock_fault_kind *kind = fault->kind;
    if (kind->is_for_all_only && !fault->is_for_all)
        return "this kind is for endpoint \"all\" only";
    if (kind->is_scep_only && (fault->is_for_all || !mock_endpoint_is_scep(fault->endpoint)))
        return "this kind is for validate, success and failure only";
    if (kind->is_token_only && (fault->is_for_all || !mock_endpoint_is_token(fault->endpoint)))
        return "this kind is for token and imds only";
    if (kind->needs_code && fault->code[0] == '\0')
        return "this kind needs a code";
    return NULL;
}

const char *mock_fault_read(mock_fault *out, const iscep_json *json)
{
    const char *endpoint = iscep_json_text(json, "endpoint");
    *out = (mock_fault){.is_for_all = strcmp(endpoint, MOCK_FAULT_ALL) == 0,
                        .is_processed = iscep_json_is_true(json, "processed"),
                        .kind = mock_fault_kind_find(iscep_json_text(json, "kind"))};
    if (!out->is_for_all && !mock_endpoint_parse(endpoint, &out->endpoint))
        return "endpoint must be all or one of " MOCK_ENDPOINT_WORDS;
    if (out->kind == NULL)
        return "there is no such kind of fault";
    const char *wrong = read_numbers(out, json);
    if (wrong == NULL)
        wrong = read_probability(out, json);
    if (wrong == NULL)
        wrong = copy_text(out->code, sizeof(out->code), json, "code");
    if (wrong == NULL)
        wrong = copy_text(out->location, sizeof(out->location), json, "location");
    return wrong != NULL ? wrong : check_kind(out);
}
