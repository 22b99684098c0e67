/*
 * What a token says of itself. It is Microsoft's to check and ours to carry: nothing here is trusted, it is only shown
 * to somebody who looks for a missing consent.
 */
#ifndef ISCEP_CTL_TOKEN_ROLES_H
#define ISCEP_CTL_TOKEN_ROLES_H

#include "base/bytes.h"

enum { CTL_ROLES_MAX = 32, CTL_ROLE_SIZE = 64 };

typedef struct ctl_token_roles {
    char roles[CTL_ROLES_MAX][CTL_ROLE_SIZE];
    size_t count;
} ctl_token_roles;

/* PROTOCOL "token_opaque" if it is no readable JWT: Microsoft may change that whenever it likes. */
iscep_status ctl_token_roles_read(ctl_token_roles *out, const char *token, iscep_error *err) ISCEP_CHECKED;
bool ctl_token_roles_contain(const ctl_token_roles *roles, const char *role);

#endif
