/* See message.h. */
#include "message.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void mock_reply_init(mock_reply *reply)
{
    *reply = (mock_reply){.status = 200};
    iscep_buf_init(&reply->body, MOCK_BODY_MAX_LEN);
}

void mock_reply_clear(mock_reply *reply)
{
    iscep_buf_clear(&reply->body);
}

void mock_reply_set_header(mock_reply *reply, const char *name, const char *value)
{
    reply->header_name = name;
    iscep_text_copy(reply->header_value, sizeof(reply->header_value), value);
}

const char *mock_reply_outcome(mock_reply *reply)
{
    if (reply->outcome[0] == '\0')
        snprintf(reply->outcome, sizeof(reply->outcome), "%d", (int)reply->status);
    return reply->outcome;
}

bool mock_request_has_type(const mock_request *request, const char *media_type)
{
    const char *type = request->content_type;
    size_t len = strlen(media_type);
    if (type == NULL || strncasecmp(type, media_type, len) != 0)
        return false;
    type += len;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

bool mock_is_guid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (text == NULL || strlen(text) != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == '-' ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    return true;
}
