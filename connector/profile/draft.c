/* See draft.h. */
#include "profile/draft.h"

#include <stdlib.h>
#include <string.h>

/* Blocks in a list; each is freed with the profile. */
struct iscep_profile_memory {
    struct iscep_profile_memory *next;
    uint64_t data[]; /* aligned for all that is kept here */
};

iscep_status iscep_draft_refuse(int32_t line, const char *name, const char *what, iscep_error *err)
{
    if (line > 0)
        return iscep_error_set(err, ISCEP_USAGE, "profile_value", "line %d: %s %s", (int)line, name, what);
    return iscep_error_set(err, ISCEP_USAGE, "profile_value", "%s %s", name, what);
}

/* Zeroed; NULL: no memory. */
static void *take(iscep_profile *profile, size_t size)
{
    struct iscep_profile_memory *block = calloc(1, sizeof *block + size);
    if (block == NULL)
        return NULL;
    block->next = profile->memory;
    profile->memory = block;
    return block->data;
}

void iscep_draft_free_memory(iscep_profile *profile)
{
    while (profile->memory != NULL) {
        struct iscep_profile_memory *block = profile->memory;
        profile->memory = block->next;
        free(block);
    }
}

static iscep_status refuse_more(const char *of_what, size_t most, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_USAGE, "profile_too_many", "there are more than %zu %s", most, of_what);
}

iscep_status iscep_draft_add_scep(iscep_profile_scep **out, iscep_profile *profile, iscep_error *err)
{
    if (profile->scep_count == ISCEP_PROFILE_MAX_PAYLOADS)
        return refuse_more("SCEP payloads", ISCEP_PROFILE_MAX_PAYLOADS, err);
    if (profile->sceps == NULL)
        profile->sceps = take(profile, ISCEP_PROFILE_MAX_PAYLOADS * sizeof *profile->sceps);
    if (profile->sceps == NULL)
        return iscep_error_nomem(err);
    *out = &profile->sceps[profile->scep_count++];
    **out = (iscep_profile_scep){.key_type = "RSA", .retries = -1, .retry_delay_s = -1};
    return ISCEP_OK;
}

iscep_status iscep_draft_text(const char **out, iscep_profile *profile, iscep_bytes text, iscep_error *err)
{
    *out = NULL;
    if (text.len == 0)
        return ISCEP_OK;
    char *copy = take(profile, text.len + 1);
    if (copy == NULL)
        return iscep_error_nomem(err);
    memcpy(copy, text.data, text.len);
    *out = copy;
    return ISCEP_OK;
}

iscep_status iscep_draft_add_text(const char ***list, size_t *count, iscep_profile *profile, iscep_bytes text,
                                  iscep_error *err)
{
    if (*count == ISCEP_PROFILE_MAX_VALUES)
        return refuse_more("values of one kind", ISCEP_PROFILE_MAX_VALUES, err);
    if (*list == NULL)
        *list = take(profile, ISCEP_PROFILE_MAX_VALUES * sizeof **list);
    const char *copy = NULL;
    iscep_status status =
        *list == NULL ? iscep_error_nomem(err) : iscep_draft_text(&copy, profile, text, err);
    if (status == ISCEP_OK && copy != NULL)
        (*list)[(*count)++] = copy;
    return status;
}

iscep_status iscep_draft_add_name(iscep_profile_name **list, size_t *count, iscep_profile *profile,
                                  const char *kind, iscep_bytes value, iscep_error *err)
{
    const char *kind_copy = NULL;
    const char *value_copy = NULL;
    if (*count == ISCEP_PROFILE_MAX_VALUES)
        return refuse_more("names", ISCEP_PROFILE_MAX_VALUES, err);
    if (*list == NULL)
        *list = take(profile, ISCEP_PROFILE_MAX_VALUES * sizeof **list);
    iscep_status status = *list == NULL
                              ? iscep_error_nomem(err)
                              : iscep_draft_text(&kind_copy, profile, iscep_bytes_of_text(kind), err);
    if (status == ISCEP_OK)
        status = iscep_draft_text(&value_copy, profile, value, err);
    if (status == ISCEP_OK)
        (*list)[(*count)++] = (iscep_profile_name){.kind = kind_copy != NULL ? kind_copy : "",
                                                   .value = value_copy != NULL ? value_copy : ""};
    return status;
}

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

iscep_bytes iscep_draft_trim(iscep_bytes text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

bool iscep_draft_number(int64_t *out, iscep_bytes text)
{
    enum { MAX_DIGITS = 18 };
    int64_t number = 0;
    if (text.len == 0 || text.len > MAX_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (text.data[i] - '0');
    }
    *out = number;
    return true;
}
