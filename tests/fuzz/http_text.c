/* See http_text.h. */
#include "tests/fuzz/http_text.h"

#include <string.h>

iscep_bytes http_text_take_line(iscep_bytes *rest)
{
    iscep_bytes line = *rest;
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    if (end != NULL)
        line.len = (size_t)(end - rest->data);
    size_t taken = line.len + (end != NULL ? 1 : 0);
    *rest = iscep_bytes_of(rest->data + taken, rest->len - taken);
    return line;
}

iscep_bytes http_text_take_status(iscep_bytes input, int32_t *status)
{
    iscep_bytes rest = input;
    iscep_bytes line = http_text_take_line(&rest);
    int32_t number = 0;
    for (size_t i = 0; line.len == 3 && i < 3; i++)
        number = number * 10 + (line.data[i] - '0');
    *status = number >= 100 && number <= 999 ? number : 200;
    return rest;
}

bool http_text_split_field(iscep_bytes line, iscep_bytes *name, iscep_bytes *value)
{
    const uint8_t *colon = line.len == 0 ? NULL : memchr(line.data, ':', line.len);
    if (colon == NULL)
        return false;
    *name = iscep_bytes_of(line.data, (size_t)(colon - line.data));
    *value = iscep_bytes_of(colon + 1, line.len - name->len - 1);
    while (value->len > 0 && value->data[0] == ' ')
        *value = iscep_bytes_of(value->data + 1, value->len - 1);
    while (value->len > 0 && value->data[value->len - 1] == ' ')
        value->len--;
    return true;
}
