/* A reply that should be JSON. */
#ifndef ISCEP_NET_HTTP_JSON_H
#define ISCEP_NET_HTTP_JSON_H

#include "base/json.h"
#include "net/http.h"

/*
 * PROTOCOL, "json_malformed": the reply says that it is something else (a web page, say), or it is no JSON. One that
 * does not say what it is, is looked at.
 */
iscep_status iscep_http_parse_json(iscep_json **out, const iscep_http_response *response,
                                   iscep_error *err) ISCEP_CHECKED;

#endif
