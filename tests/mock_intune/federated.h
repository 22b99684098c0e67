/*
 * Workload identity federation: the assertion is a token of a foreign issuer (a Kubernetes cluster, a CI system) that the
 * application trusts for one subject. It may be presented again and again while it lives.
 */
#ifndef MOCK_FEDERATED_H
#define MOCK_FEDERATED_H

#include "assertion.h"

/* Issuers are URLs; client ids never are. */
bool mock_federated_is_for(const mock_jwt_peek *peek);
/*
 * True if the application has a federated credential with the token's issuer, subject and audience, compared exactly, whose
 * key signed it with RS256, and the token is in its time. Otherwise false, and why is filled.
 */
bool mock_federated_check(mock_state *mock, const mock_assertion *assertion, mock_refusal *why);

#endif
