/* How an application proves to the token endpoint who it is: by a client secret, or by a client assertion. */
#ifndef MOCK_SIGN_IN_H
#define MOCK_SIGN_IN_H

#include "message.h"
#include "mock.h"
#include "refusal.h"

/* What the form of a token request says; a parameter that is absent is empty. */
typedef struct mock_sign_in {
    iscep_buf grant_type;
    iscep_buf client_id;
    iscep_buf scope;
    iscep_buf client_secret;
    iscep_buf assertion_type;
    iscep_buf assertion;
} mock_sign_in;

/*
 * The name of the first parameter that must be there and is missing, doubled or broken; NULL if none is. A form of another
 * content type has no parameters. Clear it in both cases.
 */
const char *mock_sign_in_read(mock_sign_in *out, const mock_request *request);
void mock_sign_in_clear(mock_sign_in *sign_in);

/*
 * Is it the application that it claims to be? tenant_segment: the tenant as it stands in the request's path, because that is
 * part of the audience of an assertion. *appidacr becomes "1" for a secret and "2" for an assertion.
 */
bool mock_sign_in_check(const char **appidacr, mock_state *mock, mock_sign_in *sign_in,
                        const char *tenant_segment, mock_refusal *why);

#endif
