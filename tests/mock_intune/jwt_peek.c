/* See jwt_peek.h. */
#include "jwt_peek.h"

#include <string.h>

/* The part up to the next dot; *rest goes behind it. false: there is no dot. */
static bool take_part(iscep_bytes *part, iscep_bytes *rest)
{
    const uint8_t *dot = rest->len > 0 ? memchr(rest->data, '.', rest->len) : NULL;
    if (dot == NULL)
        return false;
    *part = iscep_bytes_of(rest->data, (size_t)(dot - rest->data));
    *rest = iscep_bytes_of(dot + 1, rest->len - part->len - 1);
    return true;
}

static bool read_object(iscep_json **out, iscep_bytes part)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_JWT_MAX_LEN);
    return iscep_base64url_decode(&text, part, NULL) == ISCEP_OK &&
           iscep_json_parse(out, iscep_buf_bytes(&text), NULL) == ISCEP_OK && iscep_json_is_object(*out);
}

bool mock_jwt_peek_read(mock_jwt_peek *out, iscep_bytes token)
{
    iscep_bytes header, claims, rest = token;
    *out = (mock_jwt_peek){0};
    return token.len <= ISCEP_JWT_MAX_LEN && take_part(&header, &rest) && take_part(&claims, &rest) &&
           read_object(&out->header, header) && read_object(&out->claims, claims);
}

void mock_jwt_peek_clear(mock_jwt_peek *peek)
{
    iscep_json_free(peek->header);
    iscep_json_free(peek->claims);
    *peek = (mock_jwt_peek){0};
}
