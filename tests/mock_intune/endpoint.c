/* See endpoint.h. */
#include "endpoint.h"

#include <string.h>

static const char *const names[MOCK_ENDPOINT_COUNT] = {
    [MOCK_TOKEN] = "token",          [MOCK_IMDS] = "imds",
    [MOCK_DISCOVERY] = "discovery",  [MOCK_VALIDATE] = "validate",
    [MOCK_SUCCESS_NOTE] = "success", [MOCK_FAILURE_NOTE] = "failure",
    [MOCK_DOWNLOAD] = "download",    [MOCK_UPLOAD] = "upload",
};

const char *mock_endpoint_name(mock_endpoint endpoint)
{
    return names[endpoint];
}

bool mock_endpoint_parse(const char *name, mock_endpoint *out)
{
    for (int i = 0; i < MOCK_ENDPOINT_COUNT; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        *out = (mock_endpoint)i;
        return true;
    }
    return false;
}

bool mock_endpoint_is_scep(mock_endpoint endpoint)
{
    return endpoint == MOCK_VALIDATE || endpoint == MOCK_SUCCESS_NOTE || endpoint == MOCK_FAILURE_NOTE;
}

bool mock_endpoint_is_token(mock_endpoint endpoint)
{
    return endpoint == MOCK_TOKEN || endpoint == MOCK_IMDS;
}
