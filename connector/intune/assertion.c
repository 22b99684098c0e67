/* See assertion.h. */
#include "intune/assertion.h"

enum {
    LIFETIME_S = 300,  /* Entra ID allows ten minutes in all */
    CLOCK_SLACK_S = 60 /* how far our clock may be ahead of Entra ID's */
};

static iscep_status emit_claims(iscep_json **out, const iscep_assertion *assertion, const iscep_env *env,
                                iscep_error *err)
{
    char id[ISCEP_GUID_SIZE];
    iscep_status status = iscep_guid_new(id, env, err);
    if (status != ISCEP_OK)
        return status;
    int64_t now_unix = iscep_now_unix_ms(env) / 1000;
    iscep_json *claims = iscep_json_new_object();
    iscep_json_add_text(claims, "aud", assertion->audience);
    iscep_json_add_text(claims, "iss", assertion->client_id);
    iscep_json_add_text(claims, "sub", assertion->client_id);
    iscep_json_add_text(claims, "jti", id);
    iscep_json_add_int(claims, "iat", now_unix);
    iscep_json_add_int(claims, "nbf", now_unix - CLOCK_SLACK_S);
    iscep_json_add_int(claims, "exp", now_unix + LIFETIME_S);
    *out = claims;
    return ISCEP_OK;
}

iscep_status iscep_assertion_emit(iscep_buf *out, const iscep_assertion *assertion, const iscep_env *env,
                                  iscep_error *err)
{
    ISCEP_AUTO_JSON *claims = NULL;
    iscep_status status = emit_claims(&claims, assertion, env, err);
    if (status != ISCEP_OK)
        return status;
    iscep_jwt_header header = {.alg = assertion->alg};
    if (assertion->alg == ISCEP_JWT_PS256)
        header.x5t_s256 = iscep_keystore_x5t_s256(assertion->keystore);
    else
        header.x5t = iscep_keystore_x5t(assertion->keystore);
    iscep_jwt_key key = iscep_keystore_key(assertion->keystore);
    return iscep_jwt_sign_with(out, &header, claims, &key, err);
}
