/* One subject alternative name as a fact. For base/x509_facts.c. */
#ifndef ISCEP_BASE_X509_FACTS_NAMES_H
#define ISCEP_BASE_X509_FACTS_NAMES_H

#include <openssl/x509v3.h>

#include "base/x509_facts.h"

/* The value is NULL when the name cannot be read; it lives as long as the facts. */
iscep_san iscep_facts_read_san(iscep_x509_facts *facts, GENERAL_NAME *name);

#endif
