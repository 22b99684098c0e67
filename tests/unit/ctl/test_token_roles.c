/* A token's roles are shown, whatever is wrong with the token otherwise; what is no JWT has none. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/token_roles.h"

static iscep_status read_claims(ctl_token_roles *out, const char *claims, iscep_error *err)
{
    ISCEP_AUTO_BUF token;
    iscep_buf_init(&token, 16 * 1024);
    iscep_buf_append_text(&token, "e30.");
    iscep_base64url_encode(&token, iscep_bytes_of_text(claims));
    iscep_buf_append_text(&token, ".c2ln");
    return ctl_token_roles_read(out, iscep_buf_text(&token), err);
}

Test(token_roles, are_read)
{
    ctl_token_roles roles;
    cr_assert_eq(read_claims(&roles, "{\"roles\":[\"a\",\"scep_challenge_provider\"]}", NULL), ISCEP_OK);
    cr_assert_eq(roles.count, 2);
    cr_assert(ctl_token_roles_contain(&roles, "scep_challenge_provider"));
    cr_assert_not(ctl_token_roles_contain(&roles, "scep_challenge"));
    cr_assert_not(ctl_token_roles_contain(&roles, "SCEP_challenge_provider"));
}

Test(token_roles, may_be_absent_or_odd)
{
    static const char *const claims[] = {"{}", "{\"roles\":[]}", "{\"roles\":\"a\"}",
                                         "{\"roles\":[1,null,{}]}", "{\"roles\":[\"a\"],\"roles\":[\"b\"]}"};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        ctl_token_roles roles;
        cr_assert_eq(read_claims(&roles, claims[i], NULL), ISCEP_OK, "%s", claims[i]);
        cr_assert_eq(roles.count, 0, "%s", claims[i]);
    }
}

Test(token_roles, have_a_limit)
{
    ISCEP_AUTO_BUF claims;
    ctl_token_roles roles;
    iscep_buf_init(&claims, 16 * 1024);
    iscep_buf_append_text(&claims, "{\"roles\":[\"0\"");
    for (int i = 1; i < 1000; i++)
        iscep_buf_printf(&claims, ",\"%d\"", i);
    iscep_buf_append_text(&claims, "]}");
    cr_assert_eq(read_claims(&roles, iscep_buf_text(&claims), NULL), ISCEP_OK);
    cr_assert_eq(roles.count, CTL_ROLES_MAX);
}

Test(token_roles, of_what_is_no_jwt_cannot_be_read)
{
    static const char *const tokens[] = {"", "opaque", "a.b", "a.!!.c", "a.bm9wZQ.c", "a.W10.c", "..", "."};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        ctl_token_roles roles;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(ctl_token_roles_read(&roles, tokens[i], &err), ISCEP_PROTOCOL, "%s", tokens[i]);
        cr_assert_str_eq(err.code, "token_opaque");
        cr_assert_eq(roles.count, 0);
    }
}
