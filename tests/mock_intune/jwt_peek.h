/*
 * What a JSON Web Token says about itself, before anybody knows whether it is true: by that, Entra ID finds the key to
 * check it with. base/jose.h does the checking.
 */
#ifndef MOCK_JWT_PEEK_H
#define MOCK_JWT_PEEK_H

#include "base/jose.h"

typedef struct mock_jwt_peek {
    iscep_json *header;
    iscep_json *claims; /* not verified */
} mock_jwt_peek;

/* false: not three parts, or not JSON objects in base64url. Clear it in both cases. */
bool mock_jwt_peek_read(mock_jwt_peek *out, iscep_bytes token);
void mock_jwt_peek_clear(mock_jwt_peek *peek);

#endif
