/* A certificate request with a challenge, and a certificate, to ask about when nobody gives others. */
#ifndef CHECK_SAMPLE_H
#define CHECK_SAMPLE_H

#include "scep_plugin.h"

extern const scep_bytes sample_csr;
extern const scep_bytes sample_cert;

#endif
