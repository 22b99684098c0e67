/* See admin_request.h. */
#include "daemon/admin_request.h"

#include <stdlib.h>
#include <string.h>

#include "base/serial.h"
#include "net/url.h"

enum { MAX_PARAMETER_LEN = 1024 };

/* The value of a parameter that may be absent: then *is_given is false. */
static iscep_status read_parameter(iscep_buf *out, bool *is_given, const iscep_exchange *exchange,
                                   const char *name, iscep_error *err)
{
    const iscep_bytes query = iscep_exchange_query(exchange);
    *is_given = iscep_form_has(query, name);
    if (!*is_given)
        return ISCEP_OK;
    iscep_status status = iscep_form_get(out, query, name, err);
    if (status != ISCEP_OK)
        return iscep_error_set(err, ISCEP_USAGE, "parameter",
                               "parameter %s stands there twice, or is not encoded well", name);
    if (out->len == 0 || memchr(out->data, '\0', out->len) != NULL)
        return iscep_error_set(err, ISCEP_USAGE, "parameter", "parameter %s has no text", name);
    return ISCEP_OK;
}

static iscep_status copy_tenant(char out[ISCEP_ADMIN_TENANT_SIZE], const char *name, iscep_error *err)
{
    const size_t len = strlen(name);
    if (len == 0 || len >= ISCEP_ADMIN_TENANT_SIZE)
        return iscep_error_set(err, ISCEP_USAGE, "parameter",
                               "the tenant's name must have 1 to %d characters", ISCEP_ADMIN_TENANT_SIZE - 1);
    if (out[0] != '\0' && strcmp(out, name) != 0)
        return iscep_error_set(err, ISCEP_USAGE, "tenant_contradictory",
                               "X-Scep-Tenant and the parameter tenant name different tenants");
    memcpy(out, name, len + 1);
    return ISCEP_OK;
}

static iscep_status tie(char out[ISCEP_ADMIN_TENANT_SIZE], const char *tenant, iscep_error *err)
{
    if (tenant == NULL || strcmp(out, tenant) == 0)
        return ISCEP_OK;
    if (out[0] == '\0')
        return copy_tenant(out, tenant, err);
    iscep_error_set(err, ISCEP_USAGE, "tenant_not_here", "this listener is for another tenant");
    err->http_status = 403;
    return ISCEP_USAGE;
}

iscep_status iscep_admin_read_tenant(char out[ISCEP_ADMIN_TENANT_SIZE], const iscep_exchange *exchange,
                                     const iscep_admin_api *api, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    bool is_given;
    const char *header = iscep_exchange_header(exchange, "X-Scep-Tenant");
    iscep_buf_init(&text, MAX_PARAMETER_LEN);
    out[0] = '\0';
    iscep_status status = read_parameter(&text, &is_given, exchange, "tenant", err);
    if (status == ISCEP_OK && is_given)
        status = copy_tenant(out, iscep_buf_text(&text), err);
    if (status == ISCEP_OK && header != NULL)
        status = copy_tenant(out, header, err);
    if (status == ISCEP_OK && api->door_tenant != NULL)
        status = tie(out, api->door_tenant(exchange, api->door_user), err);
    return status;
}

static bool parse_number(const char *text, int64_t max, int64_t *out)
{
    const size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 18 || text[len] != '\0')
        return false;
    *out = strtoll(text, NULL, 10);
    return *out >= 1 && *out <= max;
}

static iscep_status read_number(int64_t *out, bool *is_given, const iscep_exchange *exchange,
                                const char *name, int64_t max, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MAX_PARAMETER_LEN);
    iscep_status status = read_parameter(&text, is_given, exchange, name, err);
    if (status == ISCEP_OK && *is_given && !parse_number(iscep_buf_text(&text), max, out))
        return iscep_error_set(err, ISCEP_USAGE, "parameter", "parameter %s must be a number from 1 to %lld",
                               name, (long long)max);
    return status;
}

iscep_status iscep_admin_read_limit(size_t *out, const iscep_exchange *exchange, iscep_error *err)
{
    bool is_given;
    int64_t limit = ISCEP_ADMIN_DEFAULT_LIMIT;
    iscep_status status = read_number(&limit, &is_given, exchange, "limit", ISCEP_ADMIN_MAX_LIMIT, err);
    *out = (size_t)limit;
    return status;
}

