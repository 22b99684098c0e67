/*
 * A request and its reply as the mock's handlers see them: plain data, so that a handler can be tried without a socket,
 * and so that a fault can spoil a reply that was honestly made.
 */
#ifndef MOCK_MESSAGE_H
#define MOCK_MESSAGE_H

#include "base/bytes.h"

#define MOCK_BODY_MAX_LEN ((size_t)512 * 1024 * 1024) /* the list of all transactions is the longest */
#define MOCK_OUTCOME_SIZE 64
#define MOCK_HEADER_SIZE  512

/* What a fault makes the token endpoints do wrong without a word. */
typedef enum mock_token_quirk {
    MOCK_TOKEN_HONEST,
    MOCK_TOKEN_FOR_ANOTHER,  /* its audience is a third resource */
    MOCK_TOKEN_OF_YESTERDAY, /* it has expired, whatever expires_in says */
} mock_token_quirk;

/* Borrowed from the exchange. */
typedef struct mock_request {
    const char *segment; /* what the "*" of the route matched, decoded; "" if it has none */
    iscep_bytes query;
    const char *authorization; /* header fields; NULL: absent */
    const char *content_type;
    const char *client_request_id;
    const char *api_version;
    const char *metadata; /* these two for the metadata service */
    const char *forwarded_for;
    iscep_bytes body;
    mock_token_quirk token_quirk;
} mock_request;

typedef struct mock_reply {
    int32_t status;
    const char *content_type; /* NULL: application/json */
    const char *header_name;  /* one field besides the usual; NULL: none */
    char header_value[MOCK_HEADER_SIZE];
    iscep_buf body;
    char outcome[MOCK_OUTCOME_SIZE]; /* for the statistics: Intune's code, Entra's code, or the HTTP status */
} mock_reply;

void mock_reply_init(mock_reply *reply); /* 200, no body */
void mock_reply_clear(mock_reply *reply);
void mock_reply_set_header(mock_reply *reply, const char *name, const char *value);
/* The outcome, if no handler named one, is the status. */
const char *mock_reply_outcome(mock_reply *reply);

/* Media type without parameters, without case: "application/json; charset=utf-8" is application/json. */
bool mock_request_has_type(const mock_request *request, const char *media_type);
/* Eight, four, four, four and twelve hex digits with dashes between. */
bool mock_is_guid(const char *text);

#endif
