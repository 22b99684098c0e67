/* What the handlers below /admin share. */
#ifndef MOCK_ADMIN_H
#define MOCK_ADMIN_H

#include "message.h"
#include "strict_json.h"

#define MOCK_CHALLENGE_PAD_MAX 32768

void mock_admin_refuse(mock_reply *reply, int32_t status, const char *code, const char *message);
/* The body, or NULL and a reply of 400. Free it with iscep_json_free. */
iscep_json *mock_admin_read(const mock_request *request, mock_reply *reply, const mock_json_rule *rules,
                            size_t count);
int64_t mock_admin_int(const iscep_json *json, const char *name, int64_t absent);
/* Frees json. */
void mock_admin_reply_json(mock_reply *reply, iscep_json *json);

#endif
