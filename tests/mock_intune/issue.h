/* From an application that is known to the access token that its tenant lets it have, or does not. */
#ifndef MOCK_ISSUE_H
#define MOCK_ISSUE_H

#include "message.h"
#include "mock.h"
#include "refusal.h"

typedef struct mock_issue {
    const mock_tenant *tenant;
    const char *resource; /* one of the two of the mock, else AADSTS500011 */
    const char *appidacr; /* access_token.h */
    mock_token_quirk quirk;
} mock_issue;

bool mock_issue_is_graph(const mock_state *mock, const mock_issue *issue);
/* Appends the token; false if the tenant forbids it, and why is filled. */
bool mock_issue_token(iscep_buf *out, const mock_state *mock, const mock_issue *issue, mock_refusal *why);

#endif
