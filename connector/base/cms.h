/*
 * A CMS SignedData (RFC 5652) looked at from outside: what it carries, and who says to have signed it. Nothing is verified:
 * for showing, never for deciding.
 */
#ifndef ISCEP_BASE_CMS_H
#define ISCEP_BASE_CMS_H

#include "base/bytes.h"

typedef struct iscep_cms_facts {
    iscep_buf content;
    iscep_buf
        signer; /* subject of the first signer's certificate as RFC 2253 text; empty: it is not among those inside */
    int64_t signed_unix; /* the first signer's signingTime; 0: not said */
} iscep_cms_facts;

/*
 * USAGE "cms_malformed" when it is not exactly one ContentInfo, "cms_not_signed" when that is no SignedData,
 * "cms_no_content" when the content is elsewhere, "cms_too_large". Clear out in every case.
 */
iscep_status iscep_cms_look(iscep_cms_facts *out, iscep_bytes der, size_t max_content_len,
                            iscep_error *err) ISCEP_CHECKED;
void iscep_cms_facts_clear(iscep_cms_facts *facts);

#endif