iscep_status iscep_admin_read_id(int64_t *out, const iscep_exchange *exchange, iscep_error *err)
{
    bool is_given;
    iscep_status status = read_number(out, &is_given, exchange, "id", INT64_MAX, err);
    if (status == ISCEP_OK && !is_given)
        return iscep_error_set(err, ISCEP_USAGE, "parameter", "parameter id is missing");
    return status;
}

iscep_status iscep_admin_read_state(bool *is_all, const iscep_exchange *exchange, const char *word,
                                    iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    bool is_given;
    iscep_buf_init(&text, MAX_PARAMETER_LEN);
    iscep_status status = read_parameter(&text, &is_given, exchange, "state", err);
    *is_all = is_given && strcmp(iscep_buf_text(&text), "all") == 0;
    if (status == ISCEP_OK && is_given && !*is_all && strcmp(iscep_buf_text(&text), word) != 0)
        return iscep_error_set(err, ISCEP_USAGE, "parameter", "parameter state must be %s or all", word);
    return status;
}

static iscep_status parse_serial(iscep_buf *what, iscep_error *err)
{
    char serial[ISCEP_SERIAL_SIZE];
    if (!iscep_serial_parse(serial, iscep_buf_text(what), false))
        return iscep_error_set(err, ISCEP_USAGE, "serial_number", "serialNumber is no hexadecimal number");
    iscep_buf_clear(what);
    iscep_buf_append_text(what, serial);
    return iscep_buf_status(what, err);
}

iscep_status iscep_admin_read_subject(iscep_trace_by *by, iscep_buf *what, const iscep_exchange *exchange,
                                      iscep_error *err)
{
    static const struct {
        const char *name;
        iscep_trace_by by;
    } ways[] = {{"transactionId", ISCEP_TRACE_TRANSACTION},
                {"serialNumber", ISCEP_TRACE_SERIAL},
                {"subject", ISCEP_TRACE_SUBJECT}};
    size_t given_count = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        bool is_given;
        iscep_status status = read_parameter(what, &is_given, exchange, ways[i].name, err);
        if (status != ISCEP_OK)
            return status;
        if (is_given)
            *by = ways[i].by;
        given_count += is_given;
    }
    if (given_count != 1)
        return iscep_error_set(err, ISCEP_USAGE, "parameter",
                               "one of transactionId, serialNumber and subject must be given");
    return *by == ISCEP_TRACE_SERIAL ? parse_serial(what, err) : ISCEP_OK;
}

static iscep_status copy_ids(iscep_admin_ids *out, const iscep_json *ids, iscep_error *err)
{
    for (const iscep_json *at = iscep_json_first(ids); at != NULL; at = iscep_json_next(at)) {
        if (out->count == ISCEP_ADMIN_MAX_IDS)
            return iscep_error_set(err, ISCEP_USAGE, "too_many_ids", "ids has more than %d",
                                   ISCEP_ADMIN_MAX_IDS);
        if (!iscep_json_as_int(at, &out->ids[out->count]) || out->ids[out->count] < 1)
            return iscep_error_set(err, ISCEP_USAGE, "json_member", "ids must hold whole numbers from 1");
        out->count++;
    }
    return out->count > 0 ? ISCEP_OK : iscep_error_set(err, ISCEP_USAGE, "json_member", "ids is empty");
}

/* "All" is what destroys most: it must have been meant, so it stands alone. */
iscep_status iscep_admin_read_ids(iscep_admin_ids *out, const iscep_exchange *exchange, iscep_error *err)
{
    ISCEP_AUTO_JSON *body = NULL;
    out->is_all = false;
    out->count = 0;
    if (iscep_json_parse(&body, iscep_exchange_body(exchange), NULL) != ISCEP_OK ||
        !iscep_json_is_object(body))
        return iscep_error_set(err, ISCEP_USAGE, "body_not_json", "the body must be a JSON object");
    const iscep_json *member = iscep_json_first(body);
    if (member != NULL && iscep_json_next(member) == NULL) {
        const iscep_json *ids = iscep_json_member(body, "ids");
        out->is_all = iscep_json_is_true(body, "all");
        if (iscep_json_is_array(ids))
            return copy_ids(out, ids, err);
    }
    return out->is_all
               ? ISCEP_OK
               : iscep_error_set(err, ISCEP_USAGE, "json_member",
                                 "the body must be {\"ids\":[…]} or {\"all\":true}, and nothing else");
}
