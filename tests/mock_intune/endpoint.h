/* The endpoints that Microsoft runs and the mock stands in for: statistics and faults are kept for each. */
#ifndef MOCK_ENDPOINT_H
#define MOCK_ENDPOINT_H

#include <stdbool.h>

typedef enum mock_endpoint {
    MOCK_TOKEN,
    MOCK_IMDS,
    MOCK_DISCOVERY,
    MOCK_VALIDATE,
    MOCK_SUCCESS_NOTE,
    MOCK_FAILURE_NOTE,
    MOCK_DOWNLOAD,
    MOCK_UPLOAD,
    MOCK_ENDPOINT_COUNT,
} mock_endpoint;

#define MOCK_ENDPOINT_WORDS "token, imds, discovery, validate, success, failure, download, upload"

const char *mock_endpoint_name(mock_endpoint endpoint); /* one of the words */
bool mock_endpoint_parse(const char *name, mock_endpoint *out);
bool mock_endpoint_is_scep(mock_endpoint endpoint);  /* one of the three SCEP actions */
bool mock_endpoint_is_token(mock_endpoint endpoint); /* hands out access tokens */

#endif
