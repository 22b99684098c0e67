/* What the benchmark asks of intune-mock: a challenge, a token, slowness, and how many requests have come. */
#ifndef BENCH_MOCK_ADMIN_H
#define BENCH_MOCK_ADMIN_H

#include "base/bytes.h"
#include "stack.h"

/* Appends a challenge of at least len characters for a request of that subject ("CN=…"). */
iscep_status bench_mint_challenge(iscep_buf *out, const bench_stack *stack, const bench_intune *intune,
                                  const char *subject, size_t len, iscep_error *err) ISCEP_CHECKED;
/* Appends an access token for Intune, as Entra ID gives it. */
iscep_status bench_get_token(iscep_buf *out, const bench_stack *stack, const bench_intune *intune,
                             iscep_error *err) ISCEP_CHECKED;
/* From now on every validateRequest takes that long. */
iscep_status bench_set_latency(const bench_stack *stack, const bench_intune *intune, uint32_t latency_ms,
                               iscep_error *err) ISCEP_CHECKED;
/* How many validateRequests have arrived, answered or not. */
iscep_status bench_count_validations(int64_t *out, const bench_stack *stack, const bench_intune *intune,
                                     iscep_error *err) ISCEP_CHECKED;

#endif
