/*
 * The numbers of SCEP, as RFC 8894 gives them: object identifiers of the signed attributes (3.2.1), message
 * types (3.2.1.2), pkiStatus (3.2.1.3) and failInfo (3.2.1.4).
 */
#ifndef ISCEP_HOST_RFC8894_H
#define ISCEP_HOST_RFC8894_H

#define ISCEP_OID_MESSAGE_TYPE    "2.16.840.1.113733.1.9.2"
#define ISCEP_OID_PKI_STATUS      "2.16.840.1.113733.1.9.3"
#define ISCEP_OID_FAIL_INFO       "2.16.840.1.113733.1.9.4"
#define ISCEP_OID_SENDER_NONCE    "2.16.840.1.113733.1.9.5"
#define ISCEP_OID_RECIPIENT_NONCE "2.16.840.1.113733.1.9.6"
#define ISCEP_OID_TRANSACTION_ID  "2.16.840.1.113733.1.9.7"
#define ISCEP_OID_FAIL_INFO_TEXT  "1.3.6.1.5.5.7.24.1"

/* PKCSReq and RenewalReq are SCEP_MESSAGE_… of scep_plugin.h, because the plugin is told of them. */
#define ISCEP_MESSAGE_CERT_REP  3u
#define ISCEP_MESSAGE_CERT_POLL 20u
#define ISCEP_MESSAGE_GET_CERT  21u
#define ISCEP_MESSAGE_GET_CRL   22u

#define ISCEP_NONCE_LEN 16

typedef enum iscep_pki_status {
    ISCEP_PKI_SUCCESS = 0,
    ISCEP_PKI_FAILURE = 2,
    ISCEP_PKI_PENDING = 3,
} iscep_pki_status;

typedef enum iscep_fail_info {
    ISCEP_BAD_ALG = 0,
    ISCEP_BAD_MESSAGE_CHECK = 1,
    ISCEP_BAD_REQUEST = 2,
    ISCEP_BAD_TIME = 3,
    ISCEP_BAD_CERT_ID = 4,
} iscep_fail_info;

static inline const char *iscep_fail_info_name(iscep_fail_info fail_info)
{
    switch (fail_info) {
    case ISCEP_BAD_ALG:
        return "badAlg";
    case ISCEP_BAD_MESSAGE_CHECK:
        return "badMessageCheck";
    case ISCEP_BAD_TIME:
        return "badTime";
    case ISCEP_BAD_CERT_ID:
        return "badCertId";
    case ISCEP_BAD_REQUEST:
        break;
    }
    return "badRequest";
}

#endif
