/*
 * What has to be true of a message before it is anybody's business: a request is one, and by whoever may make it; a poll
 * is for what it names. USAGE is the device's fault, which fail_info then names. NETWORK: the CA cannot be asked now.
 */
#ifndef ISCEP_HOST_ADMISSION_H
#define ISCEP_HOST_ADMISSION_H

#include "ca.h"
#include "pki_message.h"
#include "transactions.h"

/* A PKCSReq or RenewalReq. */
iscep_status iscep_admit_request(const iscep_host_ca *ca, const iscep_crypto *crypto,
                                 const iscep_pki_message *message, iscep_fail_info *fail_info,
                                 iscep_error *err) ISCEP_CHECKED;
/* A CertPoll. One for a transaction that is not there is admitted: what it names cannot be told. */
iscep_status iscep_admit_poll(const iscep_host_ca *ca, const iscep_crypto *crypto,
                              iscep_transactions *transactions, const iscep_pki_message *message,
                              iscep_fail_info *fail_info, iscep_error *err) ISCEP_CHECKED;

/* A certificate that the plugin wants delivered again: is it ours, valid and unrevoked, and for the key of this CSR? */
iscep_vouching iscep_admit_delivery(const iscep_host_ca *ca, const iscep_crypto *crypto, iscep_bytes csr,
                                    X509 *cert);

#endif
