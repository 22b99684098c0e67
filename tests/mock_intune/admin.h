/* What the handlers below /admin share. */
#ifndef MOCK_ADMIN_H
#define MOCK_ADMIN_H

#include "challenge.h"
#include "message.h"
#include "mock.h"
#include "strict_json.h"

#define MOCK_CHALLENGE_PAD_MAX 32768

void mock_admin_refuse(mock_reply *reply, int32_t status, const char *code, const char *message);
/* The body, or NULL and a reply of 400. Free it with iscep_json_free. */
iscep_json *mock_admin_read(const mock_request *request, mock_reply *reply, const mock_json_rule *rules,
                            size_t count);
int64_t mock_admin_int(const iscep_json *json, const char *name, int64_t absent);
/* Frees json. */
void mock_admin_reply_json(mock_reply *reply, iscep_json *json);

/* What a challenge is made of, for whoever checks the whole object. */
#define MOCK_CHALLENGE_RULES                                                                                 \
    MOCK_PROFILE_RULES, {"tenantId", MOCK_JSON_TEXT, false}, {"deviceId", MOCK_JSON_TEXT, false},            \
        {"userId", MOCK_JSON_TEXT, false}, {"lifetimeSeconds", MOCK_JSON_INT, false},                        \
        {"issuedInSeconds", MOCK_JSON_INT, false},                                                           \
    {                                                                                                        \
        "padTo", MOCK_JSON_INT, false                                                                        \
    }
/* Appends a new challenge for an object that was checked with them. */
iscep_status mock_admin_mint(iscep_buf *out, const mock_state *mock, const iscep_json *json,
                             iscep_error *err) ISCEP_CHECKED;

#endif
