/*
 * ctl/token_roles: what doctor shows of a token. A role is shown only if it is a word of the token's claims, as one
 * readable line. Input: the claims; the target puts them between a header and a signature.
 */
#include <string.h>

#include "ctl/token_roles.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"

enum { MAX_LEN = 256 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ctl_token_roles roles;
    static oracle_json_member member;
    ISCEP_AUTO_BUF token;
    iscep_bytes claims = iscep_bytes_of(data, size);
    iscep_buf_init(&token, MAX_LEN);
    iscep_buf_append_text(&token, "e30.");
    iscep_base64url_encode(&token, claims);
    iscep_buf_append_text(&token, ".c2ln");
    iscep_status status = ctl_token_roles_read(&roles, iscep_buf_text(&token), NULL);
    FUZZ_CHECK(status == ISCEP_OK || (status == ISCEP_PROTOCOL && roles.count == 0));
    if (status != ISCEP_OK)
        return 0;
    FUZZ_CHECK(oracle_json_read(claims, "roles", &member) && roles.count <= CTL_ROLES_MAX);
    FUZZ_CHECK(roles.count == 0 || (member.count == 1 && member.text[0] == '['));
    for (size_t i = 0; i < roles.count; i++) {
        FUZZ_CHECK(oracle_is_line(roles.roles[i]) && ctl_token_roles_contain(&roles, roles.roles[i]));
        if (strpbrk(member.text, "\\\x7F\xC2") ==
            NULL) /* neither escapes nor controls, which are not shown */
            FUZZ_CHECK(strstr(member.text, roles.roles[i]) != NULL);
    }
    return 0;
}
