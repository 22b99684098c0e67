/* See refusals.h. */
#include "service/refusals.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "intune/advice.h"
#include "intune/reply.h"

static const iscep_code refusals[] = {
    /* The request cannot be read (base/x509.h, base/x509_facts.h). */
    {"csr_too_large", ISCEP_CODE_DEVICE, "the CSR is larger than max_csr_len",
     "no device needs so much; a very long challenge or name, or not a CSR at all"},
    {"csr_malformed", ISCEP_CODE_SERVER, "what came is not a PKCS#10 request of version 0 in DER",
     "the SCEP server must send the decrypted PKCS#10 as DER, not PEM, base64 or the whole pkiMessage"},
    {"csr_extensions_malformed", ISCEP_CODE_DEVICE,
     "the CSR's extensions cannot be read, one stands there twice, or they are requested twice",
     "two readers could understand two things; look at the request with intune-scepctl inspect"},
    {"csr_signature_invalid", ISCEP_CODE_DEVICE, "the CSR is not signed by its own key",
     "without proof of possession no certificate; was the CSR changed after it was signed?"},
    {"csr_challenge_missing", ISCEP_CODE_CHALLENGE, "the CSR carries no challengePassword",
     "the SCEP client did not get the profile's challenge, or the SCEP server took it out of the CSR"},
    {"csr_challenge_duplicate", ISCEP_CODE_CHALLENGE, "the CSR carries more than one challengePassword",
     "Intune might read one and others another; no honest client sends two"},
    {"csr_challenge_differs", ISCEP_CODE_SERVER, "the SCEP server read another challenge than the CSR holds",
     "the two are of different requests, or the server cannot read the challenge's encoding; issue nothing"},
    {"name_too_long", ISCEP_CODE_DEVICE, "a name in the CSR or the certificate is longer than any real one",
     "look at the request with intune-scepctl inspect"},
    {"transaction_id", ISCEP_CODE_SERVER, "the SCEP transactionID is not 1 to 255 printable ASCII characters",
     "the SCEP server must hand it on as the device sent it"},

    /* A rule of [policy] (service/csr_rules.h). */
    {"csr_challenge_length", ISCEP_CODE_CHALLENGE, "the challenge is too short or too long to be Intune's",
     "a static password instead of the profile's challenge? See min_challenge_len and max_challenge_len"},
    {"csr_challenge_foreign", ISCEP_CODE_CHALLENGE, "the challenge does not look like one of Intune's",
     "a static password instead of the profile's challenge? See foreign_challenge"},
    {"csr_key_type", ISCEP_CODE_PROFILE, "the CSR's key is of a kind that key_types does not list",
     "choose another key in the SCEP profile, or add the kind to key_types"},
    {"csr_key_size", ISCEP_CODE_PROFILE, "the CSR's RSA key is shorter or longer than allowed",
     "choose another key size in the SCEP profile, or change min_rsa_bits or max_rsa_bits"},
    {"csr_curve", ISCEP_CODE_PROFILE, "the CSR's key is on a curve that ec_curves does not list",
     "choose another key in the SCEP profile, or add the curve to ec_curves"},
    {"csr_digest", ISCEP_CODE_PROFILE, "the CSR is signed with a digest that digests does not list",
     "choose SHA-2 in the SCEP profile; RSASSA-PSS has two digests, and both count; a client that knows only "
     "SHA-1 needs sha1 in digests"},
    {"csr_ca_rights", ISCEP_CODE_DEVICE, "the CSR asks to be a CA, or to sign certificates or CRLs",
     "no device needs that: find out who made this request; see ca_rights"},
    {"csr_attribute", ISCEP_CODE_DEVICE,
     "the CSR carries an attribute or a name-value pair that csr_attributes or name_value_pairs does not "
     "list",
     "it can name a template or names past Intune; if devices need it and the CA does no harm with it, list "
     "it"},
    {"csr_extension", ISCEP_CODE_DEVICE, "the CSR asks for an extension that extensions does not list",
     "Intune does not look at it; if devices need it and the CA may grant it, add it to extensions"},
    {"csr_san_type", ISCEP_CODE_PROFILE,
     "the CSR asks for an alternative name of a kind that san_types does not list",
     "remove the name from the SCEP profile, or add its kind to san_types"},
    {"csr_sid_unapproved", ISCEP_CODE_DEVICE,
     "the CSR's SID extension names another account than its alternative names, which are all that Intune "
     "looks at",
     "find out who made this request: a CA that copies the extension would let it log on as that account"},

    /* The certificate that was issued (service/issued_check.h). */
    {"certificate_malformed", ISCEP_CODE_SERVER, "what came is not an X.509 certificate in DER",
     "the SCEP server must send the issued certificate alone, as DER"},
    {"certificate_extensions_malformed", ISCEP_CODE_CA,
     "the certificate's extensions cannot be read, or one stands there twice",
     "look at the CA's certificate profile"},
    {"certificate_key_mismatch", ISCEP_CODE_SERVER, "the certificate does not carry the CSR's key",
     "it was issued for another request: the SCEP server mixed up two transactions"},
    {"certificate_ca_rights", ISCEP_CODE_CA, "the certificate is a CA's, or may sign certificates or CRLs",
     "revoke it, and correct the CA's certificate profile"},
    {"certificate_expired", ISCEP_CODE_CA, "the certificate is no longer valid",
     "check the validity in the CA's certificate profile, and the clocks of CA and connector"},
    {"issued_sid_mismatch", ISCEP_CODE_CA,
     "the certificate's SID extension is not the SID that the CSR asks for",
     "revoke it: who holds it can log on as that account; does the CA make the SID up, or copy it from "
     "elsewhere?"},
    {"certificate_sid_missing", ISCEP_CODE_CA, "the CA left out the SID that the CSR asks for",
     "Windows would refuse the device's logon (KB5014754); let the CA copy URIs of the alternative names"},
    {"certificate_san_missing", ISCEP_CODE_CA, "the CA left out an alternative name that Intune approved",
     "let the CA's certificate profile copy all alternative names of the request"},
    {"certificate_san_added", ISCEP_CODE_CA, "the certificate has an alternative name that Intune never saw",
     "the CA adds names of its own: turn that off in its certificate profile, or see issued_check"},

    /* What becomes of a report (service/reporting.h). */
    {"certificate_withheld", ISCEP_CODE_SERVICE,
     "Intune could not be told of the certificate in time, so it is never delivered",
     "it is revoked at its CA; the device enrols anew. See withheld in [journal], and what kept Intune from "
     "answering"},
    {"certificate_revoked", ISCEP_CODE_SERVICE,
     "the certificate was revoked before it was delivered, or before it was reported again",
     "deliver nothing: the device enrols anew; intune-scepctl trace shows who wanted it revoked"},
    {"already_issued_other", ISCEP_CODE_SERVER, "another certificate stands for this very request already",
     "it is revoked if its CA is configured, otherwise revoke it; who asks to verify the same request again "
     "is given the right one"},
    {"never_validated", ISCEP_CODE_SERVER,
     "a certificate was issued for a request that was never validated here",
     "the SCEP server must ask before it issues: revoke the certificate, and see unvalidated_reports"},
};

const iscep_code *iscep_refusal_find(const char *code)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strcmp(refusals[i].code, code) == 0)
            return &refusals[i];
    return NULL;
}

const iscep_code *iscep_refusal_at(size_t index)
{
    return index < sizeof refusals / sizeof *refusals ? &refusals[index] : NULL;
}

const char *iscep_refusal_find_advice(const char *code)
{
    const iscep_code *refusal = iscep_code_find(code);
    if (refusal == NULL)
        refusal = iscep_refusal_find(code);
    return refusal != NULL ? refusal->advice : iscep_advice_find(code);
}

void iscep_refusal_emit(iscep_verdict *out, iscep_decision decision, const char *code, const char *finding)
{
    const iscep_code *refusal = iscep_refusal_find(code);
    char message[sizeof out->message];
    snprintf(message, sizeof message, "%s; %s", finding, refusal == NULL ? code : refusal->advice);
    *out = (iscep_verdict)ISCEP_VERDICT_INIT;
    out->decision = decision;
    iscep_text_copy(out->code, sizeof out->code, code);
    iscep_text_copy(out->message, sizeof out->message, message);
}
