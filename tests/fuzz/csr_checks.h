/* What holds of every outcome of iscep_csr_parse. */
#ifndef FUZZ_CSR_CHECKS_H
#define FUZZ_CSR_CHECKS_H

#include "base/bytes.h"

/* Parses der; aborts if the outcome is impossible. True: it was accepted. */
bool csr_checks_parse(iscep_bytes der);

#endif
