/* What a request's attributes besides its extensions say. For base/x509_facts.c. */
#ifndef ISCEP_BASE_X509_FACTS_ATTRIBUTES_H
#define ISCEP_BASE_X509_FACTS_ATTRIBUTES_H

#include <openssl/x509.h>

#include "base/x509_facts.h"

/* Fills attributes, pair_names and challenge_count. False: there are too many, or no memory. attributes may be NULL. */
bool iscep_facts_read_attributes(iscep_x509_facts *facts, const STACK_OF(X509_ATTRIBUTE) * attributes);

#endif
