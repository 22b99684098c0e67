/* Who may ask for what. */
#include "admission.h"

#include "base/x509.h"
#include "issuer_and_subject.h"
#include "scep_plugin.h"

static iscep_status refuse(iscep_fail_info *out, iscep_fail_info fail_info, iscep_error *err, const char *why)
{
    *out = fail_info;
    return iscep_error_set(err, ISCEP_USAGE, iscep_fail_info_name(fail_info), "%s", why);
}

/* PKCSReq: whoever signs must hold the key that is to be certified. RenewalReq: must hold a certificate of
 * ours. */
static iscep_vouching is_signer_entitled(const iscep_host_ca *ca, const iscep_pki_message *message,
                                         const iscep_cert_request *request)
{
    if (message->message_type == SCEP_MESSAGE_RENEWAL_REQ)
        return iscep_host_ca_vouch(ca, message->signer);
    bool is_same = EVP_PKEY_eq(X509_get0_pubkey(message->signer), X509_REQ_get0_pubkey(request->csr)) == 1;
    return is_same ? ISCEP_VOUCH_YES : ISCEP_VOUCH_NO;
}

static iscep_status check_signer(const iscep_host_ca *ca, const iscep_pki_message *message,
                                 const iscep_cert_request *request, iscep_fail_info *fail_info,
                                 iscep_error *err)
{
    switch (is_signer_entitled(ca, message, request)) {
    case ISCEP_VOUCH_YES:
        return ISCEP_OK;
    case ISCEP_VOUCH_LATER:
        return iscep_error_set(err, ISCEP_NETWORK, "ca_away",
                               "the CA cannot be asked about the signer's certificate");
    case ISCEP_VOUCH_NO:
        break;
    }
    return refuse(fail_info, ISCEP_BAD_MESSAGE_CHECK, err,
                  "the message is not signed by the key or certificate it needs");
}

iscep_status iscep_admit_request(const iscep_host_ca *ca, const iscep_crypto *crypto,
                                 const iscep_pki_message *message, iscep_fail_info *fail_info,
                                 iscep_error *err)
{
    iscep_cert_request request;
    iscep_status status =
        iscep_cert_request_parse(&request, crypto, iscep_buf_bytes(&message->content), fail_info, err);
    if (status == ISCEP_OK)
        status = check_signer(ca, message, &request, fail_info, err);
    iscep_cert_request_clear(&request);
    return status;
}

/* Does the poll name the certificate that its transaction is about? */
static bool is_poll_for(const iscep_host_ca *ca, const iscep_crypto *crypto, iscep_bytes names,
                        iscep_bytes csr)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    bool is_same = iscep_cert_request_parse(&request, crypto, csr, &unused, NULL) == ISCEP_OK &&
                   iscep_issuer_and_subject_match(names, X509_get_subject_name(iscep_host_ca_cert(ca)),
                                                  X509_REQ_get_subject_name(request.csr));
    iscep_cert_request_clear(&request);
    return is_same;
}

iscep_status iscep_admit_poll(const iscep_host_ca *ca, const iscep_crypto *crypto,
                              iscep_transactions *transactions, const iscep_pki_message *message,
                              iscep_fail_info *fail_info, iscep_error *err)
{
    iscep_buf csr;
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    bool is_known = iscep_transactions_find(transactions, message->transaction_id, &csr);
    bool is_sound =
        !is_known || is_poll_for(ca, crypto, iscep_buf_bytes(&message->content), iscep_buf_bytes(&csr));
    iscep_buf_wipe(&csr);
    return is_sound ? ISCEP_OK
                    : refuse(fail_info, ISCEP_BAD_CERT_ID, err,
                             "the poll names another certificate than the request did");
}

iscep_vouching iscep_admit_delivery(const iscep_host_ca *ca, const iscep_crypto *crypto, iscep_bytes csr,
                                    X509 *cert)
{
    iscep_cert_request request;
    iscep_fail_info unused;
    bool is_sound = iscep_cert_request_parse(&request, crypto, csr, &unused, NULL) == ISCEP_OK &&
                    EVP_PKEY_eq(X509_get0_pubkey(cert), X509_REQ_get0_pubkey(request.csr)) == 1;
    iscep_cert_request_clear(&request);
    return is_sound ? iscep_host_ca_vouch(ca, cert) : ISCEP_VOUCH_NO;
}
