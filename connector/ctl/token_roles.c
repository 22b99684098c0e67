/* See token_roles.h. */
#include "ctl/token_roles.h"

#include <string.h>

#include "base/json.h"

enum { MAX_CLAIMS_LEN = 64 * 1024 };

/* header "." claims "." signature */
static bool find_claims(iscep_bytes *out, const char *token)
{
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL)
        return false;
    *out = iscep_bytes_of(first + 1, (size_t)(second - first - 1));
    return true;
}

static void copy_roles(ctl_token_roles *out, const iscep_json *claims)
{
    const iscep_json *roles = iscep_json_member(claims, "roles");
    if (!iscep_json_is_array(roles))
        return;
    for (const iscep_json *at = iscep_json_first(roles); at != NULL && out->count < CTL_ROLES_MAX;
         at = iscep_json_next(at)) {
        const char *role = iscep_json_as_text(at);
        if (role != NULL && strlen(role) < CTL_ROLE_SIZE)
            iscep_text_copy(out->roles[out->count++], CTL_ROLE_SIZE, role);
    }
}

iscep_status ctl_token_roles_read(ctl_token_roles *out, const char *token, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    ISCEP_AUTO_JSON *claims = NULL;
    iscep_bytes encoded = {0};
    *out = (ctl_token_roles){0};
    iscep_buf_init(&text, MAX_CLAIMS_LEN);
    if (!find_claims(&encoded, token) || iscep_base64url_decode(&text, encoded, NULL) != ISCEP_OK ||
        iscep_json_parse(&claims, iscep_buf_bytes(&text), NULL) != ISCEP_OK || !iscep_json_is_object(claims))
        return iscep_error_set(err, ISCEP_PROTOCOL, "token_opaque", "the token cannot be read");
    copy_roles(out, claims);
    return ISCEP_OK;
}

bool ctl_token_roles_contain(const ctl_token_roles *roles, const char *role)
{
    for (size_t i = 0; i < roles->count; i++)
        if (strcmp(roles->roles[i], role) == 0)
            return true;
    return false;
}
