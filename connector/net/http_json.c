/* See http_json.h. */
#include "net/http_json.h"

#include <string.h>
#include <strings.h>

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    const size_t len = sizeof json - 1;
    return content_type == NULL ||
           (strncasecmp(content_type, json, len) == 0 && strchr("; \t", content_type[len]) != NULL);
}

iscep_status iscep_http_parse_json(iscep_json **out, const iscep_http_response *response, iscep_error *err)
{
    if (!is_json(response->content_type))
        return iscep_error_set(err, ISCEP_PROTOCOL, "json_malformed", "it is %s, not JSON",
                               response->content_type);
    return iscep_json_parse(out, response->body, err);
}
