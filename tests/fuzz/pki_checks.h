/* What holds of every outcome of scep-host's pkiMessage parser. */
#ifndef FUZZ_PKI_CHECKS_H
#define FUZZ_PKI_CHECKS_H

#include "pki_message.h"

typedef enum pki_outcome { PKI_REFUSED, PKI_PARSED, PKI_OPENED } pki_outcome;

/* Parses and opens der; aborts if the outcome is impossible. content, if it was opened, is appended. */
pki_outcome pki_checks_run(iscep_bytes der, iscep_buf *content);

#endif
