/*
 * Of which keys is it certain that they are not among the old ones? A Bloom filter: what it denies is not there, what it
 * affirms may be. Any thread asks; one adds. Nothing is ever taken out.
 */
#ifndef ISCEP_JOURNAL_KEY_FILTER_H
#define ISCEP_JOURNAL_KEY_FILTER_H

#include "base/bytes.h"

typedef struct iscep_key_filter iscep_key_filter;

/* For so many keys now, and about as many again later: beyond that it affirms more often than it should. */
iscep_status iscep_key_filter_new(iscep_key_filter **out, int64_t key_count, iscep_error *err) ISCEP_CHECKED;
void iscep_key_filter_free(iscep_key_filter *filter); /* NULL is allowed */
void iscep_key_filter_add(iscep_key_filter *filter, int64_t hash);
bool iscep_key_filter_may_have(const iscep_key_filter *filter, int64_t hash);

#endif
