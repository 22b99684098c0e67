/* See revocations.h. */
#include "revocations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

#define KEY_MAX_LEN 4096

struct mock_revocations {
    mock_revocation **items;
    size_t count;
    size_t capacity;
    mock_map *by_context; /* both borrow what items own */
    mock_map *open_by_key;
};

static void free_revocation(mock_revocation *revocation)
{
    if (revocation == NULL)
        return;
    free(revocation->key);
    free(revocation->tenant_id);
    free(revocation->serial);
    free(revocation->issuer);
    free(revocation->ca_configuration);
    free(revocation->message);
    free(revocation);
}

iscep_status mock_revocations_new(mock_revocations **out, size_t max_revocations, iscep_error *err)
{
    mock_revocations *made = calloc(1, sizeof(*made));
    *out = made;
    if (made == NULL)
        return iscep_error_nomem(err);
    made->capacity = max_revocations;
    made->items = calloc(max_revocations, sizeof(made->items[0]));
    if (made->items != NULL && mock_map_new(&made->by_context, max_revocations, NULL, err) == ISCEP_OK &&
        mock_map_new(&made->open_by_key, max_revocations, NULL, err) == ISCEP_OK)
        return ISCEP_OK;
    mock_revocations_free(made);
    *out = NULL;
    return iscep_error_nomem(err);
}

void mock_revocations_clear(mock_revocations *revocations)
{
    mock_map_clear(revocations->by_context);
    mock_map_clear(revocations->open_by_key);
    while (revocations->count > 0)
        free_revocation(revocations->items[--revocations->count]);
}

void mock_revocations_free(mock_revocations *revocations)
{
    if (revocations == NULL)
        return;
    if (revocations->open_by_key != NULL)
        mock_revocations_clear(revocations);
    mock_map_free(revocations->open_by_key);
    mock_map_free(revocations->by_context);
    free(revocations->items);
    free(revocations);
}

static mock_revocation *new_revocation(const mock_revocation_wish *wish, const char *key,
                                       const iscep_env *env)
{
    char id[ISCEP_GUID_SIZE];
    mock_revocation *made = calloc(1, sizeof(*made));
    if (made == NULL || iscep_guid_new(id, env, NULL) != ISCEP_OK) {
        free(made);
        return NULL;
    }
    /* Characters that a client which does not treat it as opaque would stumble over. */
    snprintf(made->context, sizeof(made->context), "%s|a+b/c==", id);
    made->key = strdup(key);
    made->tenant_id = strdup(wish->tenant_id);
    made->serial = strdup(wish->serial);
    made->issuer = strdup(wish->issuer);
    made->ca_configuration = strdup(wish->ca_configuration);
    made->at_unix_ms = iscep_now_unix_ms(env);
    if (made->key != NULL && made->tenant_id != NULL && made->serial != NULL && made->issuer != NULL &&
        made->ca_configuration != NULL)
        return made;
    free_revocation(made);
    return NULL;
}

/* Into the list and both maps, or into none. */
static iscep_status insert(mock_revocations *revocations, mock_revocation *added, iscep_error *err)
{
    iscep_status status = mock_map_put(revocations->by_context, added->context, added, err);
    if (status != ISCEP_OK)
        return status;
    status = mock_map_put(revocations->open_by_key, added->key, added, err);
    if (status == ISCEP_OK)
        revocations->items[revocations->count++] = added;
    else
        mock_map_remove(revocations->by_context, added->context);
    return status;
}

iscep_status mock_revocations_add(bool *is_added, mock_revocations *revocations,
                                  const mock_revocation_wish *wish, const iscep_env *env, iscep_error *err)
{
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, KEY_MAX_LEN);
    iscep_buf_printf(&key, "%s\n%s\n%s", wish->tenant_id, wish->serial, wish->issuer);
    iscep_status status = iscep_buf_status(&key, err);
    if (status != ISCEP_OK)
        return status;
    *is_added = mock_map_get(revocations->open_by_key, iscep_buf_text(&key)) == NULL;
    if (!*is_added)
        return ISCEP_OK;
    if (revocations->count == revocations->capacity)
        return iscep_error_set(err, ISCEP_NOMEM, "too_many", "%zu revocations are the maximum",
                               revocations->capacity);
    mock_revocation *added = new_revocation(wish, iscep_buf_text(&key), env);
    if (added == NULL)
        return iscep_error_nomem(err);
    status = insert(revocations, added, err);
    if (status != ISCEP_OK)
        free_revocation(added);
    return status;
}

size_t mock_revocations_count(const mock_revocations *revocations)
{
    return revocations->count;
}

mock_revocation *mock_revocations_at(const mock_revocations *revocations, size_t at)
{
    return at < revocations->count ? revocations->items[at] : NULL;
}

mock_revocation *mock_revocations_find(const mock_revocations *revocations, const char *context)
{
    return mock_map_get(revocations->by_context, context);
}

void mock_revocations_answer(mock_revocations *revocations, mock_revocation *revocation,
                             const mock_revocation_code *code, const char *message, int64_t now_unix_ms)
{
    free(revocation->message);
    revocation->message = message != NULL ? strdup(message) : NULL;
    revocation->code = code;
    revocation->results++;
    revocation->at_unix_ms = now_unix_ms;
    if (code->is_retryable) {
        revocation->state = MOCK_REVOCATION_QUEUED;
        return;
    }
    revocation->state = code->number == 0 ? MOCK_REVOCATION_SUCCEEDED : MOCK_REVOCATION_FAILED;
    if (mock_map_get(revocations->open_by_key, revocation->key) == revocation)
        mock_map_remove(revocations->open_by_key, revocation->key);
}

void mock_revocation_emit(iscep_json *out, const mock_revocation *revocation)
{
    static const char *const states[] = {"queued", "handedOut", "succeeded", "failed"};
    char at[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(at, revocation->at_unix_ms);
    iscep_json_add_text(out, "requestContext", revocation->context);
    iscep_json_add_text(out, "tenantId", revocation->tenant_id);
    iscep_json_add_text(out, "serialNumber", revocation->serial);
    iscep_json_add_text(out, "issuerName", revocation->issuer);
    iscep_json_add_text(out, "caConfiguration", revocation->ca_configuration);
    iscep_json_add_text(out, "state", states[revocation->state]);
    iscep_json_add_text(out, "at", at);
    iscep_json_add_int(out, "downloads", revocation->downloads);
    iscep_json_add_int(out, "results", revocation->results);
    iscep_json_add_text(out, "errorCode", revocation->code != NULL ? revocation->code->name : NULL);
    iscep_json_add_text(out, "errorMessage", revocation->message);
}
